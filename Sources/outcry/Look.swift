// `outcry events`, `incidents` and `deliveries`: what happened, read from the database, which works
// when the relay is down; and what a person may change, asked of the running relay.

import Alerting
import ArgumentParser
import RelayServer

struct Events: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What came in, when, by which road, and which rules fired.")

    @OptionGroup var config: ConfigurationOption
    @Option(help: "Of this device: its name or uniqueId.") var device: String?
    @Option(help: "How many, the newest last.") var last: Count = 20

    func run() throws {
        print(try Look(config.read(secrets: false)).events(device: device, last: last.number))
    }
}

struct Incidents: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, show, acknowledge and clear incidents.",
        subcommands: [List.self, Show.self, Acknowledge.self, Clear.self],
        defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Open ones; --all: cleared too.")
        @OptionGroup var config: ConfigurationOption
        @Flag(help: "Cleared ones too.") var all = false
        @Option(help: "How many at most.") var last: Count = 50

        func run() throws {
            print(try Look(config.read(secrets: false)).incidents(all: all, last: last.number))
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "One, with all that it told.")
        @OptionGroup var config: ConfigurationOption
        @Argument(help: "Its id, or the beginning of it.") var id: String

        func run() throws { print(try Look(config.read(secrets: false)).incident(id)) }
    }

    struct Acknowledge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ack", abstract: "Say that somebody has taken it on.")
        @OptionGroup var config: ConfigurationOption
        @Argument(help: "An incident's id, a rule or a device.") var target: String
        @Option(help: "Who says so.") var by = Look.user

        func run() async throws {
            try await Look(config.read(secrets: false)).command(.acknowledge, target, by: by)
            print("\(target): acknowledged")
        }
    }

    struct Clear: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say that it is over.")
        @OptionGroup var config: ConfigurationOption
        @Argument(help: "An incident's id, a rule or a device.") var target: String
        @Option(help: "Who says so.") var by = Look.user

        func run() async throws {
            try await Look(config.read(secrets: false)).command(.clear, target, by: by)
            print("\(target): cleared")
        }
    }
}

struct Deliveries: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What was sent, what waits and what was given up.",
        subcommands: [List.self, Retry.self], defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The newest, the newest last.")
        @OptionGroup var config: ConfigurationOption
        @Flag(help: "Only those that were given up, with their history.") var dead = false
        @Option(help: "How many at most.") var last: Count = 50

        func run() throws {
            print(try Look(config.read(secrets: false)).deliveries(dead: dead, last: last.number))
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Send given-up ones again.")
        @OptionGroup var config: ConfigurationOption
        @Argument(help: "A delivery's id.") var id: String?
        @Flag(help: "All that were given up.") var allDead = false

        func validate() throws {
            guard (id != nil) != allDead else {
                throw ValidationError("say either an id or --all-dead")
            }
        }

        func run() async throws {
            let count = try await Look(config.read(secrets: false)).retry(id)
            print("\(count) to be sent again")
        }
    }
}
