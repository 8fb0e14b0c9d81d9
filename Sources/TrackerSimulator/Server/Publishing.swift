// How changes reach those who listen: the sockets and the account's webhook, with the faults that
// are on.

extension Simulator {
    /// The state's lock is held.
    func publish(_ change: World.Change, _ now: Moment, _ state: inout State) {
        let world = state.server.world
        switch change {
        case .event(let event, let position, let device):
            push(event, now, &state)
            guard world.isPosted(event) else { return }
            for _ in 0..<(state.server.faults.duplicates ? 2 : 1) {
                post(event, position, device, &state)
            }
        case .device(let device): send("devices", device, to: state)
        case .position(let position): send("positions", position, to: state)
        }
    }

    private func push(_ event: World.Event, _ now: Moment, _ state: inout State) {
        guard !state.sockets.isEmpty else { return }
        var copies = state.server.world.pushed(event, now: now)
        if state.server.faults.duplicates, var twin = copies.first {
            twin.attributes["message"] = .text("once more: \(event.type)")
            copies.append(twin)
        }
        for copy in copies {
            guard state.server.faults.outOfOrder else {
                send("events", copy, to: state)
                continue
            }
            later(.milliseconds(Int64(state.chance.fraction() * 300))) { [weak self] in
                guard let self else { return }
                self.state.withLock { self.send("events", copy, to: $0) }
            }
        }
    }

    private func send(_ key: String, _ value: some JSONWritable, to state: State) {
        guard !state.sockets.isEmpty, !state.server.faults.isSilent else { return }
        var text = JSONText(state.server.world.dialect)
        text.object { $0.member(key, [value]) }
        for socket in state.sockets.values {
            socket.send(text.bytes, fragment: state.server.faults.fragment)
        }
    }

    private func post(
        _ event: World.Event, _ position: World.Position?, _ device: World.Device,
        _ state: inout State
    ) {
        let world = state.server.world
        guard let webhook = world.account.webhook else { return }
        state.transactions += 1
        let transaction = "pow-\(state.transactions)"
        if state.chance.fraction() < state.server.faults.webhookLoss {
            state.note(WebhookPost(event: event.id, transaction: transaction, outcome: .lost))
            return
        }
        let envelope = Envelope(
            event: event, position: position, device: device,
            geofence: world.geofences.first { $0.id == event.geofenceId })
        let post = WebhookSender.Post(
            url: webhook.url, key: webhook.key, transaction: transaction,
            body: JSONText.of(envelope, world.dialect)
        ) { [weak self] outcome in
            self?.state.withLock {
                $0.note(WebhookPost(event: event.id, transaction: transaction, outcome: outcome))
            }
        }
        // Even in good order each post is its own connection: nothing promises the order.
        let delay = state.server.faults.outOfOrder ? Int64(state.chance.fraction() * 500) : 0
        later(.milliseconds(delay)) { [sender] in sender.send(post) }
    }
}

extension Simulator.State {
    private static let postLimit = 200_000

    /// The older half of a long list is forgotten.
    fileprivate mutating func note(_ post: WebhookPost) {
        posts.append(post)
        if posts.count > Self.postLimit { posts.removeFirst(Self.postLimit / 2) }
    }
}

/// A webhook's body: what there is not is left out (EventData.java); BikeTrax calls the event's
/// time as it was called before Traccar 4.13 (the one body in PowUnity's documentation).
private struct Envelope: JSONWritable {
    var event: World.Event
    var position: World.Position?
    var device: World.Device
    var geofence: World.Geofence?

    func write(to text: inout JSONText) {
        text.object { text in
            text.member("event", Timed(event: event))
            if let position { text.member("position", position) }
            text.member("device", device)
            if let geofence { text.member("geofence", geofence) }
        }
    }

    private struct Timed: JSONWritable {
        var event: World.Event
        func write(to text: inout JSONText) {
            event.write(
                to: &text, timeName: text.dialect == .biketrax ? "serverTime" : "eventTime")
        }
    }
}
