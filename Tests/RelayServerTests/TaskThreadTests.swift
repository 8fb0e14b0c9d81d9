// The thread that runs tasks between its own work, and the nudge by which they wake it.
import Foundation
import Synchronization
import Testing

@testable import RelayServer

@Suite("A thread of ours that runs tasks", .timeLimit(.minutes(1)))
struct TaskThreadTests {
    @Test("tasks run where they are asked for, in order, also after they have waited")
    func runs() {
        let thread = TaskThread {}
        let here = pthread_self()
        let seen = Seen<(name: String, isHere: Bool)>()
        let note: @Sendable (String) -> Void = { seen.note(($0, pthread_self() == here)) }
        let (stream, door) = AsyncStream.makeStream(of: Void.self)
        _ = Task(executorPreference: thread) {
            note("a")
            for await _ in stream {}
            note("c")
        }
        _ = Task(executorPreference: thread) {
            door.finish()
            note("b")
        }
        #expect(seen.all.isEmpty)
        thread.runWaiting()
        #expect(seen.all.map(\.name) == ["a", "b"], "what a round brings waits for the next")
        thread.runWaiting()
        #expect(seen.all.map(\.name) == ["a", "b", "c"])
        #expect(seen.all.allSatisfy { $0.isHere })
    }

    @Test("a thread that rests is woken by a task, one at work is not")
    func wakes() {
        let wakes = Atomic(0)
        let thread = TaskThread { wakes.add(1, ordering: .relaxed) }
        func bring() { _ = Task(executorPreference: thread) {} }
        bring()
        #expect(wakes.load(ordering: .relaxed) == 0)
        #expect(!thread.mayRest(), "a task waits")
        thread.runWaiting()
        #expect(thread.mayRest())
        bring()
        bring()
        #expect(wakes.load(ordering: .relaxed) == 1)
        thread.runWaiting()
    }

    @Test("a nudge ends a wait, is not lost, and is no raise")
    func nudge() {
        let signal = Signal()
        signal.nudge()
        #expect(!signal.wait(timeout: .seconds(10)))
        signal.nudge()
        signal.raise()
        #expect(signal.wait(timeout: .seconds(10)))
        #expect(!signal.wait(timeout: .zero))
    }
}
