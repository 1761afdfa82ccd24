"""What a deletion leaves of the ledger: bare numbers, found again by age."""

DELETION = (
    """
    CREATE INDEX transitions_reduced ON state_transitions (timestamp) WHERE session_id = ''
    """,
)
