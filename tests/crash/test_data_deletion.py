"""A deleted tenant leaves nothing but what is promised: by the bytes of every file."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from observer.cli.app import app
from observer.records.anchor import verify_journal
from observer.records.data_dir import DataDir
from tests.crash.evidence import journal_lines, rows, until
from tests.observer_process import APPROVAL, INFO, ROOT, WARNING, ObserverProcess

pytestmark = pytest.mark.slow

CANARY = "zqcanary"
"""One lower-case word, so that the words' index, too, holds it as it is."""
CONFIG = ROOT / "config"
NOBODY = ("--url", "http://127.0.0.1:9", "--config", str(CONFIG))


def forms(word: str) -> list[bytes]:
    """The word, and what of it stands in the base64 of a text with it, wherever it begins."""
    coded = [base64.b64encode(b"-" * before + word.encode() + b"---") for before in range(3)]
    return [word.encode(), coded[0][:8], coded[1][4:12], coded[2][4:12]]


def holding(data_dir: Path, what: str = CANARY) -> set[str]:
    """The files with these bytes in them; the lab's own world and the journal aside."""
    own = (path for path in data_dir.rglob("*") if path.is_file())
    named = {str(path.relative_to(data_dir)): path for path in own}
    return {
        name
        for name, path in named.items()
        if not name.startswith(("journal/", "pipeline/"))
        and any(form in path.read_bytes() for form in forms(what))
    }


def fill(observer: ObserverProcess, tenant: str, word: str, count: int) -> None:
    """Ended sessions with the word in ids, labels and messages, and a question that is open."""
    for number in range(count):
        observer.send(
            {
                **WARNING,
                "tenant_id": tenant,
                "session_id": f"{word}-{number}",
                "event_id": f"{word}-event-{number}",
                "message": f"{WARNING['message']} {word} customer {number}",
                "labels": {"customer": word},
            }
        )
    observer.send({**INFO, "tenant_id": tenant, "session_id": f"{word}-info", "message": word})
    observer.send({**APPROVAL, "tenant_id": tenant, "session_id": f"open-{tenant}"})
    for number in range(count):
        observer.wait_for(f"{word}-{number}", tenant=tenant)
    observer.wait_for(f"open-{tenant}", "waiting_approval", tenant=tenant)
    until(lambda: CANARY in spans(observer.data_dir), "the drain has written its spans")


def spans(data_dir: Path) -> str:
    return "".join(path.read_text() for path in (data_dir / "spans").glob("*.jsonl"))


def delete(observer: ObserverProcess, **body: Any) -> httpx.Response:
    return httpx.post(f"{observer.url}/data/delete", json=body, timeout=30)


def deletions(data_dir: Path) -> list[dict[str, Any]]:
    return [line for line in journal_lines(data_dir) if line["kind"] == "deletion"]


def test_a_tenant_is_deleted_beside_its_neighbour_while_the_daemon_works(
    make_observer: Callable[..., ObserverProcess],
) -> None:
    """Killed in the middle it goes on; what is open stays; what comes again is still known."""
    observer = make_observer().start()
    fill(observer, "acme", CANARY, 4)
    fill(observer, "other", "neighbour", 2)
    assert {"observer.db", "checkpoints.db", "queue.db"} <= {
        name.removesuffix("-wal") for name in holding(observer.data_dir)
    }
    used = "SELECT count(*) FROM state_transitions WHERE tenant_id = 'acme' AND purpose != 'notify'"
    calls = rows(observer.data_dir, used)

    dry = delete(observer, tenant_id="acme", dry_run=True)
    assert (dry.status_code, dry.json()["sessions"], dry.json()["open"]) == (200, 5, 1)
    assert delete(observer, tenant_id="acme", older_than_s=3600).json()["younger"] == 6
    until(lambda: len(deletions(observer.data_dir)) == 2, "nothing is old enough")
    assert delete(observer, tenant_id="acme").status_code == 202
    observer.kill()
    observer.start()
    until(lambda: observer.get("/data/deletions")["deletions"] == [], "it is carried out")
    until(lambda: deletions(observer.data_dir)[-1]["what"] == "done", "and journaled")

    assert holding(observer.data_dir) == set()
    assert holding(observer.data_dir, "neighbour") >= {"evals/candidates.jsonl"}
    sessions = {row["session_id"]: row["status"] for row in observer.get("/sessions")["sessions"]}
    assert sessions == {
        "open-acme": "waiting_approval",
        "open-other": "waiting_approval",
        "neighbour-0": "resolved",
        "neighbour-1": "resolved",
        "neighbour-info": "acknowledged",
    }
    assert {json.loads(line)["session_id"] for line in spans(observer.data_dir).splitlines()} == {
        name for name in sessions if name != "neighbour-info"
    }
    done = deletions(observer.data_dir)[-1]
    assert (done["kept"], done["rewritten"]) == (1, ["observer.db", "checkpoints.db", "queue.db"])
    told, *earlier = observer.get("/data/deletions")["done"]
    of_both = ("tenant_id", "before", "deleted", "kept", "rewritten")
    assert {name: told[name] for name in of_both} == {name: done[name] for name in of_both}
    # Nothing was old enough for the first; its outcome is told all the same.
    assert [(one["tenant_id"], "sessions" in one["deleted"]) for one in earlier] == [
        ("acme", False)
    ]
    # Today's budget is not a bit larger for it.
    assert rows(observer.data_dir, used) == calls

    again = {**WARNING, "tenant_id": "acme", "event_id": f"{CANARY}-event-0"}
    assert observer.post(again).json()["events"][0]["duplicate"] is True
    assert observer.answer("open-acme", {"type": "approve"}).status_code in (202, 404)
    assert observer.terminate() == 0
    assert verify_journal(DataDir(observer.data_dir)).fault is None


def test_a_tenant_is_deleted_while_the_daemon_is_down(
    make_observer: Callable[..., ObserverProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    observer = make_observer().start()
    fill(observer, "acme", CANARY, 2)
    assert observer.terminate() == 0
    for name, value in {"OBSERVER_DATA_DIR": observer.data_dir, "OBSERVER_CONFIG": CONFIG}.items():
        monkeypatch.setenv(name, str(value))
    done = CliRunner().invoke(app, ["data", "delete", "--tenant", "acme", "--yes", *NOBODY])

    assert (done.exit_code, "3 sessions go" in done.stdout) == (0, True), done.output
    assert "1 sessions stay: they are open" in done.stderr
    assert holding(observer.data_dir) == set()
    observer.start()
    until(lambda: [d["what"] for d in deletions(observer.data_dir)] == ["asked", "done"], "told")
    assert observer.session("open-acme", tenant="acme")["status"] == "waiting_approval"
    assert observer.terminate() == 0
    assert verify_journal(DataDir(observer.data_dir)).fault is None
