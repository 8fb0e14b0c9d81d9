// swift-tools-version: 6.2
// Outcry: one executable over walls around effects. DESIGN in docs/ARCHITECTURE.md.
import PackageDescription

/// Swift settings of every target of ours: one place, one loop (at the end of this file).
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    // Not MemberImportVisibility: glibc's structs (timespec) belong to whichever C module the
    // compiler read first, so that it refuses their members in one build and not in the next.
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "outcry",
    products: [.executable(name: "outcry", targets: ["outcry"])],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache.git", from: "2.1.1"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess.git", from: "1.0.2"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-system.git", from: "1.8.1"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    ],
    targets: [
        // The pure core: rules, incidents, deliveries. No clock, no I/O.
        .target(
            name: "Alerting",
            dependencies: [
                .product(name: "Yams", package: "Yams"),
                .product(name: "Mustache", package: "swift-mustache"),
                .product(name: "Crypto", package: "swift-crypto"),
            ]),
        // The only module that knows SQL.
        .target(
            name: "Storage",
            dependencies: [
                "Alerting", "CSQLiteShim",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        .target(name: "CSQLiteShim", linkerSettings: [.linkedLibrary("sqlite3")]),
        // Events in: webhook, WebSocket, catch-up.
        .target(
            name: "Intake",
            dependencies: [
                "Alerting", "CSimdjson",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        // Messages out: e-mail, HTTP, hooks.
        .target(
            name: "Channels",
            dependencies: [
                "Alerting", "CCurl", "CCurlShim",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .systemLibrary(
            name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .target(name: "CCurlShim", dependencies: ["CCurl"]),
        .target(
            name: "CSimdjson",
            cxxSettings: [.unsafeFlags(["-O3"])],
            linkerSettings: [.linkedLibrary("simdjson")]),
        // Wires the parts together and runs the two loops.
        .target(
            name: "RelayServer",
            dependencies: [
                "Alerting", "Storage", "Intake", "Channels", "TrackerSimulator",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]),
        // A stand-in for a tracker server: for tests, for `outcry simulate`. It imports none of ours.
        .target(
            name: "TrackerSimulator",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        .executableTarget(
            name: "outcry",
            dependencies: [
                "RelayServer", "Alerting", "TrackerSimulator",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "outcry-bench",
            dependencies: ["Alerting", "Intake", "TestSupport", "TrackerSimulator"],
            path: "Tests/Benchmarks", exclude: ["bench.sh"]),
        .target(
            name: "TestSupport", dependencies: ["Alerting"], path: "Tests/TestSupport",
            exclude: ["aiosmtpd_sink.py", "http_sink.py", "smtp_sink.py"]),
        .testTarget(name: "AlertingTests", dependencies: ["Alerting", "TestSupport"]),
        .testTarget(
            name: "StorageTests",
            dependencies: [
                "Storage", "TestSupport", .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        .testTarget(
            name: "IntakeTests",
            dependencies: [
                "Intake", "TestSupport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Logging", package: "swift-log"),
                .product(
                    name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .testTarget(name: "ChannelsTests", dependencies: ["Channels", "TestSupport"]),
        .testTarget(
            name: "TrackerSimulatorTests", dependencies: ["TrackerSimulator", "TestSupport"],
            exclude: ["clients.py"]),
        .testTarget(
            name: "RelayServerTests",
            dependencies: [
                "RelayServer", "Alerting", "Storage", "Intake", "Channels", "TestSupport",
                "TrackerSimulator",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "EndToEndTests",
            dependencies: ["TestSupport", "outcry", "TrackerSimulator", "Storage", "Intake"]),
        .testTarget(name: "TidyTests"),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)

for target in package.targets
where target.type != .system && !["CCurlShim", "CSQLiteShim", "CSimdjson"].contains(target.name) {
    target.swiftSettings = (target.swiftSettings ?? []) + strict
}
