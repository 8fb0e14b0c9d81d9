// The reports: events, which is how a gap is closed, and trips, which aiobiketrax asks for
// (ReportResource.java).

extension ServerState {
    func eventsReport(_ request: Request) -> Answer {
        if world.account.disableReports { return .denied("Reports") }
        guard let asked = request.ids("deviceId"), let groups = request.ids("groupId"),
            let (from, to) = request.period
        else { return .notFound }
        if let limit = world.reportLimit, to - from > limit {
            return .trace(
                400, "java.lang.IllegalArgumentException: Time period exceeds the limit")
        }
        guard asked.allSatisfy({ world.device($0) != nil }) else { return .denied("Device") }
        var devices = asked
        // Walking all devices is for those who ask so: a fleet of a million is asked for in parts.
        if !groups.isEmpty {
            let named = Set(asked)
            devices += world.devices.filter { groups.contains($0.groupId) }.map(\.id)
                .filter { !named.contains($0) }
        }
        if devices.isEmpty { devices = world.devices.map(\.id) }
        // Without it the same path makes a spreadsheet.
        guard request.header("Accept")?.contains("application/json") ?? false else {
            var answer = Answer(200)
            answer.headers = [
                (
                    "Content-Type",
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
                ),
                ("Content-Disposition", "attachment; filename=events.xlsx"),
            ]
            answer.body = [0x50, 0x4B, 0x03, 0x04, 0x14, 0, 8, 8, 8, 0]
            return answer
        }
        return json(
            world.report(
                devices: devices, types: Set(request.values("type")),
                alarms: Set(request.values("alarm")), from, to))
    }

    /// From each `deviceMoving` to the next `deviceStopped`.
    func tripsReport(_ request: Request) -> Answer {
        guard let asked = request.ids("deviceId"), let (from, to) = request.period else {
            return .notFound
        }
        guard asked.allSatisfy({ world.device($0) != nil }) else { return .denied("Device") }
        let trips = asked.flatMap { device -> [Trip] in
            let events = world.report(
                devices: [device], types: ["deviceMoving", "deviceStopped"], from, to)
            return zip(events, events.dropFirst()).compactMap { start, end in
                guard start.type == "deviceMoving", end.type == "deviceStopped",
                    let first = world.position(start.positionId),
                    let last = world.position(end.positionId)
                else { return nil }
                return Trip(name: world.device(device)?.name ?? "", start: first, end: last)
            }
        }
        return json(trips)
    }
}

/// One trip, with the members of PowUnity's (TripReportItem.java).
private struct Trip: JSONWritable {
    var name: String
    var start, end: World.Position

    func write(to text: inout JSONText) {
        func odometer(_ position: World.Position) -> Double {
            if case .number(let metres) = position.attributes["totalDistance"] { metres } else { 0 }
        }
        let metres = odometer(end) - odometer(start)
        let length = (end.fixTime - start.fixTime).inMilliseconds
        let knots = length > 0 ? metres / Double(length) * 1_000 * 3.6 / 1.852 : 0
        text.object { text in
            text.member("deviceId", start.deviceId)
            text.member("deviceName", name)
            text.member("distance", metres)
            text.member("averageSpeed", knots)
            text.member("maxSpeed", max(knots, start.speed))
            text.member("spentFuel", 0.0)
            text.member("startOdometer", odometer(start))
            text.member("endOdometer", odometer(end))
            text.member("startTime", start.fixTime)
            text.member("endTime", end.fixTime)
            text.member("startPositionId", start.id)
            text.member("endPositionId", end.id)
            text.member("startLat", start.place.latitude)
            text.member("startLon", start.place.longitude)
            text.member("endLat", end.place.latitude)
            text.member("endLon", end.place.longitude)
            text.member("startAddress", String?.none)
            text.member("endAddress", String?.none)
            text.member("duration", length)
            text.member("driverUniqueId", String?.none)
            text.member("driverName", String?.none)
        }
    }
}
