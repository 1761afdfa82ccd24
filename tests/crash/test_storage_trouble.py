"""Cases 11, 12 and 13: the disk is full, limited or locked while the daemon works.

The tool server keeps its files elsewhere, so an action could happen although it cannot be
recorded: none may.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.crash.evidence import actions, journal_faults, rows, tally, until, warnings
from tests.crash.storage import (
    config_with_world,
    files_limited,
    full,
    locked,
    mounted,
    need_root,
)
from tests.observer_process import INFO, ObserverProcess

pytestmark = pytest.mark.slow

PATIENCE_S = 8.0
"""The busy timeout is 5 s; the rest is for two busy cores."""
LOCKED_FOR_S = 30.0


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Where the tool server keeps the pipeline."""
    return tmp_path / "elsewhere"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A data directory on a file system of its own."""
    need_root("a file system of its own")
    with mounted(tmp_path / "var", "-t", "tmpfs", "-o", "size=80m", "tmpfs"):
        yield tmp_path / "var"


def health(observer: ObserverProcess) -> tuple[int, str]:
    answer = httpx.get(f"{observer.url}/health", timeout=30)
    return answer.status_code, " ".join(answer.json()["reasons"])


def well_again(observer: ObserverProcess) -> None:
    until(lambda: health(observer)[0] == 200, f"well again: {health(observer)}", 20)


def assert_every_action_was_intended(observer: ObserverProcess, world: Path) -> None:
    """What took effect stands in the ledger, whatever could not be written since."""
    done = {action["key"] for action in actions(world)}
    intended = {
        row[0] for row in rows(observer.data_dir, "SELECT idempotency_key FROM state_transitions")
    }
    assert done <= intended


def assert_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert ".db" in answer.json()["detail"]


def handled_once(observer: ObserverProcess, world: Path, sessions: list[str]) -> None:
    elsewhere = ObserverProcess(world)
    for session in sessions:
        assert observer.wait_for(session)["status"] == "resolved"
    once = {"incidents": 1, "alerts": 1, "remedies": 1}
    assert tally(elsewhere, sessions) == dict.fromkeys(sessions, once)


def work_in_trouble(
    observer: ObserverProcess,
    world: Path,
    make_trouble: Callable[[int], AbstractContextManager[None]],
    rooms: tuple[int, ...],
) -> None:
    """Trouble that begins at ever another write; what was accepted is handled once all the same."""
    sessions: list[str] = []
    event: dict[str, Any] = {}
    refused = troubled = 0
    for room in rooms:
        (event,) = warnings(1, f"room{room}")
        event["event_id"] = f"id-{room}"
        sessions.append(event["session_id"])
        with make_trouble(room):
            answer = observer.post(event)
            if answer.status_code != 202:
                refused += 1
                assert_refused(answer)

            def seen(event: dict[str, Any] = event) -> bool:
                code, why = health(observer)
                ended = observer.session(event["session_id"]).get("status") == "resolved"
                return ended or (code == 503 and ".db" in why)

            until(seen, "either it is done, or /health says which file is in trouble")
            troubled += health(observer)[0] == 503
            assert_every_action_was_intended(observer, world)
        well_again(observer)
        again = observer.post(event)
        assert again.status_code == 202, again.text
    handled_once(observer, world, sessions)
    assert_every_action_was_intended(observer, world)
    # An item whose end could not be written must not block its session.
    for session in sessions:
        more = {**event, "session_id": session, "event_id": session, "message": f"job {session}-2"}
        assert observer.post(more).status_code == 202
    observer.wait_until_idle()
    told = tally(ObserverProcess(world), [f"{session}-2" for session in sessions])
    assert {counts["alerts"] for counts in told.values()} == {1}, told
    assert refused and troubled, (refused, troubled)
    assert observer.process is not None
    assert observer.process.poll() is None
    failed = "SELECT count(*) FROM runs WHERE status = 'failed'"
    assert rows(observer.data_dir, failed) == [(0,)], "trouble with the disk is no event's failure"
    assert observer.terminate() == 0
    assert "Traceback" not in observer.log
    assert journal_faults(observer.data_dir) == []


def test_on_a_full_disk_nothing_is_done_unrecorded_promised_or_lost(
    small_disk: Path, world: Path, tmp_path: Path, make_observer: Callable[..., ObserverProcess]
) -> None:
    """Case 11: a full tmpfs, with ever more room left before it is full."""
    observer = make_observer(config=config_with_world(tmp_path, world)).start()
    work_in_trouble(
        observer,
        world,
        lambda room: full(small_disk, pages_left=room),
        (0, 15, 40, 80),
    )


def test_at_the_limit_of_a_files_size_nothing_is_done_unrecorded_promised_or_lost(
    world: Path, tmp_path: Path, make_observer: Callable[..., ObserverProcess]
) -> None:
    """Case 12: RLIMIT_FSIZE of the running daemon; needs no root."""
    observer = make_observer(config=config_with_world(tmp_path, world)).start()
    pid = observer.process.pid if observer.process is not None else 0
    work_in_trouble(
        observer,
        world,
        lambda room: files_limited(pid, observer.data_dir, pages_left=room),
        (0, 15, 50),
    )


def test_a_start_on_a_full_disk_is_refused_in_prose(
    small_disk: Path, make_observer: Callable[..., ObserverProcess]
) -> None:
    """Case 11: at the lock and at the queue; the next start minds no file that is half made."""
    observer = make_observer()
    for room, name in ((0, "observer.lock"), (250, "queue.db")):
        with full(small_disk, pages_left=room):
            observer.start(wait=False)
            assert observer.process is not None
            assert observer.process.wait(60) == 2, observer.log
        assert "Traceback" not in observer.log
        assert str(small_disk / name) in observer.log
    assert observer.start().get("/health")["state"] == "RUNNING"


def locked_for_long(observer: ObserverProcess, name: str) -> None:
    before, late = (warnings(1, f"{when}-{name[0]}")[0] for when in ("before", "late"))
    late["event_id"] = "late"
    observer.send(before)

    def post(number: int) -> tuple[httpx.Response, float]:
        begin = time.monotonic()
        return observer.post({**late, "event_id": f"late-{number}"}), time.monotonic() - begin

    with locked(observer.data_dir / name):
        end = time.monotonic() + LOCKED_FOR_S
        with ThreadPoolExecutor(10) as threads:
            for answer, took in threads.map(post, range(10)):
                assert_refused(answer)
                assert name in answer.json()["detail"]
                assert took < PATIENCE_S, took
        assert health(observer)[0] == 503
        why = f"{name} is locked by another process"
        until(lambda: why in health(observer)[1], "/health says why")
        while time.monotonic() < end:
            answer, took = post(0)
            assert_refused(answer)
            assert took < PATIENCE_S, took
            assert health(observer)[0] == 503
            time.sleep(1)
        if name == "observer.db":
            assert_refused(observer.post({**INFO, "event_id": "info"}))
    well_again(observer)
    assert observer.send(late) == late["session_id"]
    for event in (before, late):
        shown = observer.wait_for(event["session_id"], limit_s=90)
        assert shown["status"] == "resolved"
    observer.wait_until_idle()
    keys = [action["key"] for action in actions(observer.data_dir)]
    assert len(keys) == len(set(keys))
    assert rows(observer.data_dir, "SELECT count(*) FROM runs WHERE status = 'failed'") == [(0,)]
    assert observer.terminate() == 0
    assert "Traceback" not in observer.log
    assert journal_faults(observer.data_dir) == []


def checkpoints_locked(observer: ObserverProcess) -> None:
    """What came in is still taken; a run that cannot save its steps waits, and has not failed."""
    events = warnings(3, "steps")
    with locked(observer.data_dir / "checkpoints.db"):
        sessions = [observer.send(event) for event in events]
        why = "checkpoints.db is locked by another process"
        until(lambda: why in health(observer)[1], "/health says why")
        assert health(observer)[0] == 503
        # Longer than it takes to give an event up for good, were this its failure.
        time.sleep(LOCKED_FOR_S / 2)
    well_again(observer)
    handled_once(observer, observer.data_dir, sessions)
    assert rows(observer.data_dir, "SELECT count(*) FROM runs WHERE status = 'failed'") == [(0,)]
    assert observer.terminate() == 0
    assert "Traceback" not in observer.log


def test_a_foreign_lock_for_thirty_seconds_refuses_and_then_goes_on(tmp_path: Path) -> None:
    """Case 13: of the records, of the queue and of the checkpoints, in a daemon each at once."""
    with (
        ObserverProcess(tmp_path / "records") as records,
        ObserverProcess(tmp_path / "queue") as queue,
        ObserverProcess(tmp_path / "steps") as steps,
        ThreadPoolExecutor(3) as threads,
    ):
        trials = [
            threads.submit(locked_for_long, records, "observer.db"),
            threads.submit(locked_for_long, queue, "queue.db"),
            threads.submit(checkpoints_locked, steps),
        ]
        for trial in trials:
            trial.result()
