"""A disk that keeps, when the power goes, what was synced; of the rest, whatever it likes.

It is told every write, truncation, sync and change of the directory, in order, and can then say
what it would hold had the power gone at any sync. What was not synced may be kept or lost one
write at a time, and a write may be torn between sectors, as file systems permit.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

SECTOR = 512

Image = dict[str, bytes]


@dataclass(frozen=True)
class Write:
    """Bytes written to a file, or, without data, its truncation to `offset`."""

    inode: int
    offset: int
    data: bytes | None


@dataclass(frozen=True)
class Entry:
    """A name that stands for a file from now on, or for none."""

    name: str
    inode: int | None


@dataclass(frozen=True)
class Sync:
    """A file is synced, and the directory with it if so asked; without a file, only that."""

    inode: int | None
    directory: bool


@dataclass(frozen=True)
class Acknowledged:
    """Somebody was told that this is safe."""

    fact: Hashable


Happening = Write | Entry | Sync | Acknowledged


@dataclass
class Moment:
    """What is on the disk and what is only under way, at one instant."""

    number: int = 0
    """How many syncs have returned."""
    acknowledged: set[Hashable] = field(default_factory=set)
    files: dict[int, bytearray] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    unsynced: list[Write] = field(default_factory=list)
    unsynced_names: list[Entry] = field(default_factory=list)

    def synced_only(self) -> Image:
        """Nothing but what was synced."""
        return {name: bytes(self.files.get(inode, b"")) for name, inode in self.names.items()}

    def everything(self) -> Image:
        """All of it, as after a kill of the process alone."""
        return self._image(lambda write: [write], lambda _: True)

    def some(self, random: Random) -> Image:
        """Some of what was not synced, one write at a time, some of it torn between sectors."""

        def part(write: Write) -> list[Write]:
            match random.choice(("kept", "lost", "torn")):
                case "kept":
                    return [write]
                case "torn" if write.data is not None:
                    return [sector for sector in _sectors(write) if random.random() < 0.5]
                case _:
                    return []

        return self._image(part, lambda _: random.random() < 0.5)

    def _image(self, part: Callable[[Write], list[Write]], named: Callable[[Entry], bool]) -> Image:
        files = {inode: bytearray(content) for inode, content in self.files.items()}
        names = dict(self.names)
        for entry in filter(named, self.unsynced_names):
            _rename(names, entry)
        for write in self.unsynced:
            for kept in part(write):
                _apply(files.setdefault(write.inode, bytearray()), kept)
        return {name: bytes(files.get(inode, b"")) for name, inode in names.items()}


def put_back(image: Image, folder: Path) -> None:
    """Make a folder hold an image, and nothing else."""
    for old in folder.iterdir():
        old.unlink()
    for name, content in image.items():
        (folder / name).write_bytes(content)


class ForgetfulDisk:
    """Takes down what happens, and tells it again up to each sync."""

    def __init__(self) -> None:
        self._log: list[Happening] = []
        self._inodes: dict[str, int] = {}
        self._made = 0

    def open(self, name: str) -> int:
        """The file of this name, made now if there is none."""
        if name not in self._inodes:
            self._made += 1
            self._inodes[name] = self._made
            self._log.append(Entry(name, self._made))
        return self._inodes[name]

    def write(self, inode: int, offset: int, data: bytes) -> None:
        """Write, without waiting for the disk."""
        self._log.append(Write(inode, offset, data))

    def truncate(self, inode: int, size: int) -> None:
        """Cut a file, without waiting for the disk."""
        self._log.append(Write(inode, size, None))

    def sync(self, inode: int, *, directory: bool) -> None:
        """Wait until a file, and the directory if so asked, is on the disk."""
        self._log.append(Sync(inode, directory))

    def delete(self, name: str, *, sync: bool) -> None:
        """Take a name away, waiting for the disk or not."""
        if self._inodes.pop(name, None) is not None:
            self._log.append(Entry(name, None))
            if sync:
                self._log.append(Sync(None, directory=True))

    def acknowledge(self, fact: Hashable) -> None:
        """From here on, losing the fact is breaking a promise."""
        self._log.append(Acknowledged(fact))

    def moments(self) -> Iterator[Moment]:
        """Just before each sync returns, and at the end. The moment moves on: use it at once."""
        now = Moment()
        for happening in self._log:
            match happening:
                case Write():
                    now.unsynced.append(happening)
                case Entry():
                    now.unsynced_names.append(happening)
                case Acknowledged(fact):
                    now.acknowledged.add(fact)
                case Sync(inode, directory):
                    yield now
                    _sync(now, inode, directory)
                    now.number += 1
        yield now


def _sync(now: Moment, inode: int | None, directory: bool) -> None:
    for write in now.unsynced:
        if write.inode == inode:
            _apply(now.files.setdefault(write.inode, bytearray()), write)
    now.unsynced = [write for write in now.unsynced if write.inode != inode]
    if directory:
        for entry in now.unsynced_names:
            _rename(now.names, entry)
        now.unsynced_names = []


def _rename(names: dict[str, int], entry: Entry) -> None:
    if entry.inode is None:
        names.pop(entry.name, None)
    else:
        names[entry.name] = entry.inode


def _apply(content: bytearray, write: Write) -> None:
    if write.data is None:
        del content[write.offset :]
        return
    content.extend(bytes(max(0, write.offset - len(content))))
    content[write.offset : write.offset + len(write.data)] = write.data


def _sectors(write: Write) -> Iterator[Write]:
    """The write cut at the disk's sector boundaries."""
    assert write.data is not None
    begin, end = write.offset, write.offset + len(write.data)
    while begin < end:
        until = min(end, begin - begin % SECTOR + SECTOR)
        data = write.data[begin - write.offset : until - write.offset]
        yield Write(write.inode, begin, data)
        begin = until
