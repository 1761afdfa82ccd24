"""What a crash left behind: the backend's action log, the people told, the journal's chain."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from observer.records.chain import GENESIS, line_hash
from tests.observer_process import ROOT, WARNING, ObserverProcess

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "2"))
"""How often the looping tests go round; 20 for a run by hand."""


def until(fact: Callable[[], Any], what: str, limit_s: float = 30.0) -> Any:
    """Poll until `fact` is true and return it."""
    deadline = time.monotonic() + limit_s
    while not (found := fact()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit_s:g} s: {what}")
        time.sleep(0.01)
    return found


def warnings(count: int, name: str, stage: str = "transformation") -> list[dict[str, Any]]:
    """Events of distinct sessions; the session's id stands in the message, so it can be found."""
    return [
        {**WARNING, "stage": stage, "session_id": f"{name}-{i:03}", "message": f"job {name}-{i:03}"}
        for i in range(count)
    ]


def actions(data_dir: Path) -> list[dict[str, Any]]:
    """The backend's own log: every action that took effect, by its idempotency key."""
    log = data_dir / "pipeline" / "actions.jsonl"
    if not log.exists():
        return []
    lines = [json.loads(line) for line in log.read_text().splitlines() if line]
    return [line for line in lines if "applied" not in line]


def count_actions(data_dir: Path, tool: str) -> int:
    """How many actions of a tool took effect."""
    return sum(action["action"] == tool for action in actions(data_dir))


def tally(observer: ObserverProcess, sessions: list[str]) -> dict[str, dict[str, int]]:
    """By session: how many tickets, chat messages and remedies there are for it."""
    incidents = Counter(_named(item["title"]) for item in observer.pipeline("incidents"))
    alerts = Counter(_named(item["message"]) for item in observer.pipeline("alerts"))
    keys = [action["key"] for action in actions(observer.data_dir)]
    assert len(keys) == len(set(keys)), "the backend logged a key twice"
    remedies = Counter(key.split("/")[1] for key in keys if "/remedy/" in key)
    return {
        session: {
            "incidents": incidents[session],
            "alerts": alerts[session],
            "remedies": remedies[session],
        }
        for session in sessions
    }


def _named(text: str) -> str:
    found = re.search(r"job ([\w-]+)", text)
    return found[1] if found else ""


ONCE = {"incidents": 1, "alerts": 1, "remedies": 1}


def assert_handled_once(observer: ObserverProcess, sessions: list[str]) -> None:
    """Every session has ended well, with exactly one of each effect."""
    ended = {session: observer.session(session).get("status") for session in sessions}
    assert {s: how for s, how in ended.items() if how != "resolved"} == {}
    found = tally(observer, sessions)
    assert {session: n for session, n in found.items() if n != ONCE} == {}


def rows(data_dir: Path, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Ask observer.db, read only."""
    connection = sqlite3.connect(f"file:{data_dir / 'observer.db'}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


def change(data_dir: Path, *statements: str) -> None:
    """Undo the later of two commits in a stopped daemon's records, as if it had died before it."""
    connection = sqlite3.connect(data_dir / "observer.db")
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def under_way(observer: ObserverProcess, tool: str) -> str | None:
    """The session for which a call of the tool is under way, by the ledger."""
    query = "SELECT session_id FROM state_transitions WHERE tool_name = ? AND status = 'intent'"
    return next((row[0] for row in rows(observer.data_dir, query, tool)), None)


def config_with_dying_tools(folder: Path) -> Path:
    """A copy of the shipped configuration whose tool server kills its daemon on order."""
    return config_with(folder, tools="tests.doubles.dying_tools")


def config_with(folder: Path, *, tools: str) -> Path:
    """A copy of the shipped configuration with another module for its tool server."""
    config = folder / "config"
    shutil.copytree(ROOT / "config", config)
    file = config / "observer.yaml"
    text = file.read_text()
    assert "mcp_servers.pipeline_tools" in text
    file.write_text(text.replace("mcp_servers.pipeline_tools", tools))
    return config


def doom(data_dir: Path, tool: str, when: str, *, skip: int = 0) -> None:
    """Order the daemon's death around one call."""
    order = {"tool": tool, "when": when, "skip": skip}
    (data_dir / "pipeline" / "doom.json").write_text(json.dumps(order))


def alive(pid: int) -> bool:
    """Whether a process still runs; one that only nobody has waited for does not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def journal_lines(data_dir: Path) -> list[dict[str, Any]]:
    """Every line of the journal's files, in order."""
    files = sorted((data_dir / "journal").glob("*.jsonl"))
    texts = [line for file in files for line in file.read_text().split("\n")[:-1]]
    return [json.loads(text) for text in texts]


def journal_faults(data_dir: Path) -> list[str]:
    """What is wrong with the hash chain; lines still in the outbox count, they are not lost."""
    faults: list[str] = []
    before, seq = GENESIS, 0
    for line in journal_lines(data_dir):
        if line["seq"] != seq + 1:
            faults.append(f"after line {seq} comes {line['seq']}")
        if line["prev_hash"] != before:
            faults.append(f"line {line['seq']} does not follow the one before it")
        if line_hash(line) != line["hash"]:
            faults.append(f"line {line['seq']} was changed")
        before, seq = line["hash"], line["seq"]
    waiting = [row[0] for row in rows(data_dir, "SELECT seq FROM journal ORDER BY seq")]
    undrained = [number for number in waiting if number > seq]
    if undrained != list(range(seq + 1, seq + 1 + len(undrained))):
        faults.append(f"the file ends with line {seq}, the outbox goes on with {undrained[:3]}")
    return faults
