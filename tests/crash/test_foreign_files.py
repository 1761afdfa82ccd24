"""Cases 10, 17 and 18: what this release cannot use is refused, named and left as it is."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from observer.records.governance_tables import MISSION
from observer.records.migrations import MIGRATIONS
from observer.records.span_tables import SPANS
from observer.records.versions import KNOWN
from tests.crash.evidence import assert_handled_once, journal_faults, under_way, until, warnings
from tests.crash.storage import DATABASES, read_only
from tests.observer_process import ObserverProcess

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a killed daemon of this release left: one event in the middle, two waiting."""
    folder = tmp_path_factory.mktemp("release") / "var"
    observer = ObserverProcess(folder)
    observer.faults({"tools": {"send_slack_alert": {"mode": "hang", "times": 1}}})
    with observer.start():
        for event in warnings(3, "kept"):
            observer.send(event)
        until(lambda: under_way(observer, "send_slack_alert"), "the worker is in the middle")
        observer.kill()
    observer.faults({})
    yield folder


@pytest.fixture
def copy(left_behind: Path, tmp_path: Path) -> Path:
    """A copy of it, out of sight of what checks the data directories of healthy tests."""
    return shutil.copytree(left_behind, tmp_path / "copies" / "var")


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in DATABASES}


def refusal(folder: Path) -> str:
    """What the daemon prints; it must end with 2, without a traceback, and change nothing."""
    before = contents(folder)
    with ObserverProcess(folder).start(wait=False) as observer:
        assert observer.process is not None
        assert observer.process.wait(60) == 2, observer.log
    assert "Traceback" not in observer.log
    assert contents(folder) == before
    return observer.log


def versions(folder: Path) -> dict[str, int]:
    found = {}
    for name in KNOWN:
        with closing(sqlite3.connect(folder / name)) as connection:
            (found[name],) = connection.execute("PRAGMA user_version").fetchone()
    return found


def test_data_of_this_release_resumes(copy: Path) -> None:
    """Case 10: the databases, the queue and a checkpoint in the middle of a run."""
    assert versions(copy) == KNOWN
    assert_resumes(copy)


def test_data_of_an_older_release_is_brought_up_to_date_and_resumes(copy: Path) -> None:
    """Case 10: the records as they were before the last migrations."""
    with closing(sqlite3.connect(copy / "observer.db")) as connection:
        connection.execute("DROP INDEX spans_costs")
        connection.execute("DROP INDEX transitions_undelivered")
        connection.execute(MISSION[-1])
        connection.execute("ALTER TABLE spending DROP COLUMN span")
        connection.execute("DROP TABLE open_spans")
        connection.execute("DROP TABLE deletions_done")
        connection.execute("DROP INDEX spans_by_kind")
        connection.execute("DROP INDEX spans_of_runs")
        for column in (
            "stage",
            "model_version",
            "prompt_version_hash",
            "tool_name",
            "cost_nano",
            "input_tokens",
            "output_tokens",
        ):
            connection.execute(f"ALTER TABLE spans DROP COLUMN {column}")
        connection.execute(f"PRAGMA user_version={MIGRATIONS.index(SPANS)}")

    assert_resumes(copy)

    assert versions(copy) == KNOWN


def assert_resumes(copy: Path) -> None:
    with ObserverProcess(copy) as observer:
        observer.wait_until_idle()
        assert_handled_once(observer, ["kept-000", "kept-001", "kept-002"])
        assert observer.terminate() == 0
    assert journal_faults(copy) == []


@pytest.mark.parametrize("name", DATABASES)
def test_data_of_a_newer_release_is_refused_by_version(copy: Path, name: str) -> None:
    """Case 10: whichever file is newer, no other one is touched either."""
    with closing(sqlite3.connect(copy / name)) as connection:
        connection.execute(f"PRAGMA user_version={KNOWN[name] + 1}")

    said = refusal(copy)

    assert f"{copy / name} is of version {KNOWN[name] + 1}, written by a newer release" in said
    assert f"knows version {KNOWN[name]}" in said


@pytest.mark.parametrize("name", DATABASES)
@pytest.mark.parametrize("damage", [slice(0, 16), slice(16, 24)], ids=["magic", "page size"])
def test_a_damaged_header_is_refused_and_not_overwritten(
    copy: Path, name: str, damage: slice
) -> None:
    """Case 17: also where SQLite would find a whole first page in the write-ahead log."""
    if damage.start:
        for other in DATABASES:
            with closing(sqlite3.connect(copy / other)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    header = bytearray((copy / name).read_bytes())
    header[damage] = b"\xff" * (damage.stop - damage.start)
    (copy / name).write_bytes(header)

    said = refusal(copy)

    assert f"{copy / name}: file is not a database. Nothing was written to it" in said


def test_a_read_only_data_directory_is_refused(copy: Path) -> None:
    """Case 18."""
    with read_only(copy):
        said = refusal(copy)
    assert f"{copy} cannot be written to (Read-only file system:" in said or (
        f"{copy} cannot be written to (Permission denied:" in said
    )
    assert "choose another --data-dir" in said


def test_a_data_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """Case 18: a first start."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    observer = ObserverProcess(shelf / "var")
    observer._log = tmp_path / "said.log"
    with read_only(shelf), observer.start(wait=False):
        assert observer.process is not None
        assert observer.process.wait(60) == 2
    assert f"{shelf / 'var'} cannot be written to" in observer.log
    assert "Traceback" not in observer.log
