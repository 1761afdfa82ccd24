"""The spool of alarms: on disk before it is sent, in order, bounded, and alive without a disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from observer.domain.alarms import DROPPED, Alarm, AlarmState, Standing
from observer.domain.fault import Fault, FaultKind
from observer.records.alarm_spool import AlarmSpool

pytestmark = pytest.mark.asyncio

FAILED = Standing(Fault(FaultKind.FAILED, "it failed"), 1.0)
STANDS = {FAILED.fault.key: FAILED}


def alarm(name: str, state: AlarmState = AlarmState.FIRING) -> Alarm:
    return Alarm(name, FaultKind.FAILED, None, "", state, "it failed", at=1.0, since=1.0)


async def opened(folder: Path, most: int = 1000) -> AlarmSpool:
    spool = AlarmSpool(folder, most=most)
    await spool.open()
    return spool


async def emptied(spool: AlarmSpool) -> list[Alarm]:
    taken: list[Alarm] = []
    while (first := spool.first()) is not None:
        taken.append(first.alarm)
        await spool.remove(first)
    return taken


async def test_a_new_process_goes_on_in_order_with_what_stands(tmp_path: Path) -> None:
    before = await opened(tmp_path / "alarms")
    await before.put([alarm("a"), alarm("b")], STANDS)
    await before.put([alarm("c")], STANDS)
    first = before.first()
    assert first is not None
    await before.remove(first)

    spool = await opened(tmp_path / "alarms")

    assert spool.standing == STANDS
    assert [a.id for a in await emptied(spool)] == ["b", "c"]
    await spool.put([alarm("d")], {})
    assert [a.id for a in await emptied(await opened(tmp_path / "alarms"))] == ["d"]
    assert [path.name for path in (tmp_path / "alarms").iterdir()] == ["standing.json"]


async def test_a_crash_before_what_stands_is_written_tells_nothing_twice(tmp_path: Path) -> None:
    folder = tmp_path / "alarms"
    spool = await opened(folder)
    await spool.put([], {})
    await spool.put([alarm("a")], STANDS)
    (folder / "standing.json").write_text(json.dumps({"last": 0, "standing": []}))

    again = await opened(folder)

    assert again.standing == STANDS
    assert [a.id for a in await emptied(again)] == ["a"]


async def test_its_files_are_for_the_owner_only(tmp_path: Path) -> None:
    spool = await opened(tmp_path / "alarms")
    await spool.put([alarm("a")], STANDS)
    assert (tmp_path / "alarms").stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in (tmp_path / "alarms").iterdir()} == {0o600}


async def test_the_oldest_are_dropped_and_that_is_told_first(tmp_path: Path) -> None:
    spool = await opened(tmp_path / "alarms", most=5)
    await spool.put([alarm(str(i)) for i in range(12)], STANDS)

    assert len(spool) == 5
    kept = [(a.kind, a.count, a.id) for a in await emptied(await opened(tmp_path / "alarms"))]

    assert [(kind, count) for kind, count, _ in kept[:1]] == [(DROPPED, 8)]
    assert [name for _, _, name in kept[1:]] == ["8", "9", "10", "11"]


async def test_without_a_disk_they_wait_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "alarms").write_text("a file where the folder belongs")
    spool = await opened(tmp_path / "alarms")

    await spool.put([alarm("a"), alarm("b")], STANDS)
    await spool.put([], STANDS)

    assert [a.id for a in await emptied(spool)] == ["a", "b"]
    assert spool.standing == STANDS
    assert caplog.text.count("cannot be written") == 1

    (tmp_path / "alarms").unlink()
    await spool.put([], STANDS)
    assert (await opened(tmp_path / "alarms")).standing == STANDS


async def test_what_the_disk_did_not_take_is_written_with_the_next_alarm(tmp_path: Path) -> None:
    (tmp_path / "alarms").write_text("a file where the folder belongs")
    spool = await opened(tmp_path / "alarms")
    await spool.put([alarm("a"), alarm("b")], STANDS)
    first = spool.first()
    assert first is not None
    await spool.remove(first)
    (tmp_path / "alarms").unlink()

    await spool.put([], STANDS)
    again = await opened(tmp_path / "alarms")
    assert (len(again), [a.id for a in await emptied(again)]) == (1, ["b"])

    await spool.put([alarm("c")], STANDS)
    assert [a.id for a in await emptied(await opened(tmp_path / "alarms"))] == ["c"]


async def test_what_was_dropped_while_the_disk_took_nothing_is_gone_from_it_afterwards(
    tmp_path: Path,
) -> None:
    folder, away = tmp_path / "alarms", tmp_path / "away"
    spool = await opened(folder, most=3)
    await spool.put([alarm("0"), alarm("1")], STANDS)
    folder.rename(away)
    folder.write_text("a file where the folder belongs")
    await spool.put([alarm(str(i)) for i in range(2, 6)], STANDS)
    folder.unlink()
    away.rename(folder)

    await spool.put([], STANDS)

    kept = [(a.kind, a.count, a.id) for a in await emptied(await opened(folder))]
    assert [(kind, count) for kind, count, _ in kept[:1]] == [(DROPPED, 4)]
    assert [name for _, _, name in kept[1:]] == ["4", "5"]


async def test_a_damaged_file_stops_nothing_and_stays_to_be_looked_at(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = await opened(tmp_path / "alarms")
    await spool.put([alarm("a"), alarm("b")], STANDS)
    damaged = tmp_path / "alarms" / "000000000001.json"
    damaged.write_text('{"id": 1}')
    (tmp_path / "alarms" / "standing.json").write_text("[]")

    again = await opened(tmp_path / "alarms")

    assert [a.id for a in await emptied(again)] == ["b"]
    assert damaged.exists()
    assert "000000000001.json" in caplog.text and "standing.json" in caplog.text


async def test_what_has_not_changed_is_not_written_again(tmp_path: Path) -> None:
    spool = await opened(tmp_path / "alarms")
    await spool.put([alarm("a")], STANDS)
    (tmp_path / "alarms" / "standing.json").unlink()
    await spool.put([], dict(STANDS))
    assert not (tmp_path / "alarms" / "standing.json").exists()
