// Rule files for measurements: as many rules as wanted of which none matches the generator's
// events, of the kinds that an index must find its way through, and one that always tells.

/// Texts of rule files.
enum BenchRules {
    /// Every alarm is told, each for itself.
    static let everyAlarm = """
        version: 1
        contacts:
          fleet: { http: fleet-api }
        rules:
          - id: every-alarm
            severity: critical
            devices: all
            when: { alarm: any }
            once_per: none
            notify: [{ to: fleet }]

        """

    /// `count` rules that never match: of ten, four name other devices, four other alarms, and two
    /// all devices and this very alarm, but in a place far away.
    static func none(count: Int) -> String {
        var places = ""
        var rules = ""
        for number in 0..<count {
            switch number % 10 {
            case 0..<4:
                rules += rule(
                    number, devices: "[\"861000000\(100_000 + number % 800_000)\"]",
                    when: "{ alarm: vibration }")
            case 4..<8:
                let alarms = ["tow", "sos", "jamming", "accident"]
                rules += rule(
                    number, devices: "[\"\(EventTemplate.uniqueId(number % 1_000))\"]",
                    when: "{ alarm: \(alarms[number % 4]) }")
            default:
                // A grid of places in the south, none near the generator's point.
                let latitude = -Double(number / 100 % 40) - 10
                let longitude = Double(number % 100) / 2
                places += "  p\(number): { center: [\(latitude), \(longitude)], radius: 500 m }\n"
                rules += rule(
                    number, devices: "all", when: "{ alarm: vibration }",
                    more: "    while: { inside: p\(number) }\n")
            }
        }
        return """
            version: 1
            timezone: Europe/Berlin
            \(places.isEmpty ? "" : "places:\n" + places)
            contacts:
              fleet: { http: fleet-api }
            rules:
            \(rules)
            """
    }

    private static func rule(
        _ number: Int, devices: String, when: String, more: String = ""
    ) -> String {
        """
          - id: rule-\(number)
            severity: warning
            devices: \(devices)
            when: \(when)
        \(more)    notify: [{ to: fleet }]

        """
    }
}
