// A connection that is accepted while the listener closes is handed to nobody: Hummingbird's loop
// over new connections has ended. NIO's async channel then ends the process ("Deinited
// NIOAsyncWriter without calling finish()"), since its writer's last owner is gone when the
// connection becomes active. So what is made of a connection is held until it is closed.

package import HummingbirdCore
package import Logging
package import NIOCore

/// Any child channel of Hummingbird's server, held for as long as its connection lives.
package struct KeptChannel<Base: ServerChildChannel>: ServerChildChannel {
    private let base: Base

    package init(_ base: Base) { self.base = base }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        base.setup(channel: channel, logger: logger).map { value in
            // Completed after the handlers are removed, which finishes the writer.
            channel.closeFuture.whenComplete { _ in withExtendedLifetime(value) {} }
            return value
        }
    }

    package func handle(value: Base.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}

extension HTTPServerBuilder {
    /// Plain HTTP/1.1.
    package static var kept: HTTPServerBuilder {
        HTTPServerBuilder { KeptChannel(HTTP1Channel(responder: $0)) }
    }
}
