"""What happens on the test stack, to be recorded as labelled cases; and their configuration.

`python -m tests.evals.stack_scenes DIR` writes that: the shipped `stack` example with the durations
of the test stack, telling people by GitHub issues.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from observer.settings.examples import write_example
from tests.evals.record import PATIENT, Row, labelled, rows_of
from tests.observer_process import ENDED, ObserverProcess
from tests.stack.faults import FAULTS, Work
from tests.stack.part import wait_until
from tests.stack.pipeline_config import SHORT, edit_all, tell_people
from tests.stack.pipeline_stack import SECRETS, PipelineStack
from tests.stack.trial import attempt, wrong
from tests.stack.trouble import CONSUMER, PRODUCER

STALE = {
    "severity": "WARNING",
    "stage": "entity_data_freshness",
    "message": "RedisDataStale: the newest entity is older than promised",
}
RESTARTS = ("restart_process", "container_restart", "rollout_restart")
REDIS = ("redis_kill_idle_clients", "redis_config_set")
NEVER = ("container_exec", "delete_data", "alter_kafka_cluster")
GITHUB = "http://127.0.0.1:1"
"""Nobody is told in a trial."""
PORT = re.compile(r"127\.0\.0\.1:([0-9]{4,5})")


@dataclass(frozen=True)
class Scene:
    """A fault, the event that tells of it, and why its label says what it says."""

    because: str
    inflict: Work
    undo: Work
    event: dict[str, Any]
    must_not: tuple[str, ...]
    says: tuple[str, ...] = ()
    decision: dict[str, Any] | None = None
    """What a person says while it waits."""
    switched_off: bool = False


@dataclass(frozen=True)
class Word:
    """Why a fault of the stack is labelled, and what may not be done about it."""

    because: str
    must_not: tuple[str, ...]
    says: tuple[str, ...] = ()


def _well(stack: PipelineStack) -> None:
    """Nothing is wrong."""


def _kill(name: str) -> Work:
    return lambda stack: stack.signal(name, signal.SIGKILL)


def _start(name: str) -> Work:
    return lambda stack: stack.start_process(name)


SCENES: dict[str, Scene] = {
    "recovered-by-itself": Scene(
        "everything reads healthy, twice: nothing is done, and nobody hears of it",
        _well,
        _well,
        STALE,
        must_not=(*RESTARTS, *REDIS, "open_github_issue"),
        says=("Recovered by itself",),
    ),
    "unknown-alert": Scene(
        "what is not in the tree is not touched",
        _well,
        _well,
        {"severity": "CRITICAL", "stage": "billing", "message": "BillingDown"},
        must_not=(*RESTARTS, *REDIS),
    ),
    "prometheus-away": Scene(
        "what cannot be read is no reason to act: a person hears what was not seen",
        lambda stack: stack.prometheus.stop(),
        lambda stack: stack.prometheus.start(),
        STALE,
        must_not=(*RESTARTS, *REDIS),
    ),
    "consumer-dead-kill-switch": Scene(
        "while the kill switch is on nothing is changed, and people are told",
        _kill(CONSUMER),
        _start(CONSUMER),
        STALE,
        must_not=(*RESTARTS, *REDIS),
        says=("the kill switch is on",),
        switched_off=True,
    ),
    "producer-critical": Scene(
        "the cause lies below what alerts: ingestion is restarted, not the consumer",
        lambda stack: stack.stop_process(PRODUCER),
        _start(PRODUCER),
        {**STALE, "severity": "CRITICAL"},
        must_not=(*REDIS, *NEVER),
        says=("websocket_ingestion",),
    ),
    "consumer-dead-rejected": Scene(
        "a person's no ends what would have run by itself",
        _kill(CONSUMER),
        _start(CONSUMER),
        STALE,
        must_not=(*RESTARTS, *REDIS),
        decision={"type": "reject", "message": "we are looking into it"},
    ),
    "clients-exhausted-kill-switch": Scene(
        "a known error's own fix stops at the kill switch, too",
        PipelineStack.exhaust_clients,
        PipelineStack.release_clients,
        STALE,
        must_not=(*RESTARTS, *REDIS),
        switched_off=True,
    ),
}
"""Told by ourselves."""

WORDS: dict[str, Word] = {
    "clients exhausted": Word(
        "ke-001: idle clients of Redis end, the consumer that waits for it is left alone",
        (*RESTARTS, "redis_config_set", *NEVER),
        ("ke-001",),
    ),
    "consumer dead": Word("dead after its patience: started again, once", (*REDIS, *NEVER)),
    "consumer stopped": Word("stuck is not dead, and is restarted alike", (*REDIS, *NEVER)),
    "producer stopped": Word("ingestion stands still: it, and nothing else", (*REDIS, *NEVER)),
    "upstream gone": Word(
        "external: detected and reported, not ours to repair", (*RESTARTS, *REDIS, *NEVER)
    ),
    "upstream away for a moment": Word(
        "ke-002: what reconnects by itself is waited for",
        (*RESTARTS, *REDIS, *NEVER),
        ("ke-002",),
    ),
    "poison record": Word(
        "ke-005: to skip a record loses data, which a person decides",
        (*RESTARTS, *REDIS, *NEVER),
        ("ke-005",),
    ),
    "memory full": Word(
        "ke-004: room within the node's limit", (*RESTARTS, "redis_kill_idle_clients"), ("ke-004",)
    ),
}
"""Of the faults that Alertmanager tells of."""


OVERTAKEN = Word(
    "something worse was told while it waited: that is looked into instead",
    (*RESTARTS, *REDIS, *NEVER),
)


def write_config(folder: Path) -> None:
    """The configuration that the rows of the stack are tried with."""
    write_example("stack", folder)
    edit_all(folder, SHORT)
    tell_people(folder, GITHUB)


def record_stack() -> Iterator[Row]:
    """A row for each scene, then for each fault that Alertmanager tells of."""
    with tempfile.TemporaryDirectory() as folder:
        stack = PipelineStack(Path(folder) / "stack")
        config = stack.config(stack.folder / "config")
        env = {**SECRETS, **PATIENT}
        with ObserverProcess(stack.folder / "var", config=config, env=env) as observer, stack:
            for name, scene in SCENES.items():
                yield _named(stack, _one(stack, observer, name, scene), name)
            stack.tell(observer.url)
            for fault_name, fault in FAULTS.items():
                trial = attempt(stack, observer, fault)
                assert not wrong(trial, fault), (fault_name, wrong(trial, fault))
                session_id = trial.sessions[0]["session_id"]
                for number, row in enumerate(_rows(observer, session_id)):
                    name = f"{fault_name.replace(' ', '-')}{f'-{number + 1}' if number else ''}"
                    print(f"{name}: {row['outcome']}", flush=True)
                    overtaken = row["hitl_override"]["decision"] == "withdrawn"
                    word = OVERTAKEN if overtaken else WORDS[fault_name]
                    yield _named(stack, labelled(row, word), name)


def _one(stack: PipelineStack, observer: ObserverProcess, name: str, scene: Scene) -> Row:
    stack.wait_until_well()
    if scene.switched_off:
        observer.order("kill-switch", on=True)
    try:
        scene.inflict(stack)
        if scene.inflict is not _well:
            wait_until(lambda: not _is_well(stack), "it is ill")
        observer.send({**scene.event, "session_id": name, "event_id": name})
        if scene.decision is not None:
            observer.wait_for(name, "waiting_approval")
            assert observer.answer(name, scene.decision).status_code == 202
        observer.wait_for(name, *ENDED)
    finally:
        scene.undo(stack)
        if scene.switched_off:
            observer.order("kill-switch", on=False)
    (row,) = _rows(observer, name)
    print(f"{name}: {row['outcome']}", flush=True)
    return labelled(row, scene)


def _is_well(stack: PipelineStack) -> bool:
    """By its promise; unknown is not well."""
    age = stack.prometheus.value("redis_data_age_seconds")
    return age is not None and age < 3.5


def _rows(observer: ObserverProcess, session_id: str) -> list[Row]:
    wait_until(lambda: rows_of(observer.data_dir, session_id), f"{session_id} left a row")
    return rows_of(observer.data_dir, session_id)


def _named(stack: PipelineStack, row: Row, name: str) -> Row:
    """Under a name that people read, with the addresses of the example."""
    text = json.dumps(row).replace(row["session_id"], name)
    for changes in stack.addresses().values():
        for shipped, ours in changes.items():
            text = text.replace(json.dumps(ours)[1:-1], json.dumps(shipped)[1:-1])
    port = stack.ports["feed"]
    text = text.replace(f'"port": {port}', '"port": 8443').replace(f":{port}", ":8443")
    shipped = {int(p) for c in stack.addresses().values() for s in c for p in PORT.findall(s)}
    found = dict.fromkeys(int(p) for p in PORT.findall(text))
    ours = {port: 9300 + i for i, port in enumerate(p for p in found if p not in shipped)}
    return json.loads(PORT.sub(lambda m: m[0].replace(m[1], str(ours.get(int(m[1]), m[1]))), text))


if __name__ == "__main__":
    write_config(Path(sys.argv[1]))
