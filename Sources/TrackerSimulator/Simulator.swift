// A stand-in for a BikeTrax or Traccar server, good enough that real clients work with it: REST,
// WebSocket and webhook around one World (read that first: World/World.swift). Everything that
// happens goes through `perform`; Server/ServerState*.swift answers requests, Control.swift lets
// tests and people make things go wrong.

import NIOCore
import NIOHTTP1
package import NIOPosix
import NIOSSL
import NIOWebSocket
import Synchronization

/// How the stand-in is set up.
package struct SimulatorConfiguration: Sendable {
    package var world: World
    package var host = "127.0.0.1"
    /// 0: any free one.
    package var port = 0
    /// PEM files: it speaks https and wss. nil: http and ws.
    package var tls: (certificate: String, key: String)?
    package var seed: UInt64 = 1
    /// Between two `{}` (TaskWebSocketKeepalive.java).
    package var keepAlive: Duration = .seconds(55)
    /// A socket that says nothing for so long is closed (`web.timeout`: 300 s now, 60 s up to 5.x).
    package var idleTimeout: Duration = .seconds(300)
    /// Is told of each event as it is made, behind the one that made it.
    package var witness: @Sendable (World.Event, World.Device) -> Void = { _, _ in }

    package init(world: World) { self.world = world }
}

