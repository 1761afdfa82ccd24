"""Lines of real files become events: each once, whatever is done to the file or to the reader."""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observer.errors import InboxFull
from observer.records.database import Database
from observer.records.trigger_positions import FilePosition, TriggerPositions
from observer.settings.triggers import FileTrigger
from observer.sources import RaisedAlert
from observer.triggers import tail
from observer.triggers.changes import ChangeTrigger
from observer.triggers.lines import LineTrigger
from observer.triggers.raising import Standing


class Killed(Exception):
    """The process is gone: nothing of it but the files is left."""


class Fuse:
    """Kills at one of the next effects, before it or after it."""

    def __init__(self) -> None:
        self.left: int | None = None

    def burn(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed


class MortalPositions(TriggerPositions):
    """The real ones, of a process that may be killed at any write."""

    def __init__(self, database: Database, fuse: Fuse) -> None:
        super().__init__(database)
        self._fuse = fuse

    async def put(self, trigger: str, file: FilePosition) -> None:
        self._fuse.burn()
        await super().put(trigger, file)
        self._fuse.burn()

    async def first_look(self, trigger: str, definition: str, files: list[FilePosition]) -> None:
        self._fuse.burn()
        await super().first_look(trigger, definition, files)
        self._fuse.burn()

    async def forget(self, trigger: str, files: list[str]) -> None:
        self._fuse.burn()
        await super().forget(trigger, files)


@functools.cache
def empty_records() -> bytes:
    """A database as it is made at the first start; to make one takes longer than an example."""

    async def make(path: Path) -> None:
        database = Database(path)
        await database.open()
        await database.close()

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "observer.db"
        asyncio.run(make(path))
        return path.read_bytes()


class Folder:
    """A log, whoever writes it, and the trigger that reads it."""

    def __init__(self, folder: Path, *, begin: str = "start", mode: str = "lines") -> None:
        self.folder = folder
        self.log = folder / "app.log"
        self.accepted: dict[str, str] = {}
        """As the intake does, one of each id."""
        self.full = False
        self.fuse = Fuse()
        self.settings = FileTrigger.model_validate(
            {
                "name": "log",
                "path": f"{folder}/app.log",
                "mode": mode,
                "from": begin,
                "pattern": "^line" if mode == "lines" else None,
                "event": {
                    "stage": "loading",
                    "message": "{{ line }}" if mode == "lines" else "{{ file }} {{ change }}",
                },
            }
        )
        (folder / "observer.db").write_bytes(empty_records())
        self.database = Database(folder / "observer.db")

    async def __aenter__(self) -> Folder:
        await self.database.open()
        await self.restart()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.database.close()

    async def restart(self) -> None:
        self.fuse.left = None
        self.positions = MortalPositions(self.database, self.fuse)
        kind = LineTrigger if self.settings.mode == "lines" else ChangeTrigger
        self.trigger = kind(self.settings, self.positions, self.accept)
        self.begun = False

    async def accept(self, alert: RaisedAlert, standing: Standing) -> None:
        if self.full:
            raise InboxFull
        self.fuse.burn()
        self.accepted.setdefault(alert.event_id or "", alert.message)
        self.fuse.burn()

    async def look(self) -> None:
        if not self.begun:
            definitions = {"log": self.settings.definition}
            before = await self.positions.begin_files(definitions)
            await self.trigger.begin(looked_before="log" in before)
            self.begun = True
        await self.trigger.look()

    async def look_and_die(self, after: int) -> None:
        self.fuse.left = after
        try:
            await self.look()
        except Killed:
            await self.restart()
        self.fuse.left = None

    @property
    def messages(self) -> list[str]:
        return list(self.accepted.values())

    def append(self, text: str, path: Path | None = None) -> None:
        with (path or self.log).open("a") as log:
            log.write(text)


def scene(
    play: Callable[[Folder], Awaitable[None]], *, begin: str = "start", mode: str = "lines"
) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as name:
            async with Folder(Path(name), begin=begin, mode=mode) as folder:
                await play(folder)

    empty_records()
    asyncio.run(run())


STEPS = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 4)),
    st.tuples(st.just("noise"), st.just(0)),
    st.tuples(st.just("half"), st.just(0)),
    st.tuples(st.just("look"), st.just(0)),
    st.tuples(st.just("die"), st.integers(0, 8)),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.just("rotate"), st.just(0)),
    st.tuples(st.just("append behind"), st.just(0)),
    st.tuples(st.just("truncate"), st.integers(0, 3)),
    st.tuples(st.just("replace"), st.integers(0, 3)),
    st.tuples(st.just("full"), st.integers(0, 1)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_each_line_becomes_one_event_whatever_happens(steps: list[tuple[str, int]]) -> None:
    """Appends, rotations, truncations, new files, refusals, and kills between accept and commit."""

    async def play(folder: Folder) -> None:
        numbers = itertools.count(1)
        written: list[str] = []
        rotated = folder.folder / "app.log.1"

        def line() -> str:
            written.append(f"line {next(numbers)}")
            return f"{written[-1]}\n"

        def finish(path: Path) -> None:
            if path.exists() and not path.read_bytes().endswith(b"\n") and path.stat().st_size:
                folder.append("\n", path)

        async def read_all() -> None:
            """Who cuts a file or deletes it loses what nobody has read: not the trigger's doing."""
            folder.full = False
            finish(folder.log)
            finish(rotated)
            await folder.look()

        for step, number in steps:
            if step == "append":
                finish(folder.log)
                folder.append("".join(line() for _ in range(number)))
            elif step == "noise":
                finish(folder.log)
                folder.append("nothing to see\n")
            elif step == "half":
                finish(folder.log)
                folder.append(line().rstrip("\n"))
            elif step == "die":
                try:
                    await folder.look_and_die(number)
                except InboxFull:
                    folder.fuse.left = None
            elif step == "look":
                try:
                    await folder.look()
                except InboxFull:
                    assert folder.full
            elif step == "restart":
                await folder.restart()
            elif step == "rotate" and folder.log.exists():
                known = await folder.positions.of_files("log")
                # Under another name nobody would know a file that was never seen under its own.
                if rotated.exists() or tail.identity_of(str(folder.log)) not in known:
                    await read_all()
                folder.log.rename(rotated)
            elif step == "append behind" and rotated.exists():
                finish(rotated)
                folder.append(line(), rotated)
            elif step == "truncate" and folder.log.exists():
                await read_all()
                os.truncate(folder.log, 0)
                folder.append("".join(line() for _ in range(number)))
            elif step == "replace" and folder.log.exists():
                await read_all()
                folder.log.unlink()
                folder.append("".join(line() for _ in range(number)))
            elif step == "full":
                folder.full = bool(number)
        await folder.restart()
        await read_all()
        assert sorted(folder.messages) == sorted(written)

    scene(play)


@pytest.mark.parametrize("after", range(8))
@pytest.mark.parametrize("anew", ["truncated", "deleted", "rotated"])
def test_killed_at_any_moment_of_a_file_that_begins_anew_each_line_comes_once(
    anew: str, after: int
) -> None:
    async def play(folder: Folder) -> None:
        folder.append("line 1\nline 2\n")
        await folder.look()
        if anew == "truncated":
            os.truncate(folder.log, 0)
        elif anew == "deleted":
            folder.log.unlink()
        else:
            folder.log.rename(folder.folder / "app.log.1")
        folder.append("line 3\n")
        await folder.look_and_die(after)
        await folder.look()
        assert folder.messages == ["line 1", "line 2", "line 3"]

    scene(play)


def test_at_first_sight_a_file_begins_at_its_end_and_a_later_file_at_its_start() -> None:
    async def play(folder: Folder) -> None:
        folder.append("line old\nline ha")
        await folder.look()
        folder.append("lf of an old one\nline new\n")
        await folder.look()
        assert folder.messages == ["line new"]
        folder.log.rename(folder.folder / "app.log.1")
        folder.append("line of the next file\n")
        await folder.restart()
        await folder.look()
        assert folder.messages == ["line new", "line of the next file"]

    scene(play, begin="end")


def test_the_same_words_again_are_another_line() -> None:
    async def play(folder: Folder) -> None:
        folder.append("line\nline\n")
        await folder.look()
        folder.log.unlink()
        await folder.look()
        folder.append("line\nline\n")
        await folder.look()
        assert len(folder.accepted) == 4

    scene(play)


def test_a_full_inbox_leaves_the_position_before_the_line_it_refused() -> None:
    async def play(folder: Folder) -> None:
        folder.append("line 1\n")
        await folder.look()
        folder.append("line 2\nline 3\n")
        folder.full = True
        for _ in range(3):
            try:
                await folder.look()
            except InboxFull:
                continue
            raise AssertionError("it was refused")
        (position,) = (await folder.positions.of_files("log")).values()
        assert position.position == len("line 1\n")
        folder.full = False
        await folder.look()
        assert folder.messages == ["line 1", "line 2", "line 3"]

    scene(play)


def test_two_names_of_one_file_are_read_once_and_a_pipe_never() -> None:
    async def play(folder: Folder) -> None:
        folder.settings = folder.settings.model_copy(update={"path": f"{folder.folder}/*.log"})
        (folder.folder / "link.log").symlink_to(folder.log)
        os.mkfifo(folder.folder / "pipe.log")
        await folder.restart()
        folder.append("line 1\n")
        await folder.look()
        assert folder.messages == ["line 1"]

    scene(play)


def test_bytes_that_are_no_text_and_lines_without_end_are_bounded() -> None:
    async def play(folder: Folder) -> None:
        folder.log.write_bytes(b"line \xff\n" + b"line " + b"x" * 1_000_000 + b"\nline 3\n")
        await folder.look()
        first, second, third = folder.messages
        assert (first, third) == ("line \ufffd", "line 3")
        assert 1000 < len(second) < 10_000

    scene(play)


def test_a_changed_file_is_one_event_for_each_change() -> None:
    async def play(folder: Folder) -> None:
        folder.log.write_text("a")
        await folder.look()
        for contents in ("b", "b", "a"):
            folder.log.write_text(contents)
            await folder.look()
        folder.log.unlink()
        await folder.look()
        folder.log.write_text("a")
        await folder.look()
        words = ["changed", "changed", "removed", "created"]
        assert folder.messages == [f"app.log {word}" for word in words]

    scene(play, begin="end", mode="changes")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 6)), max_size=8))
def test_a_change_is_one_event_whenever_the_reader_is_killed(
    changes: list[tuple[str, int]],
) -> None:
    async def play(folder: Folder) -> None:
        held = ""
        different = 0
        for contents, after in changes:
            folder.log.write_text(contents)
            different += contents != held
            held = contents
            await folder.look_and_die(after)
            await folder.look()
        assert len(folder.accepted) == different

    scene(play, mode="changes")
