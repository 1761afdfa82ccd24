"""New lines of files that match become events: each once, over rotation, truncation and crashes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatchcase as fnmatch
from pathlib import Path
from typing import Any

from observer.domain.appended import Line
from observer.domain.event import digest
from observer.domain.patterns import compile_pattern
from observer.errors import RecordsUnavailable
from observer.records.trigger_positions import FilePosition, TriggerPositions
from observer.settings.triggers import FileTrigger
from observer.sources import RaisedAlert
from observer.triggers import tail
from observer.triggers.raising import REFUSED, Standing, raised, readable

Raise = Callable[[RaisedAlert, Standing], Awaitable[None]]


class LineTrigger:
    """One glob, one pattern. Its state is the position of each file, committed after the events."""

    def __init__(self, trigger: FileTrigger, positions: TriggerPositions, raise_: Raise) -> None:
        self._trigger = trigger
        self._positions = positions
        self._raise = raise_
        self._pattern: Any = compile_pattern(trigger.pattern or "")
        self._files: dict[str, FilePosition] = {}
        self._unread: set[str] = set()
        """There at first sight, and could not be read: each begins where the settings say."""
        self._strange: set[str] = set()
        """Found elsewhere under no name of a rotated log: perhaps another file in its inode."""
        self.standing = Standing(trigger.name)
        self.path = trigger.path

    async def begin(self, *, looked_before: bool) -> None:
        """Go on where an earlier process stopped; the first time, where the settings say."""
        self._files = await self._positions.of_files(self._trigger.name)
        if looked_before:
            return
        found = await asyncio.to_thread(tail.matching, self.path)
        start = tail.begun if self._trigger.from_ == "start" else tail.at_end
        fresh: dict[str, FilePosition] = {}
        for identity, path in found.items():
            if identity not in self._files:
                try:
                    fresh[identity] = await asyncio.to_thread(start, identity, path)
                except OSError:
                    self._unread.add(identity)
        await self._positions.first_look(
            self._trigger.name, self._trigger.definition, list(fresh.values())
        )
        self._files |= fresh

    async def look(self) -> None:
        """Raise what was appended since the last look.

        Raises:
            ObserverUnavailable, InboxFull, RecordsUnavailable: the rest must be tried again.
            OSError: a file cannot be read; the others were.
        """
        trouble = await self._find()
        for position in list(self._files.values()):
            try:
                await self._read_on(position)
            except (FileNotFoundError, NotADirectoryError):
                continue  # it goes between two looks
            except OSError as error:
                trouble = error
        if trouble is not None:
            raise trouble

    async def _find(self) -> OSError | None:
        """Which files there are now, and where: a known one keeps its place under any name.

        Returns why one of them has no place yet.
        """
        trouble: OSError | None = None
        found = await asyncio.to_thread(tail.matching, self.path)
        self._unread &= found.keys()
        found |= await self._find_renamed(self._files.keys() - found.keys())
        for identity, path in found.items():
            known = self._files.get(identity)
            if known is None:
                try:
                    # Before any of its lines is raised: their ids are made from it.
                    await self._keep(await asyncio.to_thread(self._start(identity), identity, path))
                except OSError as error:
                    trouble = error
                    continue
                self._unread.discard(identity)
            elif known.path != path:
                await self._keep(replace(known, path=path))
        return trouble

    def _start(self, identity: str) -> Callable[[str, str], FilePosition]:
        late = identity in self._unread and self._trigger.from_ == "end"
        return tail.at_end if late else tail.begun

    async def _find_renamed(self, missing: set[str]) -> dict[str, str]:
        self._strange = set()
        if not missing:
            return {}
        folders = {file: str(Path(self._files[file].path).parent) for file in missing}
        renamed = await asyncio.to_thread(tail.renamed, missing, set(folders.values()))
        rotated = f"{Path(self.path).name}*"
        self._strange = {
            file for file, path in renamed.found.items() if not fnmatch(Path(path).name, rotated)
        }
        await self._forget(
            [f for f in missing - renamed.found.keys() if folders[f] not in renamed.unread]
        )
        return renamed.found

    async def _read_on(self, position: FilePosition) -> None:
        more = True
        while more:
            read = await asyncio.to_thread(tail.appended, position)
            if read is None:
                return
            anew = read.begin.generation != position.generation
            if position.file in self._strange and (anew or not position.position):
                # Nothing proves that it is ours: it may go on, and never begin.
                await self._forget([position.file])
                return
            if anew:
                await self._keep(read.begin)
            for line in read.taken.lines:
                try:
                    await self._raise_line(read.begin, line)
                except REFUSED:
                    with suppress(RecordsUnavailable):
                        await self._keep(read.upto(line.offset))
                    raise
            if read.taken.offset != read.begin.position:
                await self._keep(read.end)
            position, more = self._files[position.file], read.more

    async def _raise_line(self, position: FilePosition, line: Line) -> None:
        text = line.text
        match = self._pattern.search(text)
        if match is None:
            return
        trigger = self._trigger
        identity = digest(
            trigger.name,
            position.file,
            str(position.generation),
            str(line.offset),
            text,
        )
        alert = raised(
            trigger.event,
            event_id=f"{trigger.name}-{identity[:20]}",
            words={
                **match.groupdict(),
                "trigger": trigger.name,
                "path": position.path,
                "file": Path(position.path).name,
                "line": text,
            },
        )
        await self._raise(alert, self.standing)

    async def _forget(self, files: list[str]) -> None:
        await self._positions.forget(self._trigger.name, files)
        for file in files:
            del self._files[file]

    async def _keep(self, position: FilePosition) -> None:
        await self._positions.put(self._trigger.name, position)
        self._files[position.file] = position

    def facts(self) -> dict[str, Any]:
        """As `/health` shows it."""
        files = {readable(file.path): file.position for file in list(self._files.values())[:10]}
        return self.standing.facts(files=files)
