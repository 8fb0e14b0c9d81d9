// Plays a scene against the clock on the wall: each step when its time has come, divided by the
// speed. Events are stamped when they are made, so a scene at ten times the speed is a faster
// life, not a clock that runs ahead of everybody else's.

import NIOCore
import Synchronization

/// One scene that is being played.
final class Player: Sendable {
    private struct State {
        var steps: AnyIterator<Scene.Step>
        var next: Scene.Step?
        var isStopped = false
    }
    private let loop: any EventLoop
    private let speed: Double
    private let began = NIODeadline.now()
    private let perform: @Sendable (World.Action) -> Void
    private let state: NIOLoopBoundBox<State>
    private let ended: EventLoopPromise<Void>
    /// So many steps before the loop's other work gets its turn.
    private static let batch = 500

    /// - Parameter speed: 2: twice as fast.
    init(
        _ scene: Scene, speed: Double, on loop: any EventLoop,
        perform: @escaping @Sendable (World.Action) -> Void
    ) {
        self.loop = loop
        self.speed = max(speed, 0.001)
        self.perform = perform
        ended = loop.makePromise()
        state = .makeBoxSendingValue(State(steps: scene.makeIterator()), eventLoop: loop)
    }

    /// When it is over, or has been stopped.
    var end: EventLoopFuture<Void> { ended.futureResult }

    func start() { loop.execute { self.advance() } }

    func stop() {
        loop.execute { [self] in
            guard !state.value.isStopped else { return }
            state.value.isStopped = true
            ended.succeed()
        }
    }

    private func advance() {
        guard !state.value.isStopped else { return }
        for _ in 0..<Self.batch {
            guard let step = state.value.next ?? state.value.steps.next() else {
                state.value.isStopped = true
                return ended.succeed()
            }
            let due = began + .nanoseconds(Int64(Double(step.at.inMilliseconds) / speed * 1e6))
            guard due <= .now() else {
                state.value.next = step
                loop.scheduleTask(deadline: due) { self.advance() }
                return
            }
            state.value.next = nil
            perform(step.action)
        }
        loop.execute { self.advance() }
    }
}
