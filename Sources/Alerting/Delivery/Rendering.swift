// Turns a delivery into a message at each attempt, so that what it says of its age is true. Pure:
// the same delivery and `now` give the same message. A message is never lost because of a
// template: where one is missing, gives nothing or too much, plain built-in words take its place.
import Foundation

/// The offset of a zone's wall time from UTC at an instant, in seconds; 0 for an unknown zone.
package typealias ZoneOffset = @Sendable (_ zone: String, _ instant: Instant) -> Int

/// Renders messages with one set of templates; made anew at each reload.
package struct Renderer: Sendable {
    private let library: TemplateLibrary
    /// For links in messages; nil: none.
    private let publicURL: String?
    private let offset: ZoneOffset

    package init(library: TemplateLibrary, publicURL: String?, offset: @escaping ZoneOffset) {
        self.library = library
        self.publicURL = publicURL
        self.offset = offset
    }

    /// - Parameters:
    ///   - now: when this attempt begins.
    ///   - body: the template whose `json` part is the body (`body:` of an HTTP channel); nil:
    ///     CONFIG.md's shape.
    package func message(for delivery: Delivery, now: Instant, body: String? = nil) -> Message {
        let facts = TemplateFacts(
            delivery: delivery, now: now, publicURL: publicURL, offset: offset)
        var view = MessageView(facts: facts)
        view.subject = delivery.trouble.map { CleanText.subject($0.subject) }
        view.text = delivery.trouble.map { CleanText.lines($0.text) }

        let subject = render(.subject, view).map(CleanText.subject) ?? ""
        view.subject = subject.isEmpty ? PlainText.subject(facts) : subject
        let text = render(.text, view).map { CleanText.trimmed(CleanText.lines($0)) } ?? ""
        view.text = text.isEmpty ? PlainText.text(facts) : text

        // Only mail shows HTML; the others would pay for it.
        let html = delivery.channel.kind == .email ? html(view) : nil
        return Message(
            delivery: delivery, subject: view.subject ?? "", text: view.text ?? "", html: html,
            json: json(view, body: body), now: now)
    }

    /// nil: there is no such part, or what it would give is out of bounds.
    private func render(_ part: TemplatePart, _ view: MessageView) -> String? {
        let delivery = view.facts.delivery
        let name = delivery.trouble == nil ? delivery.template : TemplateFacts.troubleTemplate
        guard
            let template = library.part(part, of: name, language: delivery.language)
                ?? standIn(part, for: name, language: delivery.language)
        else { return nil }
        return render(template, view)
    }

    /// A template that lacks its subject or text, or has gone since the delivery was made: those
    /// of `alarm`. Never its HTML, which would stand in front of the template's own text.
    private func standIn(
        _ part: TemplatePart, for name: String, language: String
    ) -> CompiledTemplate? {
        switch part {
        case .subject, .text: library.part(part, of: "alarm", language: language)
        case .html:
            library.contains(name)
                ? nil : library.part(part, of: "alarm", language: language)
        case .json: nil
        }
    }

    /// A big template over many items could take any amount of memory before it is cut: what
    /// surely would is not begun.
    private func render(_ template: CompiledTemplate, _ view: MessageView) -> String? {
        let items = max(1, view.facts.delivery.items.count)
        guard template.bytes * items <= Limits.renderedBytes * 4 else { return nil }
        return template.render(view)
    }

    private func html(_ view: MessageView) -> String? {
        // Cut HTML is broken HTML: then the text alone is sent.
        guard let html = render(.html, view), html.utf8.count <= Limits.renderedBytes,
            !html.isEmpty
        else { return nil }
        return html
    }

    private func json(_ view: MessageView, body: String?) -> [UInt8] {
        let delivery = view.facts.delivery
        if let body,
            let template = library.part(.json, of: body, language: delivery.language),
            let text = render(template, view), text.utf8.count <= Limits.renderedBytes,
            TemplateBody.isJSON(text)
        {
            return Array(text.utf8)
        }
        // A receiver refuses what is not JSON, and the message would be dead: better this shape.
        return delivery.wire(
            subject: view.subject ?? "", text: view.text ?? "", publicURL: publicURL)
    }
}

/// What is said when no template can say it.
enum PlainText {
    static func subject(_ facts: TemplateFacts) -> String {
        if let trouble = facts.delivery.trouble { return CleanText.subject(trouble.subject) }
        return facts.title.isEmpty ? "Outcry" : CleanText.subject(facts.title)
    }

    static func text(_ facts: TemplateFacts) -> String {
        if let trouble = facts.delivery.trouble { return CleanText.lines(trouble.text) }
        let lines = facts.delivery.items.map { item in
            let parts = [
                facts.wording.title(item), item.event.map(facts.when),
                item.whereabouts(facts.wording),
                item.position.flatMap(Wording.mapLink),
            ]
            return parts.compactMap { $0 }.joined(separator: "; ")
        }
        return CleanText.lines(lines.joined(separator: "\n"))
    }
}
