// What is no server's: /simulator/…, by which a test in another process, or a person with curl,
// looks into the stand-in and makes things happen and go wrong. No login: it is for loopback.

extension Simulator {
    /// `GET events | posts | state`; `POST faults | drop | restart | scene | alarm | status`.
    func control(_ request: Request) -> Answer {
        switch (request.method, request.path.dropFirst().first) {
        case ("GET", "events"): return answer { world in world.events }
        case ("GET", "posts"): return answer(posts)
        case ("GET", "state"):
            return answer(
                [
                    "sockets": .whole(Int64(openSockets)),
                    "socketsOpened": .whole(Int64(socketsOpened)),
                    "sessions": .whole(Int64(sessions)), "events": .whole(Int64(events.count)),
                    "idle": .flag(isIdle),
                ] as Properties)
        case ("POST", "faults"): return setFaults(request)
        case ("POST", "drop"): dropSockets(gracefully: request.value("graceful") == "true")
        case ("POST", "restart"): restart()
        case ("POST", "scene"):
            guard let scene = scene(request) else {
                return .text(
                    "no such scene; there are \(Scene.names.joined(separator: ", "))\n", status: 404
                )
            }
            begin(scene, speed: request.value("speed").flatMap(Double.init) ?? 1)
        case ("POST", "alarm"):
            guard let device = request.value("device").flatMap({ Int64($0) }) else {
                return .text("say device=ID\n", status: 400)
            }
            let place = world.latestPosition(device)?.place ?? World.depot
            // A kind that stood in the position before is no event: one without comes first.
            perform(.report(World.Report(device, at: place)))
            var report = World.Report(device, at: place)
            report.alarms = [request.value("kind") ?? "vibration"]
            perform(.report(report))
        case ("POST", "status"):
            guard let device = request.value("device").flatMap({ Int64($0) }),
                let status = request.value("status").flatMap({ World.Status(rawValue: $0) })
            else { return .text("say device=ID&status=online|offline|unknown\n", status: 400) }
            perform(.status(device, status))
        default: return .notFound
        }
        return .text("done\n")
    }

    /// `name=fleet-day&devices=100&rate=5&minutes=10&seed=7`.
    private func scene(_ request: Request) -> Scene? {
        var fleet = Scene.Fleet()
        func number(_ name: String) -> Double? { request.value(name).flatMap(Double.init) }
        if let devices = number("devices") { fleet.devices = Int(min(max(devices, 0), 1e6)) }
        if let rate = number("rate") { fleet.rate = max(rate, 0.001) }
        if let minutes = number("minutes") { fleet.length = .ofMinutes(minutes) }
        if let seed = number("seed") { fleet.seed = UInt64(max(seed, 0)) }
        return Scene.named(request.value("name") ?? "", fleet: fleet)
    }

    private func answer(_ value: some JSONWritable) -> Answer {
        .json(JSONText.of(value, world.dialect))
    }

    private func answer(_ value: (World) -> some JSONWritable) -> Answer { answer(value(world)) }

    /// What is named is set, the rest stays: `webhookLoss=0.3&down=true&delay=250` (ms).
    private func setFaults(_ request: Request) -> Answer {
        var faults = faults
        for (name, value) in request.query {
            switch (name, Double(value), Bool(value)) {
            case ("webhookLoss", let share?, _): faults.webhookLoss = share
            case ("delay", let milliseconds?, _): faults.delay = .milliseconds(Int64(milliseconds))
            case ("fragment", let bytes?, _): faults.fragment = bytes > 0 ? Int(bytes) : nil
            case ("down", _, let isOn?): faults.isDown = isOn
            case ("duplicates", _, let isOn?): faults.duplicates = isOn
            case ("outOfOrder", _, let isOn?): faults.outOfOrder = isOn
            case ("truncates", _, let isOn?): faults.truncates = isOn
            case ("silent", _, let isOn?): faults.isSilent = isOn
            default: return .text("not understood: \(name)=\(value)\n", status: 400)
            }
        }
        setFaults { [faults] in $0 = faults }
        return .text("done\n")
    }
}

extension World.MadeEvent: JSONWritable {
    package func write(to text: inout JSONText) {
        text.object { text in
            text.member("id", event.id)
            text.member("deviceId", event.deviceId)
            text.member("uniqueId", uniqueId)
            text.member("type", event.type)
            text.member("alarm", event.alarm)
            text.member("eventTime", event.eventTime)
            text.member("positionId", event.positionId)
            text.member("geofenceId", event.geofenceId)
            text.member("made", made)
            text.member("stored", isStored)
        }
    }
}

extension WebhookPost: JSONWritable {
    package func write(to text: inout JSONText) {
        let outcome =
            switch outcome {
            case .accepted: "accepted"
            case .refused(let status): "refused \(status)"
            case .unanswered: "unanswered"
            case .lost: "lost"
            }
        text.object { text in
            text.member("event", event)
            text.member("transaction", transaction)
            text.member("outcome", outcome)
        }
    }
}
