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
