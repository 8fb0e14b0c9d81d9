// Hooks as real programs: small shell scripts, started by their own path and never through our
// shell, with what they may see, how long they may take, and what is left when they are gone.
import Alerting
import Foundation
import TestSupport
import Testing

@testable import Channels

@Suite("Hook", .serialized)
struct HookNotifierTests {
    /// Runs `sh -c script name arguments…`: the shell here is the hook.
    private func run(
        _ script: String, _ arguments: [String] = [], timeout: Duration = .seconds(10),
        message: Message = Sample.message(channel: .hook("ring"))
    ) async throws -> Outcome {
        let settings = HookSettings(
            run: ["/bin/sh", "-c", script, "hook"] + arguments, timeout: timeout)
        return await (try HookNotifier(settings, grace: .milliseconds(300))).notify(message)
    }

    @Test(
        "0 is delivered, 75 is retried, everything else is rejected",
        arguments: [
            (0, 0), (75, 1), (1, 2), (2, 2), (126, 2), (255, 2),
        ])
    func codes(code: Int, expected: Int) async throws {
        let outcome = try await run("exit \(code)")
        #expect(outcome.isDelivered == (expected == 0))
        #expect(outcome.blames == (expected == 1 ? .channel : nil))
        #expect(outcome.isRejected == (expected == 2))
        #expect(outcome.note == "exit \(code)")
    }

    @Test("a hook that dies of a signal is rejected")
    func signalled() async throws {
        #expect(try await run("kill -SEGV $$") == .rejected(note: "ended by signal 11"))
    }

