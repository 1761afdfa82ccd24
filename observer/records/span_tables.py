"""The columns and indexes of `spans` that on-call queries want, and the steps under way."""

SPANS = (
    *(
        f"ALTER TABLE spans ADD COLUMN {column}"
        for column in (
            "stage TEXT NOT NULL DEFAULT ''",
            "model_version TEXT",
            "prompt_version_hash TEXT",
            "tool_name TEXT",
            "cost_nano INTEGER",
        )
    ),
    # What an earlier release wrote says the same in its record.
    """
    UPDATE spans SET
        model_version = json_extract(record, '$.model_version'),
        prompt_version_hash = json_extract(record, '$.prompt_version_hash'),
        tool_name = json_extract(record, '$.tool_name'),
        cost_nano = CAST(round(json_extract(record, '$.cost_usd') * 1e9) AS INTEGER)
    """,
    "CREATE INDEX spans_by_kind ON spans (span_kind, timestamp_ms)",
    # A step stands here from its beginning to its end, so that a killed run shows its cut. There
    # are never more than a few, so nothing is indexed.
    """
    CREATE TABLE open_spans (
        span_id TEXT PRIMARY KEY,
        trace_id TEXT NOT NULL,
        tenant_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        record TEXT NOT NULL
    )
    """,
)
