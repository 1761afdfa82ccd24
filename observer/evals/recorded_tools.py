"""Stands for the tool servers: every call gets the answer that was recorded, and reaches nobody."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from observer.domain.calls import CallStatus, Purpose
from observer.domain.eval_case import RecordedCall
from observer.evals.same_calls import SameCalls
from observer.gateway.mcp_sessions import KEY, McpSessions
from observer.gateway.replies import Reply

_STAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})"
)


class RecordedTools(McpSessions):
    """Answers by tool, arguments and place: what was done so far tells looks before it from after.

    A look that is repeated more often than it was recorded sees what was seen last; a channel that
    was broken stays so. A call that was not recorded is an error, but for a notification, which
    counts as delivered; both are listed in `unrecorded`.
    """

    def __init__(
        self,
        calls: Sequence[RecordedCall],
        same_calls: SameCalls,
        *,
        tools: Collection[str],
        notices: Collection[str],
    ) -> None:
        super().__init__({}, "", {})
        self._same = same_calls.same
        self._names, self._notices = set(tools), set(notices)
        reached = [call for call in calls if call.status is not CallStatus.REFUSED]
        done = 0
        self._calls: list[tuple[int, RecordedCall]] = []
        for call in reached:
            self._calls.append((done, call))
            done += call.purpose is Purpose.REMEDY
        self._made: dict[int, int] = {}
        self._done = 0
        self._unclear: set[str] = set()
        self.unrecorded: list[str] = []

    async def start(self) -> None:
        """There is nothing to open."""

    async def stop(self) -> None:
        """Nor to close."""

    @property
    def tools(self) -> set[str]:
        """What autonomy.yaml rules on."""
        return self._names

    def version(self, tool: str) -> str:
        """There is no server that has one."""
        return "recorded"

    def takes_key(self, tool: str) -> bool:
        """No server is there to ask: as the observer's own tools do."""
        return tool in self._names

    def misnamed(self, tool: str, names: set[str]) -> str | None:
        """A schema is not recorded: what does not fit is a call that was not."""
        return None

    def misfit(self, tool: str, args: Mapping[str, Any]) -> str | None:
        """As for `misnamed`."""
        return None

    async def look_up(self, tool: str, key: str) -> Reply | None:
        """What was unclear then stays unclear; anything else was not done before it was called."""
        if key in self._unclear:
            return None
        return Reply(CallStatus.SUCCESS, {"found": False}, "not found")

    async def call(self, tool: str, args: Mapping[str, Any]) -> Reply:
        """The recorded answer, moved in time as if it came just now."""
        asked = {name: value for name, value in args.items() if name != KEY}
        place = self._place_of(tool, asked)
        if place is None:
            self.unrecorded.append(f"{tool} {_said(asked)}")
            if tool in self._notices:
                return Reply(CallStatus.SUCCESS, {}, "taken as delivered")
            return Reply(CallStatus.ERROR, None, "not recorded")
        _, recorded = self._calls[place]
        made = self._made[place] = self._made.get(place, 0) + 1
        if made < recorded.attempts:
            return Reply(CallStatus.ERROR, None, "failed, as it was recorded")
        if recorded.purpose is Purpose.REMEDY:
            self._done += 1
        if recorded.status in (CallStatus.UNKNOWN, CallStatus.TIMEOUT):
            self._unclear.add(str(args.get(KEY)))
        passed = datetime.now(UTC) - recorded.at
        payload = _moved(recorded.result, passed)
        return Reply(recorded.status, payload, _moved(recorded.summary or "", passed))

    def _place_of(self, tool: str, asked: dict[str, Any]) -> int | None:
        """The first recorded call that fits and was not made; else the last whose answer lasts."""
        fitting = [
            place
            for place, (done, call) in enumerate(self._calls)
            if call.tool == tool
            and (call.purpose is Purpose.NOTIFY or done == self._done)
            and (call.purpose is Purpose.NOTIFY or self._same(tool, call.args, asked))
        ]
        for place in fitting:
            call = self._calls[place][1]
            if self._made.get(place, 0) < call.attempts:
                return place
        again = [p for p in fitting if _lasts(self._calls[p][1])]
        return again[-1] if again else None


def _lasts(call: RecordedCall) -> bool:
    broken = call.purpose is Purpose.NOTIFY and call.status is not CallStatus.SUCCESS
    return call.purpose is Purpose.READ or broken


def _said(args: Mapping[str, Any]) -> str:
    words = ", ".join(f"{name}={value!r}" for name, value in args.items())
    return f"({words[:200]})"


def _moved(value: Any, by: timedelta) -> Any:
    """A JSON value with every timestamp in its texts later by so much."""
    if isinstance(value, str):
        return _STAMP.sub(lambda found: _later(found[0], by), value)
    if isinstance(value, dict):
        return {name: _moved(item, by) for name, item in value.items()}
    if isinstance(value, list):
        return [_moved(item, by) for item in value]
    return value


def _later(stamp: str, by: timedelta) -> str:
    try:
        return (datetime.fromisoformat(stamp) + by).isoformat()
    except (ValueError, OverflowError):
        return stamp