    @Test(
        "a program that cannot be started is retried",
        arguments: [
            "/nonexistent/hook", "no-such-program-anywhere", "/etc/passwd", "/tmp",
        ])
    func notStarted(program: String) async throws {
        let notifier = try HookNotifier(HookSettings(run: [program]))
        let outcome = await notifier.notify(Sample.message())
        #expect(
            outcome == .retry(after: nil, blames: .channel, note: "the program cannot be started"))
    }

    @Test("arguments reach the program as they are: no shell reads them")
    func arguments() async throws {
        let outcome = try await run(
            #"printf '%s|' "$@""#, ["$(id)", "; echo no", "a b", "*", "`id`", ""])
        #expect(outcome.note == "exit 0\n$(id)|; echo no|a b|*|`id`||")
    }

    @Test("the environment is CONFIG's list and three variables that programs need")
    func environment() async throws {
        let outcome = try await run("env | sort", message: Sample.message(id: "d1", text: "a\tb"))
        let lines = outcome.note.split(separator: "\n").dropFirst().map(String.init)
            .filter { !$0.hasPrefix("PWD=") && !$0.hasPrefix("_=") && !$0.hasPrefix("SHLVL=") }
        #expect(
            lines == [
                "HOME=/", "LANG=C.UTF-8", "OUTCRY_ALARM=vibration", "OUTCRY_DELIVERY=d1",
                "OUTCRY_DEVICE=Cargo 1", "OUTCRY_EVENT=alarm", "OUTCRY_EVENT_ID=173",
                "OUTCRY_INCIDENT=inc1", "OUTCRY_REASON=first", "OUTCRY_RULES=theft-at-night",
                "OUTCRY_SEVERITY=critical", "OUTCRY_SUBJECT=Cargo 1: vibration",
                "OUTCRY_TEXT=a\tb", "OUTCRY_TIME=2026-11-24T15:00:00.000Z",
                "OUTCRY_UNIQUE_ID=356",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ])
    }

    @Test("a time that cannot be says so, and the example of a hook writes none")
    func wrongClock() async throws {
        var item = Sample.item()
        item.event?.clockWrong = true
        let wrong = Sample.message(items: [item])
        let asked = "printf '%s %s' $OUTCRY_TIME $OUTCRY_CLOCK_WRONG"
        let seen = try await run(asked, message: wrong).note
        #expect(seen == "exit 0\n2026-11-24T15:00:00.000Z true")

        let hook = projectRoot + "/etc/hooks/log-to-file.sh"
        let notifier = try HookNotifier(HookSettings(run: [hook, "/dev/stdout"]))
        let told = "critical Cargo 1: vibration\n"
        #expect(await notifier.notify(wrong).note == "exit 0\n- \(told)")
        let right = await notifier.notify(Sample.message()).note
        #expect(right == "exit 0\n2026-11-24T15:00:00.000Z \(told)")
    }

    @Test("controls and bidirectional marks do not reach the environment")
    func controls() async throws {
        let name = "Cargo\u{1B}[31m\u{0}\u{202E}one\u{85}\u{9B}\nIFS=x"
        let outcome = try await run(
            #"printf '%s/%s' "$OUTCRY_DEVICE" "$IFS" | od -An -c | tr -d ' \n'"#,
            message: Sample.message(items: [Sample.item(device: name)]))
        #expect(outcome.note.contains("Cargo[31moneIFS=x/"))
    }

    @Test("a variable has 8 KiB at most and ends at a character")
    func longVariables() async throws {
        let text = String(repeating: "ü", count: 40_000)
        let outcome = try await run(
            #"printf %s "$OUTCRY_TEXT" | wc -c; printf %s "$OUTCRY_SUBJECT" | tail -c 2"#,
            message: Sample.message(subject: "x" + text, text: "x" + text))
        #expect(outcome.note == "exit 0\n8191\nü")
    }

    @Test(
        "the JSON is on stdin, and a hook that does not read it harms nobody",
        arguments: [
            ("cat | wc -c", "exit 0\n1000000"), ("exit 0", "exit 0"), ("head -c 3", "exit 0\nxxx"),
            ("exec <&-; exit 0", "exit 0"),
        ])
    func stdin(script: String, note: String) async throws {
        let json = String(repeating: "x", count: 1_000_000)
        let outcome = try await run(script, message: Sample.message(json: json))
        #expect(outcome.note.trimmingCharacters(in: .newlines) == note)
    }

    @Test("64 KiB of the output are kept and the rest is read: the hook never blocks")
    func output() async throws {
        let outcome = try await run("head -c 5000000 /dev/zero | tr '\\0' x; echo err >&2; exit 3")
        #expect(outcome.isRejected)
        #expect(outcome.note.hasPrefix("exit 3 (output cut)\nxxx"))
        #expect(outcome.note.utf8.count == 65_536 + "exit 3 (output cut)\n".utf8.count)
    }

    @Test("stdout and stderr are kept, without what would drive a terminal")
    func outputIsPlain() async throws {
        let outcome = try await run(#"printf 'a\033[31m\r\nb\0'; printf 'c\377' >&2"#)
        #expect(outcome.note == "exit 0\na[31m\nbc\u{FFFD}")
    }

    @Test("all that a quick hook wrote is kept, however it ends")
    func quickOutput() async throws {
        for _ in 1...40 {
            let outcome = try await run("head -c 60000 /dev/zero | tr '\\0' x; exit 1")
            #expect(outcome.note.utf8.count == "exit 1\n".utf8.count + 60_000)
        }
    }
}

@Suite("Hook: its time and its processes", .serialized)
struct HookProcessTests {
    private func run(
        _ script: String, timeout: Duration, grace: Duration = .milliseconds(300)
    ) async throws -> (Outcome, Duration) {
        let settings = HookSettings(run: ["/bin/sh", "-c", script], timeout: timeout)
        let start = ContinuousClock.now
        let outcome = await (try HookNotifier(settings, grace: grace)).notify(Sample.message())
        return (outcome, ContinuousClock.now - start)
    }

