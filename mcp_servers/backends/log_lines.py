"""Log lines as text comes: their own time where they have one, windowed, cleaned and bounded."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from mcp_servers.telemetry_results import LogLine

MOST_BYTES = 96 << 10
MOST_OF_A_LINE = 4000
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

_ISO = re.compile(
    r"^.{0,40}?(?<!\d)(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?"
    r"\s?(Z|UTC|[+-]\d\d:?\d\d)?"
)
_JSON_ISO = re.compile(
    r'"(?:@?timestamp|time|ts|asctime)"\s*:\s*"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)'
    r"(?:[.,](\d{1,9}))?\s?(Z|UTC|[+-]\d\d:?\d\d)?"
)
_GO = re.compile(r"^(\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?()")
_EPOCH = re.compile(
    r'^(?:\{.{0,500}?"(?:timestamp|time|ts)"\s*:\s*)?\[?(\d{10}(?:\.\d{1,9})?|\d{13})(?!\d)'
)
_MONTHS: str = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_CLF = re.compile(rf"^.{{0,120}}?\[(\d\d)/({_MONTHS})/(\d{{4}}):(\d\d):(\d\d):(\d\d) ([+-]\d{{4}})")
_REDIS = re.compile(
    rf"^.{{0,20}}?(\d\d) ({_MONTHS}) (\d{{4}}) (\d\d):(\d\d):(\d\d)(?:\.(\d{{1,9}}))?"
)
_SYSLOG = re.compile(rf"^({_MONTHS}) ([ \d]\d) (\d\d):(\d\d):(\d\d)")


def own_time(line: str, now: datetime) -> datetime | None:
    """A line's own timestamp; one without a zone is of this machine's zone."""
    head = line[:600]
    try:
        if found := _ISO.match(head) or _JSON_ISO.search(head) or _GO.match(head):
            return _of_parts(*found.groups())
        if found := _CLF.match(head):
            day, month, year, hour, minute, second, zone = found.groups()
            return _of_parts(year, _month(month), day, hour, minute, second, None, zone)
        if found := _REDIS.match(head):
            day, month, year, hour, minute, second, part = found.groups()
            return _of_parts(year, _month(month), day, hour, minute, second, part, None)
        if found := _SYSLOG.match(head):
            month, day, hour, minute, second = found.groups()
            at = _of_parts(str(now.year), _month(month), day, hour, minute, second, None, None)
            # It names no year: what lies ahead was written last year.
            return at.replace(year=at.year - 1) if at > now + timedelta(days=1) else at
        if found := _EPOCH.match(head):
            number = float(found[1])
            return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _of_parts(
    year: str,
    month: str,
    day: str,
    hour: str,
    minute: str,
    second: str,
    fraction: str | None,
    zone: str | None,
) -> datetime:
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    at = datetime(  # noqa: DTZ001  its zone comes next
        int(year), int(month), int(day), int(hour), int(minute), int(second), micro
    )
    if not zone:
        return at.astimezone(UTC)
    if zone in ("Z", "UTC"):
        return at.replace(tzinfo=UTC)
    sign = -1 if zone[0] == "-" else 1
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return at.replace(tzinfo=UTC) - sign * offset


def _month(name: str) -> str:
    return str(_MONTHS.split("|").index(name) + 1)


Timed = tuple[datetime | None, str]


def timed(lines: Iterable[str], now: datetime) -> list[Timed]:
    """Each line with its time; one without belongs to the line before it, as a traceback does."""
    found: list[Timed] = []
    last: datetime | None = None
    for line in lines:
        last = own_time(line, now) or last
        found.append((last, line))
    first = next((at for at, _ in found if at is not None), None)
    return [(at or first, line) for at, line in found]


def newest(
    lines: Iterable[Timed], *, since: datetime, limit: int, wanted: Callable[[str], bool]
) -> tuple[list[LogLine], bool]:
    """The newest lines in the window, and whether there were more of them than fit."""
    inside = [(at, text) for at, text in lines if (at is None or at >= since) and wanted(text)]
    inside.sort(key=lambda line: line[0] or since)
    kept: list[LogLine] = []
    size = 0
    for at, text in reversed(inside):
        message = clean(text)
        size += len(message.encode())
        if len(kept) == limit or size > MOST_BYTES:
            return kept[::-1], True
        stamp = None if at is None else at.isoformat(timespec="milliseconds")
        kept.append(LogLine(timestamp=stamp, message=message))
    return kept[::-1], False


def clean(text: str) -> str:
    """A line that can be shown: no colours, no control characters, not endless."""
    text = _CONTROL.sub("\ufffd", _COLOUR.sub("", text.rstrip("\r\n")))
    return text if len(text) <= MOST_OF_A_LINE else text[:MOST_OF_A_LINE] + " ... [cut]"
