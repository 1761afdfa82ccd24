"""The table of bearer tokens: who may come in, and never with what."""

TOKENS = (
    """
    CREATE TABLE tokens (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        hash TEXT NOT NULL UNIQUE,     -- SHA-256 of the token
        role TEXT NOT NULL,
        tenant_id TEXT,                -- NULL: all tenants
        created_at REAL NOT NULL,
        expires_at REAL,
        revoked_at REAL,
        last_used_on TEXT              -- a day
    )
    """,
)
