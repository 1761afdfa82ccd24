"""A file whose contents change becomes an event, once for each change."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from observer.domain.event import digest
from observer.records.trigger_positions import FilePosition, TriggerPositions
from observer.settings.triggers import FileTrigger
from observer.triggers import tail
from observer.triggers.lines import Raise
from observer.triggers.raising import Standing, raised, readable


class ChangeTrigger:
    """One glob. Its state is the digest of each file's contents, committed after the event."""

    def __init__(self, trigger: FileTrigger, positions: TriggerPositions, raise_: Raise) -> None:
        self._trigger = trigger
        self._positions = positions
        self._raise = raise_
        self._files: dict[str, FilePosition] = {}
        self._unread: set[str] = set()
        """There at first sight, and could not be read: its first contents are no change."""
        self.standing = Standing(trigger.name)
        self.path = trigger.path

    async def begin(self, *, looked_before: bool) -> None:
        """Go on where an earlier process stopped; the first time, where the settings say."""
        self._files = await self._positions.of_files(self._trigger.name)
        if looked_before:
            return
        fresh: list[FilePosition] = []
        if self._trigger.from_ == "end":
            for path in (await asyncio.to_thread(tail.matching, self.path)).values():
                if path not in self._files:
                    try:
                        mark = await asyncio.to_thread(tail.contents, path)
                    except OSError:
                        self._unread.add(path)
                        continue
                    fresh.append(replace(tail.begun(path, path), mark=mark))
        await self._positions.first_look(self._trigger.name, self._trigger.definition, fresh)
        self._files |= {file.path: file for file in fresh}

    async def look(self) -> None:
        """Raise what has changed since the last look.

        Raises:
            ObserverUnavailable, InboxFull, RecordsUnavailable: the rest must be tried again.
            OSError: a file cannot be read; the others were.
        """
        trouble: OSError | None = None
        found = set((await asyncio.to_thread(tail.matching, self.path)).values())
        for path in sorted(found - self._files.keys()):
            file = tail.begun(path, path)
            if path in self._unread:
                try:
                    file = replace(file, mark=await asyncio.to_thread(tail.contents, path))
                except OSError as error:
                    trouble = error
                    continue
            # Before its event is raised, whose id is made from it.
            await self._keep(file)
        self._unread &= found - self._files.keys()
        for known in sorted(self._files.values(), key=lambda file: file.path):
            try:
                mark = await asyncio.to_thread(tail.contents, known.path)
            except OSError as error:
                trouble = error
                continue
            if mark == known.mark:
                continue
            await self._raise_change(known, mark)
            if mark:
                await self._keep(replace(known, position=known.position + 1, mark=mark))
            else:
                await self._positions.forget(self._trigger.name, [known.file])
                del self._files[known.file]
        if trouble is not None:
            raise trouble

    async def _raise_change(self, known: FilePosition, mark: str) -> None:
        trigger = self._trigger
        change = "created" if not known.mark else "changed" if mark else "removed"
        identity = digest(
            trigger.name, readable(known.path), str(known.generation), str(known.position), mark
        )
        alert = raised(
            trigger.event,
            event_id=f"{trigger.name}-{identity[:20]}",
            words={
                "trigger": trigger.name,
                "path": known.path,
                "file": Path(known.path).name,
                "change": change,
            },
        )
        await self._raise(alert, self.standing)

    async def _keep(self, file: FilePosition) -> None:
        await self._positions.put(self._trigger.name, file)
        self._files[file.file] = file

    def facts(self) -> dict[str, Any]:
        """As `/health` shows it."""
        return self.standing.facts(files=len(self._files))
