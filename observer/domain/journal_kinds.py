"""What a line of the journal may be about; docs/journal.md has the fields of each."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """The `kind` of a journal line."""

    LIFECYCLE = "lifecycle"
    EVENT = "event"
    RUN = "run"
    CLASSIFIED = "classified"
    DECISION = "decision"
    RULING = "ruling"
    CALL = "call"
    OBSERVATION = "observation"
    NOTIFICATION = "notification"
    APPROVAL = "approval"
    OUTCOME = "outcome"
    HOLD = "hold"
    KILL_SWITCH = "kill_switch"
    BUDGET = "budget"
    HEALTH = "health"
    MISSION = "mission"
    TRIGGER = "trigger"
    LEARNED = "learned"
    KNOWN_ERROR = "known_error"
    FEEDBACK = "feedback"
    RETENTION = "retention"
    ACCESS = "access"
    DELETION = "deletion"
    JOURNAL = "journal"
