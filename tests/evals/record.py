"""Make `evals/lab.jsonl` and `evals/stack.jsonl` anew: `python -m tests.evals.record [lab|stack]`.

Every row is the eval candidate of a real run, of the lab or of the test stack. A person reads the
difference before it is committed: what a row then demands is what happened.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graph.build import build_graph, serializer
from observer.domain.eval_case import Case, label_of
from observer.evals.replay import replay
from observer.settings import load_configuration
from tests.evals import lab_scenes, queue_scenes
from tests.evals.lab_scenes import NOTHING_WRONG, Scene, prepare
from tests.observer_process import ENDED, ROOT, ObserverProcess
from tests.stack.part import wait_until

Row = dict[str, Any]
SCENES = {**lab_scenes.SCENES, **queue_scenes.SCENES}
ROWS = ROOT / "evals"
PATIENT = {
    "OBSERVER__QUEUE__POLLING_INTERVAL": "100ms",
    "OBSERVER__LEARNING__RETIRE_AFTER_FAILURES": "1000",
    "OBSERVER__HEALTH__NO_PROGRESS__TIMES": "1000",
    "OBSERVER__MISSION__EVAL_EVERY": "1000000",
}
"""One daemon sees more trouble in a minute than a team's in a month: none of it holds the next."""


def rows_of(data_dir: Path, session_id: str) -> list[Row]:
    """The candidates of a session, in the order in which its events ended."""
    lines = (data_dir / "evals" / "candidates.jsonl").read_text().splitlines()
    rows = {row["event_key"]: row for row in map(json.loads, lines)}
    return [row for row in rows.values() if row["session_id"] == session_id]


def labelled(row: Row, scene: Any) -> Row:
    """The row with the label that demands what was recorded."""
    made = label_of(row, because=scene.because, must_not=scene.must_not)
    demanded = made.model_copy(update={"says": list(scene.says)})
    row = {name: value for name, value in row.items() if name != "row"}
    return {**row, "label": demanded.model_dump(mode="json")}


def write(name: str, rows: list[Row]) -> None:
    """One row a line."""
    ROWS.mkdir(exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (ROWS / name).write_text(text)
    print(f"{name}: {len(rows)} rows", flush=True)


def _one(observer: ObserverProcess, name: str, scene: Scene) -> Row:
    prepare(observer, scene)
    if scene.switched_off:
        observer.order("kill-switch", on=True)
    event = {**scene.event, "session_id": name, "event_id": name}
    tenant = event.get("tenant_id", "default")
    observer.send(event)
    if scene.meanwhile is not None:
        scene.meanwhile(observer, name)
    observer.wait_for(name, *ENDED, tenant=tenant, limit_s=120)
    observer.wait_until_idle()
    if scene.switched_off:
        observer.order("kill-switch", on=False)
    wait_until(lambda: rows_of(observer.data_dir, name), f"{name} left a row")
    return labelled(rows_of(observer.data_dir, name)[0], scene)


def _acknowledged() -> Row:
    """What the graph itself makes of an event that says INFO, without any tool."""
    nothing = {"fired": False, "decision": None, "questions": []}
    case = Case.model_validate(
        {
            "input": NOTHING_WRONG.event,
            "context": {"severity": None, "accepted_at": datetime.now(UTC)},
            "tool_calls": [],
            "hitl_override": nothing,
            "outcome": "acknowledged",
        }
    )
    configuration = load_configuration(ROOT / "config", ROOT / "var")
    replayed = asyncio.run(replay(case, configuration, build_graph, serializer()))
    return labelled(replayed.candidate, NOTHING_WRONG)


def _lab() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        usual = {name: scene for name, scene in SCENES.items() if not scene.env}
        with ObserverProcess(Path(folder) / "var", env=PATIENT) as observer:
            for name, scene in usual.items():
                yield _one(observer, name, scene)
        for name, scene in SCENES.items():
            if scene.env:
                env = {**PATIENT, **scene.env}
                with ObserverProcess(Path(folder) / name, env=env) as observer:
                    yield _one(observer, name, scene)


def main(wanted: list[str]) -> None:
    """Record what is named, or all."""
    if not wanted or "lab" in wanted:
        rows = {row["session_id"]: row for row in _lab()}
        write("lab.jsonl", [_acknowledged(), *(rows[name] for name in SCENES)])
    if not wanted or "stack" in wanted:
        from tests.evals.stack_scenes import record_stack

        write("stack.jsonl", list(record_stack()))


if __name__ == "__main__":
    main(sys.argv[1:])
