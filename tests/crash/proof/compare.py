"""What was promised beside what was done: pure, so that it can be shown to see each fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from observer.domain.event import digest
from tests.crash.proof.facts import REMEDIES, Calm, Effect, Evidence, Finding, Recorded


def compare(evidence: Evidence, calm: Mapping[str, Calm]) -> list[Finding]:
    """Every difference between what was accepted and what was done."""
    return [
        *_events(evidence, calm),
        *_log(evidence),
        *_items(evidence),
        *_order(evidence),
        *_sessions(evidence, calm),
        *_answers(evidence),
        *(Finding("wrong_outcome", refusal) for refusal in evidence.refusals),
    ]


def _events(evidence: Evidence, calm: Mapping[str, Calm]) -> Iterator[Finding]:
    done = _effects(evidence)
    questions = evidence.approvals.values()
    # A question that is withdrawn goes on as if a person had said no.
    withdrawn = {asked.event_id for asked in questions if asked.status == "withdrawn"}
    for event_id, promise in evidence.promises.items():
        if promise.fresh > 1:
            yield Finding("doubled", f"{event_id}: {promise.fresh} answers call it new")
        recorded = evidence.events.get(event_id)
        if recorded is None:
            yield Finding("lost", f"{event_id}: accepted and nowhere in the records")
            continue
        if promise.sessions - {recorded.session_id}:
            told = ", ".join(sorted(promise.sessions))
            yield Finding("wrong_outcome", f"{event_id}: told {told}, in {recorded.session_id}")
        expected = calm["rejected" if event_id in withdrawn else promise.sent.kind]
        if recorded.status == "joined":
            yield from _joined(event_id, recorded, evidence)
            expected = Calm("joined", {})
        elif recorded.status != "done":
            yield Finding("lost", f"{event_id}: still {recorded.status}: {recorded.reason}")
        elif recorded.outcome != expected.outcome:
            text = f"{event_id}: {recorded.outcome}, calm {expected.outcome}"
            yield Finding("wrong_outcome", text)
        found = done.get(event_id, Counter())
        yield from _differences(event_id, found, _needed(event_id, expected, done, evidence))


def _needed(
    event_id: str, expected: Calm, done: Mapping[str, Counter[Effect]], evidence: Evidence
) -> Mapping[Effect, int]:
    """Case 91: what another session has just healed needs no second remedy."""
    if event_id not in evidence.spared:
        return expected.effects
    found = done.get(event_id, Counter())
    by_others = {
        target
        for other, effects in done.items()
        for tool, target in effects
        if other != event_id and tool in REMEDIES
    }
    return {
        (tool, target): wanted
        for (tool, target), wanted in expected.effects.items()
        if tool not in REMEDIES or target not in by_others or found[tool, target]
    }


def _differences(
    event_id: str, done: Mapping[Effect, int], expected: Mapping[Effect, int]
) -> Iterator[Finding]:
    for effect in {**expected, **done}:
        found, wanted = done.get(effect, 0), expected.get(effect, 0)
        text = f"{event_id}: {' on '.join(effect)} {found} times, calm {wanted}"
        if found < wanted:
            yield Finding("lost", text)
        elif found > wanted:
            yield Finding("doubled" if wanted else "wrong_outcome", text)


def _joined(event_id: str, recorded: Recorded, evidence: Evidence) -> Iterator[Finding]:
    """Noted on a question of its own session instead of being worked on."""
    approval = (recorded.reason or "").rpartition(" ")[2]
    asked = evidence.approvals.get(approval)
    if asked is None or asked.session_id != recorded.session_id:
        yield Finding("wrong_outcome", f"{event_id}: {recorded.reason}, which is not its session's")


def _answers(evidence: Evidence) -> Iterator[Finding]:
    """A taken answer stands; a refused one came after the question's withdrawal."""
    for approval, code in evidence.answered.items():
        status = evidence.approvals[approval].status
        if (code, status) not in ((202, "answered"), (409, "withdrawn")):
            yield Finding("wrong_outcome", f"{approval}: answered {code}, and is {status}")
    for approval, asked in evidence.approvals.items():
        if asked.status == "withdrawn" and not _has_critical(evidence, asked.session_id):
            yield Finding("wrong_outcome", f"{approval}: withdrawn for nothing")