/// A running stand-in. All of it may be called on any thread.
package final class Simulator: Sendable {
    struct State: Sendable {
        var server: ServerState
        var sockets: [ObjectIdentifier: PushSocket] = [:]
        var players: [Player] = []
        var posts: [WebhookPost] = []
        var transactions = 0
        var socketsOpened = 0
        var isStopped = false
        /// Whether chance decides to lose a post, and how late the overtaken ones are.
        var chance: SeededRandom
    }
    let state: Mutex<State>
    let now: @Sendable () -> Moment
    let sender: WebhookSender
    private let configuration: SimulatorConfiguration
    private let group: any EventLoopGroup
    private let listener = Mutex<(any Channel)?>(nil)

    /// Listens, and gives the stand-in as soon as it does.
    /// - Parameter now: the clock; scenes are played by its pace, events stamped by its time.
    package static func start(
        _ configuration: SimulatorConfiguration,
        group: MultiThreadedEventLoopGroup = .singleton,
        now: @escaping @Sendable () -> Moment
    ) async throws -> Simulator {
        let simulator = Simulator(configuration, group, now)
        try await simulator.listen()
        return simulator
    }

    private init(
        _ configuration: SimulatorConfiguration, _ group: any EventLoopGroup,
        _ now: @escaping @Sendable () -> Moment
    ) {
        self.configuration = configuration
        self.group = group
        self.now = now
        sender = WebhookSender(on: group)
        state = Mutex(
            State(
                server: ServerState(configuration.world, seed: configuration.seed),
                chance: SeededRandom(seed: configuration.seed &+ 1)))
    }

    package var port: Int { listener.withLock { $0?.localAddress?.port ?? 0 } }
    /// What a client is configured with: `http://127.0.0.1:8082`.
    package var url: String {
        "\(configuration.tls == nil ? "http" : "https")://\(configuration.host):\(port)"
    }

    /// Ends every scene and connection. What waits to be posted is not posted any more.
    package func stop() async throws {
        let players = state.withLock { state in
            state.isStopped = true
            return state.players
        }
        for player in players { player.stop() }
        dropSockets()
        let channel = listener.withLock { listener in
            defer { listener = nil }
            return listener
        }
        try await channel?.close()
    }

    // MARK: - What happens

    /// Something arrives at the server now; everybody who listens is told.
    /// - Returns: the events that it made.
    @discardableResult
    package func perform(_ action: World.Action) -> [World.Event] {
        let changes = state.withLock { state in
            let now = now()
            let changes = state.server.world.take(action, now: now)
            for change in changes { publish(change, now, &state) }
            return changes
        }
        return changes.compactMap { change in
            guard case .event(let event, _, let device) = change else { return nil }
            configuration.witness(event, device)
            return event
        }
    }

    /// Changes what no message tells: accounts, notifications, fences, devices.
    package func change(_ body: @Sendable (inout World) -> Void) {
        state.withLock { body(&$0.server.world) }
    }

    /// A scene that was played before anybody listened: only its memory is left.
    package func remember(_ scene: Scene, from start: Moment) {
        state.withLock { state in
            state.server.world.addFleet(scene.fleet, now: start)
            scene.play(on: &state.server.world, from: start)
        }
    }

    /// Plays a scene; returns when it is over or the stand-in has been stopped.
    package func play(_ scene: Scene, speed: Double = 1) async throws {
        try await begin(scene, speed: speed).end.get()
    }

    /// Begins a scene beside whatever is played already.
    @discardableResult
    func begin(_ scene: Scene, speed: Double) -> Player {
        let player = Player(scene, speed: speed, on: group.next()) { [weak self] action in
            self?.perform(action)
        }
        let isStopped = state.withLock { state in
            state.server.world.addFleet(scene.fleet, now: now())
            state.players.append(player)
            return state.isStopped
        }
        player.end.whenComplete { [weak self] _ in
            self?.state.withLock { $0.players.removeAll { $0 === player } }
        }
        if isStopped { player.stop() } else { player.start() }
        return player
    }

    // MARK: - What happened

    /// Every event that was ever made, also those with id 0.
    package var events: [World.MadeEvent] { state.withLock { $0.server.world.events } }
    /// What became of the webhook's posts.
    package var posts: [WebhookPost] { state.withLock { $0.posts } }
    package var world: World { state.withLock { $0.server.world } }
    package var openSockets: Int { state.withLock { $0.sockets.count } }
    /// How many sockets were ever accepted.
    package var socketsOpened: Int { state.withLock { $0.socketsOpened } }
    /// Sessions that are known.
    package var sessions: Int { state.withLock { $0.server.sessions.count } }
    /// Neither a scene nor a post is under way.
    package var isIdle: Bool {
        state.withLock { $0.players.isEmpty } && sender.pending == 0
    }

    // MARK: - What goes wrong

    package var faults: Faults { state.withLock { $0.server.faults } }

    package func setFaults(_ body: @Sendable (inout Faults) -> Void) {
        state.withLock { body(&$0.server.faults) }
    }

    /// Ends every WebSocket: with a close frame, or as a network does.
    package func dropSockets(gracefully: Bool = false) {
        // They leave the table by themselves, when their connections have ended.
        for socket in state.withLock({ Array($0.sockets.values) }) {
            socket.drop(gracefully: gracefully)
        }
    }

    /// What a restart of the server does to its clients: sessions are forgotten, sockets end.
    package func restart() {
        state.withLock { $0.server.sessions = [:] }
        dropSockets(gracefully: true)
    }

    // MARK: - Connections

    private func listen() async throws {
        let encryption = try configuration.tls.map { files in
            try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: NIOSSLCertificate.fromPEMFile(files.certificate).map {
                        .certificate($0)
                    },
                    privateKey: .privateKey(NIOSSLPrivateKey(file: files.key, format: .pem))))
        }
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    if let encryption {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLServerHandler(context: encryption))
                    }
                    try setUp(channel)
                }
            }
            .bind(host: configuration.host, port: configuration.port).get()
        listener.withLock { $0 = channel }
    }

    private func setUp(_ channel: any Channel) throws {
        let upgrader = NIOWebSocketServerUpgrader(
            shouldUpgrade: { [self] channel, head in
                let request = Request(head)
                let isWelcome =
                    request.path == ["api", "socket"]
                    && state.withLock {
                        !$0.server.faults.isDown && $0.server.isLoggedIn(request)
                    }
                return channel.eventLoop.makeSucceededFuture(isWelcome ? [:] : nil)
            },
            upgradePipelineHandler: { [self] channel, _ in
                channel.eventLoop.makeCompletedFuture { try open(channel) }
            })
        let door = HTTPDoor(upgrader: upgrader) { [self] request in answer(request) }
        try door.add(to: channel.pipeline.syncOperations)
    }

    /// The first message is the latest positions; what happens from then on follows it.
    private func open(_ channel: any Channel) throws {
        let times = (configuration.keepAlive, configuration.idleTimeout)
        let socket = PushSocket(channel, keepAlive: times.0, idle: times.1) { [weak self] in
            self?.faults.isSilent ?? false
        } left: { [weak self] socket in
            self?.state.withLock { $0.sockets[ObjectIdentifier(socket)] = nil }
        }
        state.withLock { state in
            state.sockets[ObjectIdentifier(socket)] = socket
            state.socketsOpened += 1
            let world = state.server.world
            var text = JSONText(world.dialect)
            text.object { $0.member("positions", world.latestPositions) }
            socket.send(text.bytes, fragment: state.server.faults.fragment)
        }
        // Behind that: a connection that has ended meanwhile leaves the table at once.
        try channel.pipeline.syncOperations.addHandler(socket)
    }

    private func answer(_ request: Request) -> (Answer, Duration) {
        if request.path.first == "simulator" { return (control(request), .zero) }
        return state.withLock { state in
            let now = now()
            var answer = state.server.answer(request, now: now)
            // As Jetty sends it with each answer.
            answer.headers.append(("Date", now.httpDate))
            return (answer, state.server.faults.delay)
        }
    }

    /// A task on one of the loops, in so long.
    func later(_ delay: Duration, _ body: @escaping @Sendable () -> Void) {
        group.next().scheduleTask(in: .milliseconds(delay.inMilliseconds), body)
    }
}
