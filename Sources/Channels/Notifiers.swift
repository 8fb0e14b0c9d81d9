// The one switch from settings to code: a new way to notify is a file beside this one and a case
// here. The notifiers share two transfer threads, one for mail and one for HTTP (`CurlTransfer`
// says why); neither is started without a channel that needs it.
package import Alerting

/// The notifiers of all configured channels.
package struct Notifiers: Sendable {
    package let all: [ChannelName: any Notifier]
    private let transfers: [CurlTransfer]

    /// - Throws: `Problem`, for the first channel by name that cannot work.
    package init(_ channels: [ChannelName: ChannelSettings]) throws {
        let channels = channels.sorted { $0.key < $1.key }
        for (channel, settings) in channels {
            do { try settings.check() } catch let error as SettingsError {
                throw Problem(channel: channel, error: error)
            }
        }
        var mail: CurlTransfer?
        var web: CurlTransfer?
        var all: [ChannelName: any Notifier] = [:]
        for (channel, settings) in channels {
            switch settings {
            case .email(let email):
                let transfer = mail ?? CurlTransfer(name: "mail")
                mail = transfer
                all[channel] = try SMTPNotifier(email, over: transfer)
            case .http(let http):
                let transfer = web ?? CurlTransfer(name: "http-out")
                web = transfer
                all[channel] = try HTTPNotifier(http, over: transfer)
            case .hook(let hook):
                all[channel] = try HookNotifier(hook)
            }
        }
        self.all = all
        transfers = [mail, web].compactMap { $0 }
    }

    /// Ends what is under way, each as a `.retry`.
    package func stop() async {
        for transfer in transfers { await transfer.stop() }
    }

    /// A channel that cannot work.
    package struct Problem: Error, CustomStringConvertible {
        package let channel: ChannelName
        package let error: SettingsError

        package var description: String { "channel \(channel): \(error)" }
    }
}
