"""The seed's own scene on our domain: an approved, irreversible action and one crash around it.

Variant `before the action`: killed between the approval and the action. Variant `before the
result`: killed when the backend has done it and nothing of that is recorded.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from observer.domain.event import thread_id
from tests.crash.evidence import actions, config_with_dying_tools, doom, rows
from tests.observer_process import APPROVAL, ObserverProcess

SESSION = "indexing-queue"
ACTION = "clear_queue"
VARIANTS = ("before the action", "before the result")


def play(folder: Path, file: Path) -> dict[str, Any]:
    """Both variants; what was seen is written to the file."""
    folder.mkdir(parents=True, exist_ok=True)
    scene = {
        "scene": f"an approved {ACTION}, kill -9, restart",
        "variants": [_play(folder / str(i), variant) for i, variant in enumerate(VARIANTS)],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(scene, indent=2) + "\n")
    return scene


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
