// The same values as swift-mustache looks them up. It parses every template, it defines what a
// template means, and it renders those that TemplateProgram does not cover; TemplateProgramTests
// hold the two together.
internal import Mustache

extension MessageView {
    /// As the library takes it: a flag is a Bool to it, and a list a sequence.
    fileprivate func boxed(_ value: TemplateValue) -> Any {
        switch value {
        case .flag(let flag): flag
        case .items: LibraryItems(message: self)
        case .message, .item, .incident, .device, .event, .position, .text, .word, .time, .number,
            .loop, .index:
            LibraryValue(message: self, value: value)
        }
    }
}

/// Anything but a flag and the items.
struct LibraryValue: MustacheParent, MustacheTransformable, MustacheCustomRenderable {
    let message: MessageView
    let value: TemplateValue

    var renderText: String { value.printed }
    var isNull: Bool { value.isNull }

    func child(named name: String) -> Any? {
        TemplateName(rawValue: name).flatMap { message.member($0, of: value) }
            .map(message.boxed)
    }

    func transform(_ name: String) -> Any? {
        TemplateFilter(rawValue: name).flatMap { message.filtered(value, by: $0) }
            .map(message.boxed)
    }
}

private struct LibraryItems: MustacheSequence, MustacheTransformable {
    let message: MessageView

    func makeIterator() -> AnyIterator<LibraryValue> {
        var indices = message.facts.delivery.items.indices.makeIterator()
        return AnyIterator {
            indices.next().map { LibraryValue(message: message, value: .item($0)) }
        }
    }

    func transform(_ name: String) -> Any? {
        TemplateFilter(rawValue: name).flatMap { message.filtered(.items, by: $0) }
            .map(message.boxed)
    }
}
