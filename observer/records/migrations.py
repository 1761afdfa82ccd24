"""The tables of observer.db: an ordered list, only ever appended to."""

from observer.records.deletion_tables import DELETION, DELETIONS_DONE
from observer.records.figure_tables import FIGURES
from observer.records.governance_tables import (
    HOLDS,
    MISSION,
    NO_PROGRESS,
    SPENDING,
    TRIGGERS,
)
from observer.records.memory_tables import HEALTHY_LINES, KNOWN_ERRORS, PAST_INCIDENTS
from observer.records.span_tables import SPANS
from observer.records.token_tables import TOKENS

MIGRATIONS: list[tuple[str, ...]] = [
    (
        # One incident conversation.
        """
        CREATE TABLE sessions (
            tenant_id TEXT NOT NULL,
            session_id TEXT NOT NULL,
            status TEXT NOT NULL,
            severity TEXT,
            stage TEXT NOT NULL,
            fingerprint TEXT,              -- NULL when the caller chose the session id
            outcome TEXT,
            report TEXT,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            PRIMARY KEY (tenant_id, session_id)
        )
        """,
        "CREATE INDEX sessions_open ON sessions (tenant_id, fingerprint, status)",
        "CREATE INDEX sessions_by_age ON sessions (updated_at)",
        # What came in. `seq` is the order within a session.
        """
        CREATE TABLE events (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            event_key TEXT NOT NULL UNIQUE,
            tenant_id TEXT NOT NULL,
            session_id TEXT NOT NULL,
            -- queued, running, waiting, joined, done, dead, forgotten
            status TEXT NOT NULL,
            payload TEXT NOT NULL,
            body_hash TEXT,
            attempts INTEGER NOT NULL DEFAULT 0,
            reason TEXT,
            accepted_at REAL NOT NULL
        )
        """,
        "CREATE INDEX events_of_session ON events (tenant_id, session_id, seq)",
        """
        CREATE INDEX events_pending ON events (accepted_at)
        WHERE status IN ('queued', 'running')
        """,
        # One invocation of the graph.
        """
        CREATE TABLE runs (
            trace_id TEXT PRIMARY KEY,
            tenant_id TEXT NOT NULL,
            session_id TEXT NOT NULL,
            event_key TEXT NOT NULL,
            status TEXT NOT NULL,          -- running, done, waiting_approval, interrupted, failed
            outcome TEXT,
            started_at REAL NOT NULL,
            ended_at REAL
        )
        """,
        "CREATE INDEX runs_of_session ON runs (tenant_id, session_id, started_at)",
        "CREATE INDEX runs_running ON runs (status) WHERE status = 'running'",
        # The ledger (seed 001): what was done to the world, and every look at it.
        """
        CREATE TABLE state_transitions (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            session_id TEXT NOT NULL,
            trace_id TEXT NOT NULL,
            tenant_id TEXT NOT NULL,
            event_key TEXT NOT NULL,
            iteration INTEGER NOT NULL,
            purpose TEXT NOT NULL,
            tool_name TEXT NOT NULL,
            tool_input_hash TEXT NOT NULL,
            args TEXT NOT NULL,            -- redacted, for people
            idempotency_key TEXT NOT NULL UNIQUE,
            status TEXT NOT NULL,          -- intent, done, failed, unknown
            result_status TEXT,
            result_summary TEXT,
            payload TEXT,
            timestamp REAL NOT NULL
        )
        """,
        "CREATE INDEX transitions_of_session ON state_transitions (tenant_id, session_id, id)",
        "CREATE INDEX transitions_of_event ON state_transitions (event_key)",
        # Questions to a person, bound to the exact actions and arguments.
        """
        CREATE TABLE approvals (
            id TEXT PRIMARY KEY,
            tenant_id TEXT NOT NULL,
            session_id TEXT NOT NULL,
            event_key TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            request TEXT NOT NULL,
            impact TEXT NOT NULL,
            status TEXT NOT NULL,          -- pending, answered, expired, withdrawn, elapsed
            answer TEXT,
            deadline REAL NOT NULL,
            created_at REAL NOT NULL,
            answered_at REAL,
            applied_at REAL                -- when a run took the answer up
        )
        """,
        "CREATE INDEX approvals_by_status ON approvals (status, deadline)",
        "CREATE INDEX approvals_of_session ON approvals (tenant_id, session_id, status)",
        "CREATE INDEX approvals_of_event ON approvals (event_key)",
        # Written with what it describes, drained to JSONL afterwards.
        """
        CREATE TABLE journal (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            ts REAL NOT NULL,
            kind TEXT NOT NULL,
            tenant_id TEXT,
            session_id TEXT,
            trace_id TEXT,
            body TEXT NOT NULL
        )
        """,
        """
        CREATE TABLE spans (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            trace_id TEXT NOT NULL,
            span_id TEXT NOT NULL,
            parent_span_id TEXT,
            tenant_id TEXT NOT NULL,
            session_id TEXT NOT NULL,
            step_index INTEGER NOT NULL,
            timestamp_ms INTEGER NOT NULL,
            span_kind TEXT NOT NULL,
            latency_ms REAL NOT NULL,
            feature TEXT NOT NULL,
            name TEXT NOT NULL,
            result_status TEXT NOT NULL,
            record TEXT NOT NULL
        )
        """,
        "CREATE INDEX spans_of_trace ON spans (trace_id)",
        "CREATE INDEX spans_of_session ON spans (tenant_id, session_id)",
        """
        CREATE TABLE eval_candidates (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            event_key TEXT NOT NULL UNIQUE,
            record TEXT NOT NULL
        )
        """,
        # How often a known error was met, and whether its fix held.
        """
        CREATE TABLE known_error_statistics (
            known_error TEXT PRIMARY KEY,
            successes INTEGER NOT NULL DEFAULT 0,
            failures INTEGER NOT NULL DEFAULT 0,
            first_seen REAL NOT NULL,
            last_seen REAL NOT NULL
        )
        """,
        "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    ),
    (
        # For whom no remedy may start: a tenant, or `*`.
        "CREATE TABLE kill_switches (tenant_id TEXT PRIMARY KEY, set_at REAL NOT NULL)",
    ),
    (
        # Lists stay fast however many sessions there are: one index an order of filters.
        "CREATE INDEX sessions_of_tenant ON sessions (tenant_id, updated_at)",
        "CREATE INDEX sessions_by_status ON sessions (status, updated_at)",
        "CREATE INDEX sessions_of_tenant_by_status ON sessions (tenant_id, status, updated_at)",
        "CREATE INDEX events_dead ON events (accepted_at) WHERE status = 'dead'",
        """
        CREATE INDEX approvals_not_applied ON approvals (answered_at)
        WHERE answer IS NOT NULL AND applied_at IS NULL
        """,
        # Whose checkpoints may go, in another file: all up to `upto`, or all but the latest.
        """
        CREATE TABLE stale_threads (
            thread_id TEXT PRIMARY KEY,
            upto TEXT,
            noted_at REAL NOT NULL
        )
        """,
        # Of a deleted session an event keeps its key, so that its delivery is still recognised.
        "CREATE INDEX events_forgotten ON events (accepted_at) WHERE status = 'forgotten'",
    ),
    (
        # A tenant's calls since midnight.
        "CREATE INDEX transitions_by_time ON state_transitions (tenant_id, timestamp)",
    ),
    (
        # The latest event of a subject whose occurrences we number.
        """
        CREATE INDEX events_of_subject ON events (tenant_id, json_extract(payload, '$.subject'))
        WHERE json_extract(payload, '$.subject') IS NOT NULL
        """,
    ),
    (
        # The node that a question is about: an edited answer stays within its incident.
        "ALTER TABLE approvals ADD COLUMN node TEXT",
    ),
    KNOWN_ERRORS,
    (
        # With which event's run another one is looked into; when its source said it was over.
        "ALTER TABLE events ADD COLUMN joined_to TEXT",
        "ALTER TABLE events ADD COLUMN resolved_at REAL",
        "CREATE INDEX events_joined ON events (joined_to) WHERE joined_to IS NOT NULL",
    ),
    HEALTHY_LINES,
    (
        # On which node a remedy acted: how often it did so lately is capped.
        "ALTER TABLE state_transitions ADD COLUMN target TEXT",
        """
        CREATE INDEX transitions_of_remedies ON state_transitions (tenant_id, timestamp)
        WHERE target IS NOT NULL
        """,
    ),
    PAST_INCIDENTS,
    (
        # When what waits out its patience is ruled on again.
        "ALTER TABLE approvals ADD COLUMN runs_at REAL",
    ),
    (
        # What each run told people; a session shows its latest.
        "ALTER TABLE runs ADD COLUMN report TEXT",
    ),
    HOLDS,
    SPENDING,
    MISSION,
    TRIGGERS,
    NO_PROGRESS,
    TOKENS,
    DELETION,
    SPANS,
    FIGURES,
    DELETIONS_DONE,
]