    /// Whether a process with this argument is there: each test sleeps a time of its own.
    private func lives(_ argument: String) throws -> Bool {
        let processes = try FileManager.default.contentsOfDirectory(atPath: "/proc")
        return processes.contains { process in
            guard Int(process) != nil else { return false }
            // A process that is gone meanwhile does not live.
            let line = try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)
            return line?.split(separator: "\0").last.map(String.init) == argument
        }
    }

    /// A signal is sent at once, but the process has to be scheduled to die of it.
    private func isGone(_ argument: String) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(5)
        while try lives(argument) {
            guard ContinuousClock.now < end else { return false }
            await Task.yield()
        }
        return true
    }

    @Test("over its time a hook is asked to end, and what it wrote until then is kept")
    func overTime() async throws {
        let (outcome, time) = try await run(
            "trap 'exit 0' TERM; echo began; sleep 61.001 & wait", timeout: .seconds(1))
        #expect(outcome.blames == .channel)
        #expect(outcome.note == "stopped after 1.0 seconds\nbegan\n")
        #expect(time < .seconds(5))
        #expect(try await isGone("61.001"))
    }

    @Test("a hook that does not listen to SIGTERM is killed with all it started")
    func killed() async throws {
        let (outcome, time) = try await run(
            "trap '' TERM; sleep 61.002 & sleep 61.003", timeout: .milliseconds(500))
        #expect(outcome.blames == .channel)
        #expect(time < .seconds(5))
        #expect(try await isGone("61.002"))
        #expect(try await isGone("61.003"))
    }

    @Test("what a hook leaves behind is killed, also after a good end, and does not hold it up")
    func background() async throws {
        let (outcome, time) = try await run("sleep 61.004 & echo done", timeout: .seconds(20))
        #expect(outcome == .delivered(note: "exit 0\ndone\n"))
        #expect(time < .seconds(10))
        #expect(try await isGone("61.004"))
    }

    @Test("a hook that closes its output is still waited for, and still timed")
    func closedOutput() async throws {
        let (late, _) = try await run("exec >&- 2>&-; sleep 0.3; exit 75", timeout: .seconds(20))
        #expect(late == .retry(after: nil, blames: .channel, note: "exit 75"))
        let (stopped, time) = try await run(
            "exec >&- 2>&-; sleep 61.005", timeout: .milliseconds(500))
        #expect(stopped.blames == .channel)
        #expect(time < .seconds(5))
        #expect(try await isGone("61.005"))
    }

    @Test("cancelling the task ends the hook")
    func cancels() async throws {
        let marker = FileManager.default.temporaryDirectory.appending(path: "hook-\(UUID())")
        try Command.run("/usr/bin/mkfifo", [marker.path])
        defer { _ = try? FileManager.default.removeItem(at: marker) }  // a temporary file
        let settings = HookSettings(
            run: ["/bin/sh", "-c", "echo > \(marker.path); sleep 61.006"], timeout: .seconds(60))
        let notifier = try HookNotifier(settings, grace: .milliseconds(300))
        let task = Task { await notifier.notify(Sample.message()) }
        // Reading the pipe waits for the hook to write to it: it runs.
        let reader = try FileHandle(forReadingFrom: marker)
        _ = try reader.readToEnd()
        try reader.close()
        task.cancel()
        #expect(await task.value == .retry(after: nil, blames: .message, note: "cancelled"))
        #expect(try await isGone("61.006"))
    }

    @Test("a hook has a session of its own and none of our descriptors")
    func isolation() async throws {
        let (outcome, _) = try await run(
            """
            for fd in /proc/$$/fd/*; do test -e $fd && printf '%s ' ${fd##*/}; done
            test $(ps -o sid= -p $$) -eq $$ && echo own; pwd
            """,
            timeout: .seconds(10))
        let lines = outcome.note.components(separatedBy: "\n")
        #expect(lines.dropFirst().prefix(2) == ["0 1 2 own", "/"])
    }

    @Test("descriptors do not grow with the number of hooks")
    func descriptors() async throws {
        func open() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
                .filter { descriptor in
                    let target = try? FileManager.default.destinationOfSymbolicLink(
                        atPath: "/proc/self/fd/\(descriptor)")  // gone meanwhile: not ours
                    return target?.contains("outcry-") == true
                }.count
        }
        for _ in 1...20 { _ = try await run("exit 0", timeout: .seconds(10)) }
        _ = await (try HookNotifier(HookSettings(run: ["/nonexistent"]))).notify(Sample.message())
        #expect(try open() < 10)
    }
}
