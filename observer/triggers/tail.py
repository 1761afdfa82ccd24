"""Looks at files without changing them: which there are, and what was appended to one."""

from __future__ import annotations

import glob
import hashlib
import os
import stat
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from observer.domain.appended import Taken, take
from observer.records.trigger_positions import FilePosition

PIECE = 262_144
"""Read at once, in bytes; longer than the longest line."""

CONTENT_LIMIT = 1 << 20
"""Of a larger file the size and the first so many bytes are its contents."""

_MARK = 256
_MOST_FILES = 1000


class TooManyFiles(OSError):
    """More files match than are watched."""


@dataclass(frozen=True)
class Appended:
    """What was found after a position."""

    begin: FilePosition
    """The position, or the beginning where the file is not the one that was read before."""
    taken: Taken
    before: bytes
    """Of the file, up to where the piece begins."""
    piece: bytes
    more: bool

    def upto(self, offset: int, *, skipping: bool = False) -> FilePosition:
        """The position at an offset within the piece."""
        read = self.before + self.piece[: offset - self.begin.position]
        return replace(self.begin, position=offset, mark=_digest(read[-_MARK:]), skipping=skipping)

    @property
    def end(self) -> FilePosition:
        """The position after all of it."""
        return self.upto(self.taken.offset, skipping=self.taken.skipping)


@dataclass(frozen=True)
class Renamed:
    """Where files that no longer match were found."""

    found: dict[str, str]
    unread: set[str]
    """Directories that could not be looked into: what was there may be there still."""


def matching(pattern: str) -> dict[str, str]:
    """The regular files that match, by identity; two names of one file are one.

    Raises:
        TooManyFiles: naming how many there may be.
    """
    found: dict[str, str] = {}
    for path in sorted(glob.glob(pattern)):  # noqa: PTH207  the order of names, and no objects
        if (identity := identity_of(path)) is not None:
            found.setdefault(identity, path)
    if len(found) > _MOST_FILES:
        raise TooManyFiles(
            f"{pattern}: {len(found)} files match; at most {_MOST_FILES} are watched"
        )
    return found


def renamed(identities: Collection[str], directories: Collection[str]) -> Renamed:
    """Where files are now that no longer match: a log that was rotated away."""
    found: dict[str, str] = {}
    unread: set[str] = set()
    for directory in directories:
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    identity = identity_of(entry.path)
                    if identity is not None and identity in identities:
                        found[identity] = entry.path
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            unread.add(directory)
    return Renamed(found, unread)


def identity_of(path: str) -> str | None:
    """Device and inode of a regular file; None for anything else."""
    try:
        facts = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return _identity(facts) if stat.S_ISREG(facts.st_mode) else None


def begun(identity: str, path: str) -> FilePosition:
    """The beginning of a file that is read for the first time, or that was written anew."""
    return FilePosition(identity, path, generation=time.time_ns())


def at_end(identity: str, path: str) -> FilePosition:
    """The position behind what a file holds now; a last line without its end is passed over."""
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - _MARK))
        tail = file.read(_MARK)
        return replace(
            begun(identity, path),
            position=size,
            mark=_digest(tail),
            skipping=bool(tail) and not tail.endswith(b"\n"),
        )


def appended(position: FilePosition) -> Appended | None:
    """What stands after a position; None where the path has become another file meanwhile.

    Raises:
        OSError: it cannot be read.
    """
    with _opened(position.path) as file:
        if _identity(os.fstat(file.fileno())) != position.file:
            return None
        file.seek(max(0, position.position - _MARK))
        before = file.read(min(_MARK, position.position))
        # Shorter than it was, or with other bytes where we stopped: it was written anew.
        if position.position and _digest(before) != position.mark:
            before = b""
            position = begun(position.file, position.path)
            file.seek(0)
        piece = file.read(PIECE)
        taken = take(piece, offset=position.position, skipping=position.skipping)
        return Appended(position, taken, before, piece, more=len(piece) == PIECE)


def contents(path: str) -> str:
    """The digest of what a file holds; empty where there is none."""
    try:
        with _opened(path) as file:
            held = file.read(CONTENT_LIMIT)
            return _digest(held + str(os.fstat(file.fileno()).st_size).encode())
    except (FileNotFoundError, NotADirectoryError):
        return ""


def watched_directories(pattern: str) -> set[str]:
    """Where changes of the matching files show: theirs, their targets', and where more may come."""
    directories = {_existing(Path(pattern).parent)}
    for path in glob.glob(pattern):  # noqa: PTH207
        directories |= {str(Path(path).parent), str(Path(path).resolve().parent)}
    for parent in glob.glob(str(Path(pattern).parent)):  # noqa: PTH207
        directories.add(parent)
    return {directory for directory in directories if Path(directory).is_dir()}


def _existing(directory: Path) -> str:
    """The directory, or the nearest one above it that is there and that no glob names."""
    while glob.has_magic(str(directory)) or not directory.is_dir():
        directory = directory.parent
    return str(directory)


def _opened(path: str) -> BinaryIO:
    # A pipe that was put there under the file's name must not hold us.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path}: not a regular file")
    return open(descriptor, "rb")  # noqa: PTH123


def _identity(facts: os.stat_result) -> str:
    return f"{facts.st_dev}:{facts.st_ino}"


def _digest(read: bytes) -> str:
    return hashlib.sha256(read).hexdigest()[:32]
