"""What is left when the killing is over, read from the files; and the calm run to compare with."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from observer.domain.event import digest
from tests.crash.evidence import actions, rows
from tests.crash.proof.facts import Calm, Evidence, Question, Recorded
from tests.crash.proof.schedule import KINDS, QUESTIONS, Sent
from tests.crash.proof.sender import Sender
from tests.crash.proof.world import World

_ITEMS = ("incidents.json", "alerts.json")
_LOOKED_AGAIN = (
    "SELECT event_key FROM state_transitions"
    " WHERE idempotency_key LIKE '%/look again/%' AND status = 'done'"
)


def gather(data_dir: Path, sender: Sender) -> Evidence:
    """The evidence of a daemon that has stopped."""
    began: dict[str, float] = {}
    ended: dict[str, str | None] = {}
    for key, started_at, status, outcome in rows(
        data_dir, "SELECT event_key, started_at, status, outcome FROM runs ORDER BY started_at"
    ):
        began.setdefault(key, started_at)
        if status == "done":
            ended[key] = outcome
    stored = rows(
        data_dir, "SELECT seq, event_key, session_id, status, reason, payload FROM events"
    )
    events: dict[str, Recorded] = {}
    ids: dict[str, str] = {}
    for seq, key, session_id, status, reason, payload in stored:
        event: dict[str, Any] = json.loads(payload)
        ids[key] = event["event_id"]
        # An INFO is acknowledged as it is stored, without a run.
        outcome = ended.get(key, "acknowledged" if event["severity"] == "INFO" else None)
        events[event["event_id"]] = Recorded(
            seq, session_id, status, outcome, reason, began.get(key)
        )
    pipeline = data_dir / "pipeline"
    return Evidence(
        promises={e: p for e, p in sender.promises.items() if p.accepted_at is not None},
        actions=actions(data_dir),
        items={name: json.loads((pipeline / name).read_text()) for name in _ITEMS},
        events=events,
        sessions=dict(rows(data_dir, "SELECT session_id, status FROM sessions")),
        approvals={
            approval: Question(session_id, ids.get(key, key), status)
            for approval, session_id, key, status in rows(
                data_dir, "SELECT id, session_id, event_key, status FROM approvals"
            )
        },
        spared=frozenset(ids.get(key, key) for (key,) in rows(data_dir, _LOOKED_AGAIN)),
        answered=sender.answered,
        refusals=sender.refusals,
    )


def calm_run(folder: Path) -> dict[str, Calm]:
    """One event of each kind, and nothing killed."""
    world = World(folder)
    sent = {
        kind: Sent(f"calm-{i}", kind, _calm_body(kind, f"calm-{i}")) for i, kind in enumerate(KINDS)
    }
    world.sender.queue([(event,) for event in sent.values()])
    observer = world.end()
    assert observer.terminate() == 0, observer.log
    evidence = gather(world.data_dir, world.sender)
    assert len(evidence.events) == len(KINDS), observer.log
    calm: dict[str, Calm] = {}
    for kind, event in sent.items():
        key = digest("default", "native", event.event_id)[:16]
        effects = Counter(
            (action["action"], action["target"])
            for action in evidence.actions
            if action["key"].split("/")[2] == key
        )
        calm[kind] = Calm(str(evidence.events[event.event_id].outcome), effects)
    _refuse_nonsense(calm)
    return calm


def _calm_body(kind: str, event_id: str) -> dict[str, Any]:
    return {
        **KINDS[kind],
        "event_id": event_id,
        "session_id": event_id,
        "message": f"job {event_id}, number 1",
    }


def _refuse_nonsense(calm: dict[str, Calm]) -> None:
    """Every comparison rests on this: a kind without its known end proves nothing."""
    ends = {"INFO": "acknowledged", "rejected": "escalated"}
    for kind, found in calm.items():
        assert found.outcome == ends.get(kind, "resolved"), (kind, found)
        cleared = any(action == "clear_queue" for action, _ in found.effects)
        assert cleared == (kind == QUESTIONS[0]), (kind, found)
        assert bool(found.effects) == (kind != "INFO"), (kind, found)
