"""The tables of what is learned, each a step of the migrations."""

KNOWN_ERRORS: tuple[str, ...] = (
    """
    ALTER TABLE known_error_statistics
    ADD COLUMN failures_in_a_row INTEGER NOT NULL DEFAULT 0
    """,
    "ALTER TABLE known_error_statistics ADD COLUMN resolutions INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE known_error_statistics ADD COLUMN resolution_s REAL NOT NULL DEFAULT 0",
    # What the entry itself said when the counting began.
    "ALTER TABLE known_error_statistics ADD COLUMN start_count INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE known_error_statistics ADD COLUMN start_resolution_s REAL",
    # Known errors beyond known_errors.yaml, in its schema.
    """
    CREATE TABLE known_error_rows (
        id TEXT PRIMARY KEY,
        entry TEXT NOT NULL,
        origin TEXT NOT NULL,          -- learned, imported
        tenant_id TEXT,
        session_id TEXT,               -- what it was learned from
        added_at REAL NOT NULL
    )
    """,
    # The latest word on a known error; the file's have none until they are ruled on.
    """
    CREATE TABLE known_error_rulings (
        known_error TEXT PRIMARY KEY,
        status TEXT NOT NULL,          -- proposed, accepted, retired
        who TEXT NOT NULL,
        reason TEXT NOT NULL,
        ruled_at REAL NOT NULL
    )
    """,
)

HEALTHY_LINES: tuple[str, ...] = (
    # Lines of a node's log while it was healthy, without what varies.
    """
    CREATE TABLE healthy_lines (
        node TEXT NOT NULL,
        template TEXT NOT NULL,
        seen_at REAL NOT NULL,
        PRIMARY KEY (node, template)
    ) WITHOUT ROWID
    """,
)

PAST_INCIDENTS: tuple[str, ...] = (
    # Finished incidents, and their words for a search.
    """
    CREATE TABLE past_incidents (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        event_key TEXT NOT NULL UNIQUE,
        scope TEXT NOT NULL,           -- its tenant and node as one word
        tenant_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        node TEXT NOT NULL,
        severity TEXT NOT NULL,
        message TEXT NOT NULL,
        cause TEXT NOT NULL,
        walk TEXT NOT NULL,
        remedy TEXT NOT NULL,
        outcome TEXT NOT NULL,
        ended_at REAL NOT NULL
    )
    """,
    "CREATE INDEX past_incidents_of_node ON past_incidents (scope, id)",
    "CREATE INDEX past_incidents_of_tenant ON past_incidents (tenant_id, id)",
    """
    CREATE VIRTUAL TABLE past_incident_words USING fts5(
        scope, node, message, cause, walk, remedy, outcome,
        content='past_incidents', content_rowid='id'
    )
    """,
    # Each idea that was tried in them, and whether it held.
    """
    CREATE TABLE past_attempts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        event_key TEXT NOT NULL,
        scope TEXT NOT NULL,
        remedy TEXT NOT NULL,
        held INTEGER NOT NULL
    )
    """,
    "CREATE INDEX past_attempts_of_remedy ON past_attempts (scope, remedy, id)",
    "CREATE INDEX past_attempts_of_event ON past_attempts (event_key)",
    "ALTER TABLE approvals ADD COLUMN similar TEXT NOT NULL DEFAULT '[]'",
)
