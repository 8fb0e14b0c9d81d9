// The tables, as named migrations that are only ever added to: a migration that was released is
// never edited (Tests/Fixtures/schema keeps each version as text). What each index costs was
// weighed: a told event writes ten B-trees, and each of them is CPU on the road.
//
// Instants are milliseconds since 1970. Words that people read (types, channels, reasons) are
// text; states are small integers, because partial indexes are made of them. Ids that grow come
// first in keys, so that what is written together lies together. No CHECK has an IN of more than
// two: SQLite builds a temporary B-tree for it at each insert (measured: 4 µs).
import GRDB

enum Schema {
    /// In order. A new column is one more of these, at the end.
    static let migrations: [(name: String, sql: String)] = [
        ("1 the whole road", wholeRoad), ("2 crossings and silent sources", crossings),
        ("3 one index of what is not sent", unsent), ("4 what was not tried yet", untried),
    ]

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator().disablingDeferredForeignKeyChecks()
        for migration in migrations {
            migrator.registerMigration(migration.name) { try $0.execute(sql: migration.sql) }
        }
        return migrator
    }

    private static let wholeRoad = """
        -- One row: how far the engine is, and whether the last run ended in order.
        CREATE TABLE progress (
          one INTEGER PRIMARY KEY CHECK (one = 1),
          cursor INTEGER NOT NULL,        -- the last inbox row that was stepped
          now INTEGER NOT NULL,           -- the greatest moment that was stepped
          running INTEGER NOT NULL CHECK (running IN (0, 1)),
          start_seq INTEGER NOT NULL,     -- the input that was begun alone after an unclean end
          starts INTEGER NOT NULL         -- and how often
        );
        INSERT INTO progress VALUES (1, 0, 0, 0, 0, 0);

        CREATE TABLE server (
          id INTEGER PRIMARY KEY,
          url TEXT NOT NULL UNIQUE
        );

        -- Everything durable that the engine is given, in one order.
        CREATE TABLE inbox (
          seq INTEGER PRIMARY KEY,
          received INTEGER NOT NULL,      -- never less than that of a lower seq
          kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3), -- event, copy, command, trouble
          copy_of INTEGER,                -- of a copy: the event's seq
          server INTEGER NOT NULL,        -- 0 for commands and trouble
          source TEXT NOT NULL,
          road TEXT NOT NULL,
          id INTEGER NOT NULL,            -- the server's; 0: not known
          device INTEGER NOT NULL,        -- the server's deviceId
          type TEXT NOT NULL,
          time INTEGER NOT NULL,          -- the least integer: none
          extra TEXT NOT NULL,            -- id 0: alarm|geofence|maintenance|position, else ''
          has INTEGER NOT NULL,           -- 1 a device + 2 a position: in the body or in a copy
          txn TEXT,
          body BLOB NOT NULL
        );
        CREATE UNIQUE INDEX inbox_identity
          ON inbox (server, id, device, type, time, extra) WHERE kind = 0;

        -- Inputs that no step could take; the pump passes them by.
        CREATE TABLE aside (
          seq INTEGER PRIMARY KEY,
          at INTEGER NOT NULL,
          reason TEXT NOT NULL
        );

        -- Times in which nothing could be stored.
        CREATE TABLE gap (
          source TEXT NOT NULL,
          began INTEGER NOT NULL,
          ended INTEGER NOT NULL CHECK (ended >= began),
          PRIMARY KEY (source, began)
        ) WITHOUT ROWID;

        -- How far each source with a session has come.
        CREATE TABLE source (
          name TEXT NOT NULL,
          server TEXT NOT NULL,
          first_connected INTEGER NOT NULL,
          caught_up_to INTEGER,           -- the beginning of the last catch-up that ended well
          heard INTEGER,                  -- when it was last known to listen
          names BLOB,                     -- JSON: groups, calendars and geofences of the server
          PRIMARY KEY (name, server)
        ) WITHOUT ROWID;

        CREATE TABLE device (
          id INTEGER PRIMARY KEY,
          server TEXT NOT NULL,
          unique_id TEXT NOT NULL,
          device_id INTEGER NOT NULL,
          first_known INTEGER,            -- NULL: only referred to
          name TEXT,                      -- NULL: only bare events were seen
          group_id INTEGER NOT NULL DEFAULT 0,
          group_name TEXT,
          attributes TEXT NOT NULL DEFAULT '',
          UNIQUE (server, unique_id)
        );

        CREATE TABLE report (
          device INTEGER NOT NULL,
          time INTEGER NOT NULL,
          of_event INTEGER NOT NULL CHECK (of_event IN (0, 1)),
          latitude REAL, longitude REAL, accuracy REAL,
          geofences TEXT,
          speed REAL, battery REAL,
          stands_since INTEGER,
          flags INTEGER NOT NULL,
          PRIMARY KEY (device, time, of_event)
        ) WITHOUT ROWID;

        -- The server's geofences by the names that events have told.
        CREATE TABLE geofence (
          server TEXT NOT NULL,
          id INTEGER NOT NULL,
          name TEXT NOT NULL,
          PRIMARY KEY (server, id)
        ) WITHOUT ROWID;

        CREATE TABLE stamp (
          device INTEGER NOT NULL,        -- 0: of no device
          rule TEXT NOT NULL,
          alarm TEXT NOT NULL,
          place TEXT NOT NULL,
          at INTEGER NOT NULL,
          PRIMARY KEY (device, rule, alarm, place)
        ) WITHOUT ROWID;

        CREATE TABLE incident (
          id TEXT PRIMARY KEY,
          rule TEXT NOT NULL,
          severity TEXT NOT NULL,
          device INTEGER NOT NULL,        -- 0: of no device
          device_name TEXT NOT NULL,
          state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2), -- open, acknowledged, cleared
          opened INTEGER NOT NULL,
          last_match INTEGER NOT NULL,
          cleared INTEGER,
          count INTEGER NOT NULL,
          held INTEGER NOT NULL,
          told TEXT NOT NULL,
          told_before TEXT NOT NULL,
          members TEXT NOT NULL,
          pending TEXT,                   -- JSON, as in outbox.items
          due INTEGER
        ) WITHOUT ROWID;
        CREATE INDEX incident_open ON incident (device, opened) WHERE state < 2;

        -- What each event was judged by, and what each rule said.
        CREATE TABLE judgement (
          seq INTEGER PRIMARY KEY,
          device INTEGER NOT NULL,
          rules TEXT NOT NULL,
          fix TEXT,
          attributes TEXT,
          verdicts TEXT NOT NULL
        );

        -- A message to one channel, as it was decided: facts that do not change.
        CREATE TABLE outbox (
          n INTEGER PRIMARY KEY,
          id TEXT NOT NULL,               -- delivery.id
          seq INTEGER NOT NULL,           -- the earliest event that it tells of; 0: none
          contact TEXT NOT NULL,
          address TEXT NOT NULL,
          reason TEXT NOT NULL,
          severity TEXT NOT NULL,
          template TEXT NOT NULL,
          language TEXT NOT NULL,
          timezone TEXT NOT NULL,
          rules TEXT NOT NULL,
          created INTEGER NOT NULL,
          trouble TEXT,
          items TEXT NOT NULL
        );

        -- Where it stands: a narrow row of its own, since each attempt rewrites it.
        CREATE TABLE delivery (
          id TEXT PRIMARY KEY,
          n INTEGER NOT NULL,             -- outbox.n
          channel TEXT NOT NULL,
          state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5), -- Delivery.State.column
          due INTEGER NOT NULL,
          attempts INTEGER NOT NULL,
          at INTEGER,                     -- the last attempt; those before it are in `attempt`
          duration INTEGER,
          result TEXT,
          note TEXT,
          merged_into TEXT
        ) WITHOUT ROWID;
        CREATE INDEX delivery_due ON delivery (channel, due, n) WHERE state = 0;
        CREATE INDEX delivery_held ON delivery (due, n) WHERE state = 3;
        CREATE INDEX delivery_dead ON delivery (n) WHERE state = 5;

        CREATE TABLE attempt (
          delivery INTEGER NOT NULL,      -- outbox.n
          number INTEGER NOT NULL,
          at INTEGER NOT NULL,
          duration INTEGER NOT NULL,
          result TEXT NOT NULL,
          note TEXT NOT NULL,
          PRIMARY KEY (delivery, number)
        ) WITHOUT ROWID;
        """

    private static let crossings = """
        ALTER TABLE report ADD COLUMN device_time INTEGER;
        ALTER TABLE report ADD COLUMN folded TEXT;

        -- Sources that are down; a rule that has fired for it is a row in `fired`.
        CREATE TABLE silent_source (
          name TEXT PRIMARY KEY,
          since INTEGER NOT NULL,
          fired TEXT NOT NULL
        ) WITHOUT ROWID;
        """

    /// In place of three: each statement that writes a delivery opens every index whose condition
    /// its state may meet.
    private static let unsent = """
        DROP INDEX delivery_due;
        DROP INDEX delivery_held;
        DROP INDEX delivery_dead;
        CREATE INDEX delivery_unsent ON delivery (state, channel, due, n) WHERE state <> 2;
        """

    /// Nearly every delivery is sent at its first attempt: until then it stands in a row of a few
    /// bytes, and its row of `delivery` is written once, behind all others. By number, so that
    /// nothing but `outbox` has the id in an index.
    private static let untried = """
        DELETE FROM outbox
          WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.id = outbox.id);
        CREATE UNIQUE INDEX outbox_id ON outbox (id);
        ALTER TABLE delivery RENAME TO delivery_by_id;
        DROP INDEX delivery_unsent;
        CREATE TABLE delivery (
          n INTEGER PRIMARY KEY,          -- outbox.n
          channel TEXT NOT NULL,
          state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5), -- Delivery.State.column
          due INTEGER NOT NULL,
          attempts INTEGER NOT NULL,
          at INTEGER,                     -- the last attempt; those before it are in `attempt`
          duration INTEGER,
          result TEXT,
          note TEXT,
          merged_into TEXT
        );
        INSERT INTO delivery
          SELECT outbox.n, channel, state, due, attempts, at, duration, result, note, merged_into
          FROM outbox CROSS JOIN delivery_by_id ON delivery_by_id.id = outbox.id
          ORDER BY outbox.n;
        DROP TABLE delivery_by_id;
        CREATE INDEX delivery_unsent ON delivery (state, channel, due) WHERE state <> 2;

        -- Queued and never tried; `due` does not fall with `n`.
        CREATE TABLE untried (
          n INTEGER PRIMARY KEY,          -- outbox.n
          channel TEXT NOT NULL,
          due INTEGER NOT NULL
        );
        """
}
