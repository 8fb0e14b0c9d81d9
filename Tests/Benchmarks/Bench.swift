// The benchmarks: a table that a person can compare, one line a figure. `all` runs everything
// against a built relay; `load` and `sink` are its two ends, for measuring by hand. All of it is on
// loopback, bounded in count and time, and starts and stops only what it started.
//
//     outcry-bench all [--outcry .build/release/outcry] [--only c,d] [--scale 0.1]
//         [--rules 10,10000] [--devices 1000] [--positions 200000]
//     outcry-bench load --port 8642 --count 100000 [--connections 64] [--rate 100]
//     outcry-bench sink [--port 0]

import Foundation
import Glibc

@main
enum Bench {
    static func main() {
        signal(SIGPIPE, SIG_IGN)
        do {
            let options = try Options(CommandLine.arguments.dropFirst())
            switch options.command {
            case "all": try runAll(options)
            case "load": try load(options)
            case "sink": try sink(options)
            default: throw BenchError("say all, load or sink; see the head of Bench.swift")
            }
        } catch {
            complain("\(error)")
            exit(1)
        }
    }

    private static func load(_ options: Options) throws {
        let generator = try LoadGenerator(
            port: options.number("port"), path: options.text("path", "/hooks/biketrax"),
            authorization: options.text("authorization", ""),
            connections: options.number("connections", 64))
        let run = try generator.run(
            count: options.number("count"), rate: Double(options.number("rate", 0)),
            firstId: options.number("first-id", 1), limit: .seconds(options.number("seconds", 120)))
        print("accepted_per_second  \(Int(run.acceptedPerSecond))  posts/s")
        print("answer_p50  \(milliseconds(run.answers.percentile(50)))  ms")
        print("answer_p99  \(milliseconds(run.answers.percentile(99)))  ms")
        print("not_200  \(run.refused)  posts")
    }

    private static func sink(_ options: Options) throws {
        let sink = try NotificationSink(port: options.number("port", 0))
        sink.start()
        print("listening on 127.0.0.1:\(sink.port); SIGTERM ends it")
        fflush(nil)
        // Blocked before any thread but ours waits for it, so that sigwait has it.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        var received: Int32 = 0
        sigwait(&signals, &received)
        let arrivals = sink.arrivals
        let span = arrivals.span
        print("requests  \(arrivals.requests)  requests")
        print("events  \(arrivals.times.count)  events")
        print("copies  \(arrivals.copies)  events")
        if span > 0 { print("rate  \(Int(Double(arrivals.times.count) / span))  events/s") }
    }
}

/// Says what went wrong, where the figures are not.
func complain(_ text: String) {
    FileHandle.standardError.write(Data("outcry-bench: \(text)\n".utf8))
}

/// What went wrong with a benchmark itself.
struct BenchError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// `command --name value …`.
struct Options {
    var command = ""
    private var values: [String: String] = [:]

    init(_ words: some Sequence<String>) throws {
        var name: String?
        for word in words {
            if let known = name {
                values[known] = word
                name = nil
            } else if word.hasPrefix("--") {
                name = String(word.dropFirst(2))
            } else if command.isEmpty {
                command = word
            } else {
                throw BenchError("'\(word)' is not understood")
            }
        }
        if let name { throw BenchError("--\(name) wants a value") }
    }

    func text(_ name: String, _ standard: String) -> String { values[name] ?? standard }

    func number(_ name: String, _ standard: Int? = nil) throws -> Int {
        guard let text = values[name] else {
            guard let standard else { throw BenchError("--\(name) is missing") }
            return standard
        }
        guard let number = Int(text) else { throw BenchError("--\(name) wants a number") }
        return number
    }

    func fraction(_ name: String, _ standard: Double) throws -> Double {
        guard let text = values[name] else { return standard }
        guard let number = Double(text) else { throw BenchError("--\(name) wants a number") }
        return number
    }
}
