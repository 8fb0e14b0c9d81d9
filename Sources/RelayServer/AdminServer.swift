// The admin listener: health, metrics and the API behind `outcry incidents ack` and its like.
// Health and metrics are open; the API wants the token that stands beside the database. `Host` is
// checked, so that a page in a browser on the same machine cannot speak to it by a name of its own.

package import Alerting
import Foundation
import Glibc
import HTTPTypes
import Hummingbird
import Intake
package import Logging
import NIOCore
import ServiceLifecycle
import Storage
import Synchronization

/// What the admin pages show and can do; RelayServer hands it in.
package struct AdminActions: Sendable {
    package var ready: @Sendable () -> Readiness
    package var metrics: @Sendable () -> String
    /// Puts a command into the inbox; returns when it is on disk.
    package var command: @Sendable (Command) async throws -> Void
    /// Puts dead deliveries back: one by its id, or all (nil). Returns how many there were.
    package var retry: @Sendable (String?) async throws -> Int
}

/// `/readyz`: the relay takes events; how long the backlog is.
package struct Readiness: Sendable, Codable {
    package var ready: Bool
    /// Inputs that wait for the engine.
    package var inboxBacklog: Int
    /// Deliveries that wait to be sent.
    package var outboxBacklog: Int
    package var rules: Int
    package var rulesHash: String
    /// The sources with a session.
    package var sources: [Source] = []

    package struct Source: Sendable, Codable {
        package var name: String
        /// Whether events come in: pushed, or by a catch-up that works.
        package var up: Bool
        package var connected: Bool
        /// When that began, or when the connection was lost; RFC 3339.
        package var since: String
        package var lastCatchUp: String?
        package var trouble: String?
    }
}

/// Serves the admin listener until it is shut down.
package struct AdminServer: Service {
    private let address: Address
    private let token: String
    private let actions: AdminActions
    private let logger: Logger
    private let bound: @Sendable (Int) -> Void

    package init(
        address: Address, token: String, actions: AdminActions, logger: Logger,
        bound: @escaping @Sendable (Int) -> Void
    ) {
        self.address = address
        self.token = token
        self.actions = actions
        self.logger = logger
        self.bound = bound
    }

    package func run() async throws {
        let router = Router()
        router.add(middleware: HostCheck(expected: address.host))
        pages(router)
        let api = router.group("api")
        api.add(middleware: TokenCheck(token: token))
        calls(api)
        let bound = self.bound
        let app = Application(
            router: router, server: .kept,
            configuration: .init(address: .hostname(address.host, port: address.port)),
            onServerRunning: { channel in bound(channel.localAddress?.port ?? 0) },
            logger: quiet(logger))
        do {
            try await app.run()
        } catch let error as IOError {
            throw cannotListen(String(cString: strerror(error.errnoCode)))
        } catch let error as SocketAddressError {
            throw cannotListen("\(error)")
        }
    }

    private func cannotListen(_ reason: String) -> ConfigurationError {
        ConfigurationError(
            "cannot listen on \(address): \(reason) (see admin: in the configuration)")
    }

    private func pages(_ router: Router<BasicRequestContext>) {
        router.get("healthz") { _, _ in "ok\n" }
        router.get("readyz") { [actions] _, _ in
            let readiness = actions.ready()
            var response = try json(readiness)
            response.status = readiness.ready ? .ok : .serviceUnavailable
            return response
        }
        router.get("metrics") { [actions] _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4"],
                body: .init(byteBuffer: ByteBuffer(string: actions.metrics())))
        }
    }

    private func calls(_ api: RouterGroup<BasicRequestContext>) {
        for action in [Command.Action.acknowledge, .clear] {
            api.post("incidents/:target/\(action.rawValue)") { [actions] request, context in
                let target = try Self.parameter("target", context)
                let asked = try await request.decode(as: Asked.self, context: context)
                try await actions.command(
                    Command(action: action, target: target, by: asked.by))
                return HTTPResponse.Status.noContent
            }
        }
        api.post("deliveries/:id/retry") { [actions] _, context in
            let id = try Self.parameter("id", context)
            return try json(["retried": try await actions.retry(id)])
        }
        api.post("deliveries/retry-dead") { [actions] _, _ in
            try json(["retried": try await actions.retry(nil)])
        }
    }

    /// A part of the path, which the router leaves percent-encoded.
    private static func parameter(_ name: String, _ context: BasicRequestContext) throws -> String {
        let value = try context.parameters.require(name)
        guard let decoded = value.removingPercentEncoding else { throw HTTPError(.badRequest) }
        return decoded
    }

    private struct Asked: Decodable { var by: String }
}

/// Hummingbird tells of each start and stop; at `info` that is noise beside our own lines.
func quiet(_ logger: Logger) -> Logger {
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .warning)
    return quiet
}

private func json(_ value: some Encodable) throws -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return Response(
        status: .ok, headers: [.contentType: "application/json"],
        body: .init(byteBuffer: ByteBuffer(bytes: try encoder.encode(value) + Data("\n".utf8))))
}

/// Refuses a `Host` that is a name, but for `localhost` and the configured one (DNS rebinding).
private struct HostCheck: RouterMiddleware {
    let expected: String

    func handle(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        let authority = (request.head.authority ?? "").lowercased()
        let host =
            authority.hasPrefix("[")
            ? String(authority.prefix { $0 != "]" }.dropFirst())
            : String(authority.split(separator: ":").first ?? "")
        guard host == "localhost" || host == expected.lowercased() || isNumber(host) else {
            throw HTTPError(.misdirectedRequest)
        }
        return try await next(request, context)
    }

    /// An address is nobody's to point elsewhere; only a name can be made to lead here.
    private func isNumber(_ host: String) -> Bool {
        (try? SocketAddress(ipAddress: host, port: 0)) != nil  // an error: it is a name
    }
}

/// `Authorization: Bearer TOKEN`, compared in constant time.
private struct TokenCheck: RouterMiddleware {
    let token: String

    func handle(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        let given = Array((request.headers[.authorization] ?? "").utf8)
        let wanted = Array("Bearer \(token)".utf8)
        var difference = given.count ^ wanted.count
        for index in wanted.indices {
            difference |= Int(wanted[index] ^ (index < given.count ? given[index] : 0))
        }
        guard difference == 0 else { throw HTTPError(.unauthorized) }
        return try await next(request, context)
    }
}
