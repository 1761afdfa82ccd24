"""The kill switch by a file: whom it stops, the safe side where it cannot be read, the journal."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.kill_switch import switched_off_by
from observer.domain.redaction import Redactor
from observer.records.database import Database
from observer.records.journal import Journal
from observer.records.kill_switch import KillSwitch

EVERYBODY = frozenset(("*",))


@pytest.mark.parametrize(
    ("content", "whom"),
    [
        (b"", EVERYBODY),
        (b" \n\r\n\t\n", EVERYBODY),
        (b"*", EVERYBODY),
        (b"acme\n*\n", EVERYBODY),
        (b"acme", {"acme"}),
        (b"acme\n", {"acme"}),
        (b"  acme \r\n\r\ninitech.eu\nacme", {"acme", "initech.eu"}),
        (b"# stop the presses\nacme\n", EVERYBODY),
        (b"acme, initech", EVERYBODY),
        (b"acme\xff", EVERYBODY),
        ("\ufeffacme".encode(), EVERYBODY),
        (b"a" * 101, EVERYBODY),
        (b"../acme", EVERYBODY),
    ],
)
def test_a_file_names_tenants_and_anything_else_means_everybody(
    content: bytes, whom: set[str]
) -> None:
    assert switched_off_by(content) == whom


@given(st.binary())
def test_no_file_stops_nobody_whatever_stands_in_it(content: bytes) -> None:
    assert switched_off_by(content)


@given(st.sets(st.from_regex(r"[a-z0-9_][a-z0-9_.:-]{0,20}", fullmatch=True), min_size=1))
def test_tenants_one_a_line_are_exactly_those(tenants: set[str]) -> None:
    assert switched_off_by("\n".join(tenants).encode()) == tenants


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(tmp_path / "observer.db")
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def switch(database: Database) -> KillSwitch:
    return KillSwitch(database, Journal(Redactor([])))


def set_up(path: Path, how: str) -> None:
    match how:
        case "directory":
            path.mkdir()
        case "named pipe":
            os.mkfifo(path)
        case "dangling link":
            path.symlink_to(path.with_name("nowhere"))
        case "link to itself":
            path.symlink_to(path)
        case "too long":
            path.write_bytes(b"acme\n" * 20_000)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "how", ["directory", "named pipe", "dangling link", "link to itself", "too long"]
)
async def test_what_is_there_and_cannot_be_read_stops_everybody(
    switch: KillSwitch, tmp_path: Path, how: str
) -> None:
    set_up(tmp_path / "KILL_SWITCH", how)
    why = await switch.why_refused("anyone")
    assert why == "the kill switch is on, by the file KILL_SWITCH"


@pytest.mark.asyncio
async def test_file_and_command_add_up_and_each_is_lifted_by_its_own(
    switch: KillSwitch, tmp_path: Path
) -> None:
    file = tmp_path / "KILL_SWITCH"
    file.write_text("acme\n")
    assert await switch.turn("initech", on=True)
    assert await switch.standing() == {
        "kill_switch": ["acme", "initech"],
        "kill_switch_by": {"command": ["initech"], "file": ["acme"]},
    }
    assert await switch.why_refused("acme") == (
        "the kill switch is on for tenant 'acme', by the file KILL_SWITCH"
    )
    assert await switch.why_refused("initech") == "the kill switch is on for tenant 'initech'"
    assert await switch.why_refused("globex") is None
    assert not await switch.turn("acme", on=False)
    assert await switch.why_refused("acme") is not None
    file.unlink()
    assert await switch.why_refused("acme") is None


@pytest.mark.asyncio
async def test_the_journal_says_once_when_the_file_came_changed_and_went(
    database: Database, switch: KillSwitch, tmp_path: Path
) -> None:
    """Also where another process, or another look, notices it."""
    file, another = tmp_path / "KILL_SWITCH", KillSwitch(database, Journal(Redactor([])))
    steps: list[Callable[[], object]] = [
        lambda: file.write_text(""),
        lambda: file.write_text("acme"),
        file.unlink,
    ]
    for step in steps:
        step()
        await database.write(lambda c: switch.why_refused_in(c, "acme"))
        await switch.standing()
        await another.why_refused("acme")
    rows = await database.read(
        lambda c: c.execute(
            "SELECT tenant_id, body FROM journal WHERE kind = 'kill_switch'"
        ).fetchall()
    )
    assert [(row[0], json.loads(row[1])) for row in rows] == [
        (None, {"on": True, "by": "file"}),
        (None, {"on": False, "by": "file"}),
        ("acme", {"on": True, "by": "file"}),
        ("acme", {"on": False, "by": "file"}),
    ]
