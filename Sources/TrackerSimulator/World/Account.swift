// The one account of the stand-in: how it logs in, what it may, and the webhook that its
// attributes configure (PowUnity's API page, "Setting up a webhook").

extension World {
    package struct Account: Sendable, JSONWritable {
        package var email = "owner@example.org"
        package var password = "secret"
        /// Makes a session; on Traccar 6 also carries a request.
        package var token = "simulated-token"
        /// A second factor's code, where the account has one.
        package var totp: String?
        /// Disabled or expired: refused in ways of its own.
        package var disabled = false
        /// No reports, and no positions by id.
        package var disableReports = false
        /// Others' webhooks get alarms only (PowUnity's API page).
        package var isBusiness = true
        package var webhook: Webhook?

        package init() {}

        package func write(to text: inout JSONText) {
            let isBikeTrax = text.dialect == .biketrax
            var attributes: Properties = [:]
            if let webhook {
                attributes["webhookUrl"] = .text(webhook.url)
                if let key = webhook.key { attributes["webhookPsk"] = .text(key) }
                if let types = webhook.types {
                    attributes["webhookTypes"] = .text(types.joined(separator: ","))
                }
            }
            text.object { text in
                text.member("id", 1)
                text.member("attributes", attributes)
                text.member("name", "Owner")
                text.member("login", String?.none)
                text.member("email", email)
                text.member("phone", String?.none)
                text.member("readonly", false)
                text.member("administrator", false)
                text.member("map", String?.none)
                text.member("latitude", 0.0)
                text.member("longitude", 0.0)
                text.member("zoom", 0)
                if isBikeTrax { text.member("twelveHourFormat", false) }
                text.member("coordinateFormat", String?.none)
                text.member("disabled", disabled)
                text.member("expirationTime", Moment?.none)
                text.member("deviceLimit", -1)
                text.member("userLimit", 0)
                text.member("deviceReadonly", false)
                if isBikeTrax { text.member("token", token) }
                text.member("limitCommands", false)
                if !isBikeTrax {
                    text.member("disableReports", disableReports)
                    text.member("fixedEmail", false)
                }
                text.member("poiLayer", String?.none)
                if !isBikeTrax {
                    text.member("totpKey", String?.none)
                    text.member("temporary", false)
                }
                text.member("password", String?.none)
            }
        }
    }

    /// What the account's attributes say of its webhook.
    package struct Webhook: Sendable {
        /// `webhookUrl`: http only here.
        package var url: String
        /// `webhookPsk`: the Authorization header, word for word.
        package var key: String?
        /// `webhookTypes`, case-sensitive; nil: all.
        package var types: [String]?

        package init(url: String, key: String? = nil, types: [String]? = nil) {
            self.url = url
            self.key = key
            self.types = types
        }
    }
}
