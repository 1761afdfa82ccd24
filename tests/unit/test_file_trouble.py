"""Files, folders, names and words that nobody wished for: one of them never stops the others."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest

from observer.domain.event import Event
from observer.records.trigger_positions import TriggerPositions
from observer.settings.triggers import FileTrigger
from observer.settings.triggers import Triggers as Settings
from observer.triggers import Triggers, raising, tail
from observer.triggers.files import FileTriggers
from tests.unit.intake_world import World
from tests.unit.test_file_lines import Folder, scene

EVENT = {"severity": "WARNING", "stage": "loading"}


def services(world: World, *files: FileTrigger) -> Any:
    queue = SimpleNamespace(max_pending=1000)
    settings = SimpleNamespace(triggers=Settings(files=list(files)), queue=queue)
    return SimpleNamespace(
        database=world.database,
        holds=world.holds,
        session_views=world.views,
        outcomes=None,
        configuration=SimpleNamespace(observer=settings),
    )


def trigger(path: str, message: str = "{{ line }}", **how: Any) -> FileTrigger:
    pattern = None if how.get("mode") == "changes" else "."
    event = {**EVENT, "message": message}
    return FileTrigger.model_validate(
        {"name": "log", "path": path, "pattern": pattern, "from": "start", "event": event, **how}
    )


async def looked(world: World, settings: FileTrigger, *, looks: int = 2) -> FileTriggers:
    files = FileTriggers(
        services(world), world.intake, TriggerPositions(world.database), [settings]
    )
    for _ in range(looks):
        await files._look(files._triggers[0], set())
    return files


def messages(world: World) -> list[str]:
    return [Event.model_validate(item["event"]).message for item in world.inbox.items.values()]


@pytest.mark.asyncio
async def test_a_loop_that_fails_again_and_again_leaves_one_loop_of_the_other_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    await world.database.open()
    monkeypatch.setattr(raising, "AGAIN_S", 0.0)
    changes = trigger(f"{tmp_path}/*.conf", "{{ file }}", name="conf", mode="changes")
    triggers = Triggers(services(world, trigger(f"{tmp_path}/*.log"), changes), world.intake)
    lines, fails = triggers._files
    alive = failed = 0
    enough = asyncio.Event()

    async def live(_: set[str]) -> None:
        nonlocal alive
        alive += 1
        try:
            await asyncio.Event().wait()
        finally:
            alive -= 1

    async def fail(_: set[str]) -> None:
        nonlocal failed
        failed += 1
        if failed > 3:
            enough.set()
        raise ValueError("nobody foresaw it")

    monkeypatch.setattr(lines, "run", live)
    monkeypatch.setattr(fails, "run", fail)
    triggers.start()
    async with asyncio.timeout(10):
        await enough.wait()
    assert alive == 1
    await triggers.stop()
    assert alive == 0
    await world.database.close()


@pytest.mark.asyncio
async def test_a_message_that_cannot_be_filled_in_is_plain_and_the_next_line_follows(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    await world.database.open()
    (tmp_path / "a.log").write_text("one two\nthree four five\n")
    files = await looked(world, trigger(f"{tmp_path}/a.log", "{{ line.split()[2] }}"))
    plain, filled = messages(world)
    assert "line: one two" in plain
    assert "cannot be filled in" in plain
    assert filled == "five"
    assert files.facts()[0]["last_error"] is None
    await world.database.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("mode", "message", "expected"),
    [
        ("lines", "{{ file }} {{ line }}", ["a\\udcff.log x", "b.log y"]),
        ("changes", "{{ file }}", ["a\\udcff.log", "b.log"]),
    ],
)
async def test_a_name_that_is_not_utf8_is_escaped_and_its_neighbour_is_read(
    tmp_path: Path, mode: str, message: str, expected: list[str]
) -> None:
    world = World(tmp_path)
    await world.database.open()
    odd = os.fsdecode(bytes(tmp_path) + b"/a\xff.log")
    with open(odd, "w") as file:  # noqa: ASYNC230, PTH123
        file.write("x\n")
    (tmp_path / "b.log").write_text("y\n")
    settings = trigger(f"{tmp_path}/*.log", message, mode=mode)
    await looked(world, settings)
    assert sorted(messages(world)) == expected
    again = FileTriggers(
        services(world), world.intake, TriggerPositions(world.database), [settings]
    )
    await again._look(again._triggers[0], {"log"})
    assert sorted(messages(world)) == expected
    str(again.facts()).encode()
    await world.database.close()


@pytest.mark.asyncio
async def test_directories_that_cannot_be_looked_into_do_not_end_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    await world.database.open()

    def refused(_: str) -> set[str]:
        raise PermissionError("no way through")

    monkeypatch.setattr(tail, "watched_directories", refused)
    files = await looked(world, trigger(f"{tmp_path}/*.log"), looks=0)
    assert await files._watch_where_they_are()
    assert files._watching is not None
    files._stop_watching.set()
    files._watching.cancel()
    await world.database.close()


def faked(monkeypatch: pytest.MonkeyPatch, freed: str, path: Path) -> None:
    """As if a file had been given the inode that another one left."""
    real = tail._identity
    taken = path.stat()

    def identity(facts: os.stat_result) -> str:
        return freed if facts.st_ino == taken.st_ino else real(facts)

    monkeypatch.setattr(tail, "_identity", identity)


@pytest.mark.parametrize("read", [True, False])
def test_a_file_in_the_inode_of_a_deleted_log_is_not_taken_for_the_log(
    read: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(folder: Folder) -> None:
        folder.log.write_text("line 1\n" if read else "")
        await folder.look()
        freed = tail.identity_of(str(folder.log))
        assert freed is not None
        folder.log.unlink()
        secret = folder.folder / "secret.txt"
        secret.write_text("line that is nobody's business\n")
        faked(monkeypatch, freed, secret)
        for _ in range(2):
            await folder.look()
        assert folder.messages == ["line 1"][: int(read)]
        assert await folder.positions.of_files("log") == {}

    scene(play)


def test_a_log_that_was_moved_under_any_name_is_read_on() -> None:
    async def play(folder: Folder) -> None:
        folder.append("line 1\n")
        await folder.look()
        folder.append("line 2\n")
        folder.log.rename(folder.folder / "old")
        await folder.look()
        assert folder.messages == ["line 1", "line 2"]

    scene(play)


def test_a_folder_that_is_gone_hides_no_rotation_in_another() -> None:
    async def play(folder: Folder) -> None:
        one, other = folder.folder / "one", folder.folder / "other"
        for directory in (one, other):
            directory.mkdir()
            folder.append("line 1\n", directory / "app.log")
        folder.settings = folder.settings.model_copy(update={"path": f"{folder.folder}/*/app.log"})
        await folder.restart()
        await folder.look()
        (one / "app.log").unlink()
        one.rmdir()
        folder.append("line 2\n", other / "app.log")
        (other / "app.log").rename(other / "app.log.1")
        await folder.look()
        assert sorted(folder.messages) == ["line 1", "line 1", "line 2"]
        assert len(await folder.positions.of_files("log")) == 1

    scene(play)


def test_what_is_in_a_folder_that_cannot_be_listed_keeps_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(folder: Folder) -> None:
        folder.append("line 1\n")
        await folder.look()

        def refused(path: str) -> None:
            raise PermissionError(path)

        with monkeypatch.context() as patch:
            patch.setattr(tail, "matching", lambda _: {})
            patch.setattr(tail.os, "scandir", refused)
            await folder.look()
        folder.append("line 2\n")
        await folder.look()
        assert folder.messages == ["line 1", "line 2"]

    scene(play)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("lines", ["line new", "line later"]), ("changes", ["b.log changed", "a.log changed"])],
)
def test_a_file_that_cannot_be_read_hides_no_neighbour_and_begins_when_it_can(
    mode: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(folder: Folder) -> None:
        shut, neighbour = folder.folder / "a.log", folder.folder / "b.log"
        for path in (shut, neighbour):
            folder.append("line old\n", path)
        folder.settings = folder.settings.model_copy(update={"path": f"{folder.folder}/*.log"})
        await folder.restart()
        real = tail._opened

        def opened(path: str) -> BinaryIO:
            if path == str(shut):
                raise PermissionError(f"{path}: not for you")
            return real(path)

        with monkeypatch.context() as patch:
            patch.setattr(tail, "_opened", opened)
            with pytest.raises(PermissionError, match="not for you"):
                await folder.look()
            folder.append("line new\n", neighbour)
            with pytest.raises(PermissionError, match="not for you"):
                await folder.look()
            assert folder.messages == expected[:1]
        await folder.look()
        folder.append("line later\n", shut)
        await folder.look()
        assert folder.messages == expected

    scene(play, begin="end", mode=mode)
