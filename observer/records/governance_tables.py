"""Tables of what the observer may do: one tuple of statements a migration."""

HOLDS = (
    # For whom nothing is begun: a tenant, or `*`; each cause is lifted by its own.
    """
    CREATE TABLE holds (
        tenant_id TEXT NOT NULL,
        cause TEXT NOT NULL,
        reason TEXT NOT NULL,
        since REAL NOT NULL,
        PRIMARY KEY (tenant_id, cause)
    )
    """,
)

SPENDING = (
    # What a model call may cost at worst, written before it goes out, and what it did cost.
    """
    CREATE TABLE spending (
        id TEXT PRIMARY KEY,
        day TEXT NOT NULL,                 -- of the budget, not of the clock
        tenant_id TEXT NOT NULL,
        trace_id TEXT NOT NULL,
        model TEXT NOT NULL,
        reserved_nano INTEGER NOT NULL,    -- nano-dollars
        spent_nano INTEGER,                -- NULL: it is not over, or a crash cut it
        reserved_at REAL NOT NULL
    )
    """,
)

NO_PROGRESS = (
    # Runs that made no progress lately; once there are too many, an alarm takes them away.
    """
    CREATE TABLE no_progress (
        event_key TEXT PRIMARY KEY,
        tenant_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        why TEXT NOT NULL,
        at REAL NOT NULL
    )
    """,
)

MISSION = (
    # A WARNING or CRITICAL that came in, from then until it was well. Down time is made of these.
    """
    CREATE TABLE failures (
        event_key TEXT PRIMARY KEY,
        tenant_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        node TEXT NOT NULL,            -- the cause, where one was found
        severity TEXT NOT NULL,
        result TEXT NOT NULL,
        metrics TEXT NOT NULL,         -- whose promise it breaks, as JSON
        began_at REAL NOT NULL,
        ended_at REAL                  -- NULL: nobody has seen or called it well again
    )
    """,
    "CREATE INDEX failures_open ON failures (tenant_id) WHERE ended_at IS NULL",
    "CREATE INDEX failures_ended ON failures (ended_at)",
    # When the observer could see: a row for each stretch without a gap.
    "CREATE TABLE watched (id INTEGER PRIMARY KEY, began_at REAL NOT NULL, until REAL NOT NULL)",
    # One a `mission.eval_every` finished runs; due as long as `judged_at` is NULL.
    """
    CREATE TABLE mission_verdicts (
        runs INTEGER PRIMARY KEY,
        due_at REAL NOT NULL,
        snapshot TEXT,
        verdict TEXT,
        advice TEXT,
        reasons TEXT,
        trend TEXT,
        model_id TEXT,
        trace_id TEXT,
        judged_at REAL
    )
    """,
    # By the hour, counted in hours since 1970.
    "CREATE TABLE duplicate_deliveries (hour INTEGER PRIMARY KEY, number INTEGER NOT NULL)",
    "CREATE INDEX spans_of_models ON spans (timestamp_ms) WHERE span_kind = 'llm_call'",
)

TRIGGERS = (
    # What a trigger was when it began to look, and up to when its ticks are dealt with.
    """
    CREATE TABLE triggers (
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        definition TEXT NOT NULL,
        upto REAL NOT NULL DEFAULT 0,
        PRIMARY KEY (kind, name)
    )
    """,
    # How far a file is read, or which contents it had; `file` is its identity, or its path.
    """
    CREATE TABLE watched_files (
        trigger_name TEXT NOT NULL,
        file TEXT NOT NULL,
        path TEXT NOT NULL,
        generation INTEGER NOT NULL,
        position INTEGER NOT NULL,
        mark TEXT NOT NULL,
        skipping INTEGER NOT NULL,
        PRIMARY KEY (trigger_name, file)
    )
    """,
    # Outcomes that may yet lead to another event, written with the end of their run.
    """
    CREATE TABLE outcomes_to_follow (
        seq INTEGER PRIMARY KEY,
        event_key TEXT NOT NULL,
        outcome TEXT NOT NULL,
        severity TEXT
    )
    """,
)
