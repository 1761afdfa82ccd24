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
