// What a template may say: for each thing in `data` (CONFIG.md) its members and its filters. The
// checker walks templates by this table; TemplateFacts answers the same names at run time, and a
// test holds the two together.

/// What a name in a template stands for.
enum TemplateShape: Hashable, CaseIterable {
    /// The members of `data`.
    case message
    case items, item, incident, device, event, position
    /// Values, from here on: they may be printed.
    case text, word, time, number, flag
    /// `{{index()}}` and its like inside `{{#items}}`.
    case loop, index

    /// Whether `{{…}}` prints something that a person can read.
    var isValue: Bool {
        switch self {
        case .text, .word, .time, .number, .flag, .index: true
        case .message, .items, .item, .incident, .device, .event, .position, .loop: false
        }
    }

    typealias Names = [(name: String, shape: TemplateShape)]

    var members: Names {
        switch self {
        case .message:
            [
                ("delivery", .text), ("contact", .text), ("reason", .word), ("severity", .word),
                ("subject", .text), ("text", .text), ("rules_hash", .text), ("items", .items),
            ]
        case .item:
            [
                ("incident", .incident), ("rule", .text), ("device", .device), ("source", .text),
                ("event", .event), ("position", .position), ("place", .text), ("held", .number),
            ]
        case .incident:
            [
                ("id", .text), ("state", .word), ("opened", .time), ("count", .number),
                ("url", .text),
            ]
        case .device: [("name", .text), ("uniqueId", .text), ("group", .text)]
        case .event:
            [
                ("id", .number), ("type", .word), ("alarm", .word), ("time", .time),
                ("received", .time), ("late_seconds", .number), ("clock_wrong", .flag),
                ("txn", .text),
            ]
        case .position:
            [
                ("latitude", .number), ("longitude", .number), ("speed_kmh", .number),
                ("battery_percent", .number), ("valid", .flag), ("time", .time),
            ]
        case .items, .text, .word, .time, .number, .flag, .loop, .index: []
        }
    }

    /// `{{filter(x)}}`. Those of `loop` and `index` are swift-mustache's own.
    var filters: Names {
        switch self {
        case .message: [("title", .text), ("delay", .text)]
        case .items:
            [
                ("first", .item), ("last", .item), ("lead", .item), ("count", .number),
                ("several", .flag), ("empty", .flag),
            ]
        case .item:
            [
                ("title", .text), ("who", .text), ("headline", .text), ("what", .text),
                ("when", .text), ("where", .text), ("why", .text), ("mapLink", .text),
                ("link", .text), ("age", .text), ("ago", .text), ("ended", .flag),
            ]
        case .event: [("what", .text), ("when", .text), ("age", .text), ("ago", .text)]
        case .position: [("where", .text), ("mapLink", .text)]
        case .text:
            [
                ("uppercased", .text), ("lowercased", .text), ("oneLine", .text),
                ("entities", .text),
            ]
        case .word: [("words", .text)]
        case .time:
            [("localTime", .text), ("localDate", .text), ("localClock", .text), ("ago", .text)]
        case .number:
            [("speed", .text), ("distance", .text), ("span", .text), ("plusone", .number)]
        case .loop:
            [
                ("first", .flag), ("last", .flag), ("index", .index), ("even", .flag),
                ("odd", .flag),
            ]
        case .index: [("plusone", .index), ("even", .flag), ("odd", .flag)]
        case .incident, .device, .flag: []
        }
    }

    func member(_ name: String) -> TemplateShape? { members.first { $0.name == name }?.shape }
    func filtered(by filter: String) -> TemplateShape? {
        filters.first { $0.name == filter }?.shape
    }
}
