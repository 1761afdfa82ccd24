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
    # Covering: a question over a million spans reads an index, a fraction of the table.
    """
    CREATE INDEX spans_by_kind ON spans (
        span_kind, timestamp_ms, tenant_id, result_status, latency_ms, cost_nano, feature, stage,
        tool_name, model_version, prompt_version_hash, name
    )
    """,
    """
    CREATE INDEX spans_of_runs ON spans (
        timestamp_ms, tenant_id, result_status, latency_ms, cost_nano, feature, stage
    ) WHERE name = 'final_response'
    """,
    # The first of the two serves what this one served.
    "DROP INDEX spans_of_models",
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
