"""Logs from Loki, by its query_range."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ValidationError

from mcp_servers.backends.bounded_http import Address, exchange
from mcp_servers.backends.log_lines import Timed, newest
from mcp_servers.backends.log_sources import checked
from mcp_servers.backends.prometheus import decoded
from mcp_servers.backends.trouble import SourceTrouble, WrongParameters
from mcp_servers.sections import Loki
from mcp_servers.telemetry_results import LogLines


class LokiLogs:
    """Loki's query_range."""

    def __init__(self, settings: Loki, clock: Callable[[], float]) -> None:
        self._address = Address.parse(settings.url, "Loki")
        self._headers = {"X-Scope-OrgID": settings.org_id} if settings.org_id else {}
        self._label = settings.container_label
        self._clock = clock

    async def read(
        self, *, container: str, query: str, contains: str, minutes: float, limit: int
    ) -> LogLines:
        if bool(container) == bool(query):
            raise WrongParameters("write either container or query")
        logql = query or f"{{{self._label}={_quoted(checked(container))}}}"
        if contains:
            logql += f" |= {_quoted(contains)}"
        now = self._clock()
        params = {
            "query": logql,
            "start": str(int((now - minutes * 60) * 1e9)),
            "end": str(int(now * 1e9)),
            "limit": str(limit + 1),
            "direction": "backward",
        }
        answer = await exchange(
            self._address, "/loki/api/v1/query_range", params=params, headers=self._headers
        )
        said = decoded("Loki", answer.status, answer.body, answer.media)
        lines = _loki_lines(said)
        since = datetime.fromtimestamp(now, UTC) - timedelta(minutes=minutes)
        kept, more = newest(lines, since=since, limit=limit, wanted=lambda _: True)
        return LogLines(
            source="loki",
            timestamps="known",
            truncated=more or bool(said.get("warnings")),
            lines=kept,
        )


class _Stream(BaseModel):
    values: list[list[object]]


class _Streams(BaseModel):
    resultType: str
    result: list[object]


def _loki_lines(answer: dict[str, object]) -> list[Timed]:
    try:
        data = _Streams.model_validate(answer.get("data"))
        if data.resultType != "streams":
            raise WrongParameters("query: it counts lines instead of showing them")
        streams = [_Stream.model_validate(row) for row in data.result]
        return [
            (datetime.fromtimestamp(int(str(value[0])) / 1e9, UTC), str(value[1]))
            for stream in streams
            for value in stream.values
        ]
    except (ValidationError, ValueError, IndexError, OverflowError, OSError) as error:
        raise SourceTrouble("Loki's answer has not the shape of one") from error


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
