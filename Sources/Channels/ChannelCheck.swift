// Whether a channel would work, as far as can be found out without sending anything to anybody:
// mail up to the login, a web receiver by its HEAD, a hook by its file. For `outcry doctor`; what
// it says holds no address, no URL and no secret.
import Alerting
import Foundation

/// What a look at a channel has shown.
package struct ChannelCheck: Sendable, Hashable {
    package var isWell: Bool
    /// What was found, or what is wrong.
    package var words: String

    /// - Parameter transfer: one that is used for nothing else.
    package init(_ settings: ChannelSettings, over transfer: CurlTransfer) async {
        do {
            switch settings {
            case .email(let email):
                self = await Self.mail(try SMTPNotifier(email, over: transfer), email, transfer)
            case .http(let http):
                self = await Self.web(try HTTPNotifier(http, over: transfer), http, transfer)
            case .hook(let hook): self = Self.program(hook.run.first ?? "")
            }
        } catch {
            // SettingsError: its words name the key.
            self.init(isWell: false, words: "\(error)")
        }
    }

    init(isWell: Bool, words: String) {
        self.isWell = isWell
        self.words = words
    }

    // MARK: - Mail

    private static func mail(
        _ notifier: SMTPNotifier, _ settings: EmailSettings, _ transfer: CurlTransfer
    ) async -> ChannelCheck {
        var request = TransferRequest()
        request.isProbe = true
        let result = await transfer.perform(request, at: notifier.endpoint)
        switch SMTPNotifier.outcome(result) {
        case .delivered:
            let what = settings.username == nil ? "it asks for no login" : "the login is accepted"
            return ChannelCheck(isWell: true, words: "the mail server answers, \(what)")
        case .retry(_, _, let note), .rejected(let note):
            return ChannelCheck(isWell: false, words: note)
        }
    }

    // MARK: - HTTP

    private static func web(
        _ notifier: HTTPNotifier, _ settings: HTTPSettings, _ transfer: CurlTransfer
    ) async -> ChannelCheck {
        var request = TransferRequest()
        request.isProbe = true
        request.headers = ["User-Agent: outcry"]
        let result = await transfer.perform(request, at: notifier.endpoint)
        guard result.end == .answered else {
            return ChannelCheck(isWell: false, words: result.end.words)
        }
        // 4xx and 501 are what most receivers of POST say to a HEAD.
        return result.status >= 500 && result.status != 501
            ? ChannelCheck(isWell: false, words: "it answers \(result.status)")
            : ChannelCheck(isWell: true, words: "it answers (\(result.status) to a HEAD)")
    }

    // MARK: - Hooks

    /// What `execve` would say, without running it.
    static func program(_ name: String) -> ChannelCheck {
        let places =
            name.contains("/")
            ? [name] : HookEnvironment.path.split(separator: ":").map { "\($0)/\(name)" }
        guard let file = places.first(where: { exists($0) }) else {
            return ChannelCheck(isWell: false, words: "there is no program \(name)")
        }
        guard canRun(file) else {
            return ChannelCheck(
                isWell: false, words: "\(file) may not be run by this user (chmod +x)")
        }
        if let interpreter = interpreter(of: file), !canRun(interpreter) {
            let seen = PlainText.line(interpreter)
            let hint = interpreter.hasSuffix("\r") ? " (it has Windows line ends)" : ""
            return ChannelCheck(
                isWell: false,
                words: "\(file) asks for \(seen), which is not there or cannot be run\(hint)")
        }
        return ChannelCheck(isWell: true, words: "\(file) can be run")
    }

    private static func exists(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            && !isFolder.boolValue
    }

    private static func canRun(_ path: String) -> Bool {
        exists(path) && FileManager.default.isExecutableFile(atPath: path)
    }

    /// Of a script: the program behind `#!`.
    private static func interpreter(of file: String) -> String? {
        guard let handle = FileHandle(forReadingAtPath: file) else { return nil }
        // An unreadable start is no script's.
        let start = (try? handle.read(upToCount: 256)) ?? nil
        guard let start, start.starts(with: Array("#!".utf8)) else { return nil }
        let line = start.dropFirst(2).prefix { $0 != 10 }.drop { $0 == 32 || $0 == 9 }
        return String(decoding: line.prefix { $0 != 32 && $0 != 9 }, as: UTF8.self)
    }
}
