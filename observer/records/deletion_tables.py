"""What a deletion leaves: of the ledger bare numbers, found by age; of an order its outcome."""

DELETION = (
    """
    CREATE INDEX transitions_reduced ON state_transitions (timestamp) WHERE session_id = ''
    """,
)

DELETIONS_DONE = (
    """
    CREATE TABLE deletions_done (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant_id TEXT NOT NULL,
        before REAL NOT NULL,
        asked_at REAL NOT NULL,
        asked_by TEXT,                 -- the name of a token; NULL: a user of this machine
        done_at REAL NOT NULL,
        deleted TEXT NOT NULL,         -- how many, by kind
        kept INTEGER NOT NULL,         -- sessions that are open
        rewritten TEXT NOT NULL        -- names of databases
    )
    """,
    "CREATE INDEX deletions_done_by_age ON deletions_done (done_at)",
)
