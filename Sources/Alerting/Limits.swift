// Every bound of the program in one place, unit last. A queue, body, loop or retry that is not
// bounded here is a defect. Sources: DESIGN's promises, RULES.md and CONFIG.md.

/// The bounds that the program keeps; none of them is configurable.
package enum Limits {
    // Intake
    package static let bodyBytes = 1 << 20
    package static let headerCount = 100
    package static let headerBytes = 16 << 10
    package static let headerSeconds: Int64 = 10
    package static let bodySeconds: Int64 = 30
    /// Between two requests. A webhook is never sent again, so a sender's idle connection is kept
    /// for long: it is closed early only to make room for another.
    package static let idleSeconds: Int64 = 600
    /// How long a peer may take to read its last answer.
    package static let lingerSeconds: Int64 = 2
    package static let connections = 1_000
    /// Told to make room, with an answer still due.
    package static let connectionsLeaving = 1_000
    /// Of bodies that are being received or committed, on one event loop.
    package static let bodyBytesInMemory = 64 << 20
    package static let jsonDepth = 64
    /// In larger documents the place of a mistake is not looked for.
    package static let placedJSONBytes = 1 << 20
    package static let eventsPerBody = 10_000
    package static let txnBytes = 256

    // Sessions and sockets with trackers' servers
    /// Of all devices or the last positions of all: a million take up to a thousand million bytes.
    package static let listBytes = 1 << 30
    /// Of anything else that a server answers.
    package static let answerBytes = 128 << 20
    package static let sessionBytes = 1 << 20
    package static let sessionSeconds: Int64 = 20
    package static let answerSeconds: Int64 = 120
    package static let listSeconds: Int64 = 300
    package static let cookies = 16
    package static let cookieBytes = 4 << 10
    /// Of one message, in however many fragments it comes. The first one of a connection has the
    /// last position of every device.
    package static let socketMessageBytes = listBytes
    package static let socketFragments = 1 << 16
    /// From the first packet to the answer to the upgrade.
    package static let upgradeSeconds: Int64 = 20
    /// Of a server's own words that are shown: its first line, a reason for closing.
    package static let foreignWordsBytes = 200

    // Connections to trackers' servers
    /// Jetty takes 8 KiB for the request line and the headers.
    package static let requestLineBytes = 7 << 10
    /// Of one answer to a report; larger ones are asked in parts.
    package static let reportBytes = 8 << 20
    /// Positions by id, for events that name them.
    package static let positionsInMemory = 16_384
    /// How long an event waits for the position that it names.
    package static let positionWaitSeconds: Int64 = 2
    /// Events that wait for their positions at one time.
    package static let waitingEvents = 4_096
    /// Events of a socket that are being put on disk; more are left to the catch-up.
    package static let acceptsInFlight = 4_096
    package static let eventsPerAccept = 1_000
    /// Of a search for deleted ids among positions that are asked for.
    package static let positionRequests = 64
    /// Of those that rules name, for the notifications that are linked to them.
    package static let devicesChecked = 20
    /// So many changes of status and no event of one: the server makes none.
    package static let statusChangesWithoutEvent = 5
    package static let socketBackoffSeconds: Int64 = 60
    package static let refusedBackoffSeconds: Int64 = 300
    package static let settledSeconds: Int64 = 60

    // Events and devices
    /// Event times older than this, or further ahead than `clockAheadSeconds`, are a broken clock.
    package static let clockBehindSeconds: Int64 = 366 * 86_400
    package static let clockAheadSeconds: Int64 = 86_400
    package static let reportsPerDevice = 16
    /// Of the last seconds, in which one may still come out of order.
    package static let recentReportsPerDevice = 48
    package static let recentEventsPerDevice = 64
    package static let recentEvents = 65_536

    // Rule files
    package static let rules = 100_000
    package static let ruleFileBytes = 4 << 20
    package static let yamlDepth = 64
    package static let yamlNodes = 4_000_000
    package static let yamlAliasNodes = 100_000
    package static let findings = 1_000
    package static let calendarBytes = 1 << 20

    // Pump and store
    /// Positions and devices that wait for the pump.
    package static let reportsInMemory = 65_536
    /// How long the first message of a socket waits for room in all, and a list of the server's.
    package static let firstMessageSeconds: Int64 = 5
    package static let listFedSeconds: Int64 = 300
    /// Below this none gives way to a newer one of its device.
    package static let reportsUnmerged = 2_048
    package static let reportsPerCommit = 4_096
    /// For so long they are gathered for one commit.
    package static let reportWaitMilliseconds: Int64 = 250
    package static let inputsPerCommit = 1_024
    package static let inputsInMemory = 16_384
    /// Of each server, of which it is known without asking the disk: so many at most, then anew.
    package static let eventIdsInMemory = 4_096
    /// Deliveries that were not tried yet and are known without asking the disk.
    package static let untriedInMemory = 4_096
    package static let submissionsPerRound = 4_096
    /// The weight of a round of a few events, behind which there is time to copy the log.
    package static let smallRound = 32
    /// So few inputs in a round, and one less, do not wait for more.
    package static let fewAccepted = 8
    /// How long the outcome of an attempt waits for something else to be written.
    package static let settleWaitMilliseconds = 8
    /// How long the writer waits at most for nearly as much as came before.
    package static let gatherMicroseconds = 1_000
    /// What a parameter of a statement keeps for the next text.
    package static let boundTextBytes = 16 << 10
    package static let walBytes: Int64 = 64 << 20
    package static let poisonStarts = 3

    // Deliveries
    package static let backlogInMemory = 4_096
    package static let leasedPerChannel = 256
    /// Sent, or tried, while the disk takes no outcomes: all of it is sent once more after a crash.
    package static let unrecordedPerChannel = 4_096
    /// Of those that a full disk refused, in one submission: a part may fit.
    package static let settledAgainAtOnce = 64
    package static let attemptsKept = 50
    package static let itemsPerMessage = 200
    package static let hookOutputBytes = 64 << 10
    /// Of an attempt's note, in a list of them.
    package static let shownNoteCharacters = 1_000
    package static let hookVariableBytes = 8 << 10
    package static let responseBytes = 64 << 10
    package static let connectSeconds: Int64 = 10
    package static let mailSeconds: Int64 = 60
    /// A receiver that asks to be left alone for longer is asked again after this time.
    package static let retryAfterSeconds: Int64 = 7 * 86_400
    /// From SIGTERM to SIGKILL of a hook that is over its time.
    package static let hookGraceSeconds: Int64 = 2
    package static let idleHandles = 256
    package static let templateBytes = 256 << 10
    package static let renderedBytes = 1 << 20
    package static let templateDepth = 16
    package static let templateFilters = 4
    package static let templateFindings = 100
    /// A name or other foreign text in the JSON that goes out; longer ones are cut.
    package static let wireFactBytes = 8 << 10
    /// A name or address that a template shows; longer ones are cut.
    package static let templateFactBytes = 1 << 10
    package static let subjectCharacters = 200
    package static let troublesPerMessage = 20
    package static let lateDigestSeconds: Int64 = 600
    package static let incidentExpiryDays: Int64 = 30

    // What `outcry doctor` complains of
    package static let doctorFindings = 20
    package static let diskWarningBytes: Int64 = 1_000_000_000
    package static let diskProblemBytes: Int64 = 100_000_000
    package static let clockOffsetSeconds: Int64 = 3
}