def _has_critical(evidence: Evidence, session_id: str) -> bool:
    return any(
        event.session_id == session_id and promise.sent.kind == "CRITICAL"
        for event_id, event in evidence.events.items()
        if (promise := evidence.promises.get(event_id)) is not None
    )


def _effects(evidence: Evidence) -> dict[str, Counter[Effect]]:
    done: dict[str, Counter[Effect]] = {}
    for action, event_id in _attributed(evidence):
        effect = (action["action"], action["target"])
        done.setdefault(event_id, Counter())[effect] += 1
    return done


def _attributed(evidence: Evidence) -> list[tuple[dict[str, Any], str]]:
    by_key = {digest("default", "native", e)[:16]: e for e in evidence.promises}
    keys = [action["key"].split("/")[2] for action in evidence.actions]
    return [
        (action, by_key.get(key, f"nobody ({key})"))
        for action, key in zip(evidence.actions, keys, strict=True)
    ]


def _log(evidence: Evidence) -> Iterator[Finding]:
    keys = Counter(action["key"] for action in evidence.actions)
    for key, count in keys.items():
        if count > 1:
            yield Finding("doubled", f"the backend acted {count} times under {key}")
    for action, event_id in _attributed(evidence):
        if event_id.startswith("nobody"):
            text = f"{action['action']} for {event_id}, who was never accepted"
            yield Finding("wrong_outcome", text)


def _items(evidence: Evidence) -> Iterator[Finding]:
    """What the log calls done has reached people, once."""
    changes = [action["change"] for action in evidence.actions if action.get("change")]
    for file, items in evidence.items.items():
        wanted = Counter(c["item"]["id"] for c in changes if c.get("file") == file)
        found = Counter(item["id"] for item in items)
        for name in {**wanted, **found}:
            if found[name] < wanted[name]:
                yield Finding("lost", f"{file} has no {name}")
            elif found[name] > wanted[name]:
                yield Finding("doubled", f"{file} has {name} {found[name]} times")


def _order(evidence: Evidence) -> Iterator[Finding]:
    """In a session everything of the earlier accepted event comes before the later one's."""
    places: dict[str, list[int]] = {}
    for place, (_, event_id) in enumerate(_attributed(evidence)):
        places.setdefault(event_id, []).append(place)
    for events in _by_session(evidence).values():
        for one, other in pairwise(events):
            promises = evidence.promises
            earlier, later = promises.get(one), promises.get(other)
            if earlier and later and later.accepted_at and later.accepted_at < earlier.first_try:
                text = f"{other} was accepted before {one} was sent, and is stored behind it"
                yield Finding("out_of_order", text)
        acting = [event_id for event_id in events if event_id in places]
        for one, other in pairwise(acting):
            if max(places[one]) > min(places[other]):
                yield Finding("out_of_order", f"{other} acted before {one} was done")
        begun = [(evidence.events[event_id].began_at, event_id) for event_id in events]
        ran = [(began_at, event_id) for began_at, event_id in begun if began_at is not None]
        for (first, one), (second, other) in pairwise(ran):
            if second < first:
                yield Finding("out_of_order", f"{other} began before {one}")


def _by_session(evidence: Evidence) -> dict[str, list[str]]:
    """The events of each session in the order of their acceptance."""
    sessions: dict[str, list[str]] = {}
    for event_id in sorted(evidence.events, key=lambda e: evidence.events[e].seq):
        sessions.setdefault(evidence.events[event_id].session_id, []).append(event_id)
    return sessions


def _sessions(evidence: Evidence, calm: Mapping[str, Calm]) -> Iterator[Finding]:
    """A session has ended as its last event that was worked on ends when nothing is killed."""
    for session, events in _by_session(evidence).items():
        kinds = [
            evidence.promises[event_id].sent.kind
            for event_id in events
            if evidence.events[event_id].status == "done" and event_id in evidence.promises
        ]
        wanted = ([k for k in kinds if calm[k].effects] or kinds)[-1:]
        found = evidence.sessions.get(session)
        if wanted and found != calm[wanted[0]].outcome:
            text = f"session {session} is {found}, calm {calm[wanted[0]].outcome}"
            yield Finding("wrong_outcome", text)
