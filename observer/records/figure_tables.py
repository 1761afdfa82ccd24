"""What roll-ups of the models' costs want, and the gauges of `/metrics`."""

FIGURES = (
    "ALTER TABLE spans ADD COLUMN input_tokens INTEGER",
    "ALTER TABLE spans ADD COLUMN output_tokens INTEGER",
    """
    UPDATE spans SET
        input_tokens = json_extract(record, '$.input_tokens'),
        output_tokens = json_extract(record, '$.output_tokens')
    WHERE span_kind = 'llm_call'
    """,
    # It holds all that a roll-up reads, so that no span itself is read for it; and it serves
    # whoever wants the models' calls since a moment, as the one that it replaces.
    """
    CREATE INDEX spans_costs ON spans (
        timestamp_ms, tenant_id, feature, name, cost_nano, input_tokens, output_tokens
    ) WHERE span_kind = 'llm_call'
    """,
    # Of a call that is not over: its span if a crash cuts it, as JSON.
    "ALTER TABLE spending ADD COLUMN span TEXT",
    # What people should have been told and were not.
    """
    CREATE INDEX transitions_undelivered ON state_transitions (timestamp)
    WHERE purpose = 'notify' AND status IN ('failed', 'unknown')
    """,
)
