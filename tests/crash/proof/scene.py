"""The seed's two scenes on our domain: an approved, irreversible action, clean and with a crash.

`python -m tests.crash.proof.scene` plays them and writes runs/clean-run.json and
runs/crash-resume.json. Variant `before the action`: killed between the approval and the action.
Variant `before the result`: killed when the backend has done it and nothing of that is recorded.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from observer.domain.event import thread_id
from tests.crash.evidence import actions, config_with_dying_tools, doom, rows
from tests.observer_process import APPROVAL, ROOT, ObserverProcess

SESSION = "indexing-queue"
ACTION = "clear_queue"
VARIANTS = ("before the action", "before the result")


def play(folder: Path, out: Path) -> None:
    """The clean run and both variants of the crash; what was seen is written into `out`."""
    folder.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    clean = {"scene": f"an approved {ACTION}", **_play_clean(folder / "clean")}
    crashed = {
        "scene": f"an approved {ACTION}, kill -9, restart",
        "variants": [_play(folder / str(i), variant) for i, variant in enumerate(VARIANTS)],
    }
    for name, scene in (("clean-run", clean), ("crash-resume", crashed)):
        (out / f"{name}.json").write_text(json.dumps(scene, indent=2) + "\n")


def _play_clean(folder: Path) -> dict[str, Any]:
    folder.mkdir()
    with ObserverProcess(folder / "var") as observer:
        observer.send({**APPROVAL, "session_id": SESSION})
        observer.wait_for(SESSION, "waiting_approval")
        assert observer.answer(SESSION, {"type": "approve"}).status_code == 202
        observer.wait_for(SESSION, "resolved")
        observer.wait_until_idle()
        assert observer.terminate() == 0, observer.log
    data_dir = observer.data_dir
    return {"session_id": SESSION, **_seen(data_dir), "spans": _spans(data_dir)}


def _play(folder: Path, variant: str) -> dict[str, Any]:
    folder.mkdir()
    config = config_with_dying_tools(folder)
    doomed = ObserverProcess(folder / "var", config=config, program="tests.doubles.doomed_daemon")
    with doomed:
        doomed.send({**APPROVAL, "session_id": SESSION})
        doomed.wait_for(SESSION, "waiting_approval")
        if variant == "before the action":
            order = {"tool": "Ledger.intend", "when": "before"}
            (doomed.data_dir / "doom.json").write_text(json.dumps(order))
        else:
            doom(doomed.data_dir, ACTION, "after")
        assert doomed.answer(SESSION, {"type": "approve"}).status_code == 202
        assert doomed.process is not None
        doomed.process.wait(30)
    killed = _seen(doomed.data_dir)
    with ObserverProcess(folder / "var", config=config) as survivor:
        survivor.wait_for(SESSION, "resolved")
        survivor.wait_until_idle()
        assert survivor.terminate() == 0, survivor.log
    return {
        "killed": variant,
        "session_id": SESSION,
        "at_death": killed,
        "after_restart": {**_seen(survivor.data_dir), "spans": _spans(survivor.data_dir)},
    }


def _seen(data_dir: Path) -> dict[str, Any]:
    """What is on disk while no daemon runs."""
    return {
        "next_iteration": _last_checkpoint(data_dir) + 1,
        "runs": _table(data_dir, "runs", "trace_id, session_id, status, outcome", "started_at"),
        "transitions": _table(
            data_dir,
            "state_transitions",
            "session_id, iteration, tool_name, tool_input_hash, idempotency_key, status,"
            " result_summary, trace_id, timestamp",
            "id",
        ),
        "backend": [
            {"idempotency_key": action["key"], "result": action["result"]}
            for action in actions(data_dir)
            if action["action"] == ACTION
        ],
    }


def _table(data_dir: Path, table: str, columns: str, order: str) -> list[dict[str, Any]]:
    names = [name.strip() for name in columns.split(",")]
    found = rows(data_dir, f"SELECT {columns} FROM {table} ORDER BY {order}")
    return [dict(zip(names, row, strict=True)) for row in found]


def _spans(data_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(row[0]) for row in rows(data_dir, "SELECT record FROM spans ORDER BY id")]


def _last_checkpoint(data_dir: Path) -> int:
    """The last iteration that the graph's checkpointer has whole."""
    connection = sqlite3.connect(f"file:{data_dir / 'checkpoints.db'}?mode=ro", uri=True)
    try:
        found = connection.execute(
            "SELECT metadata FROM checkpoints WHERE thread_id = ? ORDER BY checkpoint_id DESC",
            (thread_id("default", SESSION),),
        ).fetchone()
    finally:
        connection.close()
    return int(json.loads(found[0])["step"])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="scenes-") as name:
        play(Path(name) / "played", ROOT / "runs")
