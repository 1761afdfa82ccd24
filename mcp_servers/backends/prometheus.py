"""Prometheus' HTTP API, which VictoriaMetrics, Mimir and Thanos speak too."""

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from mcp_servers.backends.bounded_http import Address, exchange
from mcp_servers.backends.trouble import SourceTrouble
from mcp_servers.sections import Prometheus
from mcp_servers.telemetry_results import Metrics, Point, Series, Value

MOST_SERIES = 100
MOST_POINTS = 60
_MOST_CHARACTERS = 100_000
_LEAST_STEP_S = 15

Sample = tuple[float, str]


class _Row(BaseModel):
    metric: dict[str, str] = {}
    value: Sample | None = None
    values: list[Sample] | None = None


class _Rows(BaseModel):
    resultType: Literal["vector", "matrix"]
    result: list[_Row]


class _Scalar(BaseModel):
    resultType: Literal["scalar"]
    result: Sample


class _Success(BaseModel):
    status: Literal["success"]
    data: _Rows | _Scalar
    warnings: list[str] = []


class PrometheusApi:
    """One Prometheus. Each call reads its token anew, so that a rotated one is used at once."""

    def __init__(self, settings: Prometheus, clock: Callable[[], float]) -> None:
        self._address = Address.parse(settings.url, "Prometheus")
        self._bearer_file = settings.bearer_token_file
        self._basic_file = settings.basic_auth_file
        self._lookback = round(settings.lookback * 1000)
        self._clock = clock

    async def query(self, query: str, minutes: int = 0) -> Metrics:
        """What a query says now, or said in the last minutes.

        Where it says nothing now, its newest value of the last `lookback` counts: an exporter that
        could not reach what it shows at one scrape leaves a gap, and a Redis out of clients does
        that to its exporter just when it matters.

        Raises:
            SourceTrouble: it gives no answer, or refuses the query.
        """
        if minutes == 0:
            answer = await self._ask("/api/v1/query", {"query": query})
            if self._lookback and not answer.warnings and not _rows(answer):
                newest = f"last_over_time(({query})[{self._lookback}ms:{self._lookback // 20}ms])"
                answer = await self._ask("/api/v1/query", {"query": newest})
            return _metrics(query, answer)
        now = self._clock()
        step = max(_LEAST_STEP_S, math.ceil(minutes * 60 / (MOST_POINTS - 1)))
        window = {"start": f"{now - minutes * 60:.3f}", "end": f"{now:.3f}", "step": str(step)}
        answer = await self._ask("/api/v1/query_range", {"query": query, **window})
        return _metrics(query, answer, still_there=now - step - 1)

    async def _ask(self, path: str, params: dict[str, str]) -> _Success:
        headers, address = {}, self._address
        if self._bearer_file is not None:
            headers["authorization"] = f"Bearer {_secret(self._bearer_file)}"
        if self._basic_file is not None:
            user, _, password = _secret(self._basic_file).partition(":")
            address = replace(address, auth=(user, password))
        answer = await exchange(address, path, params=params, headers=headers)
        return _read("Prometheus", answer.status, answer.body, answer.media)


def _secret(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceTrouble(f"the credentials file {file} can't be read") from error


def decoded(name: str, status: int, body: bytes, media: str) -> dict[str, Any]:
    """The JSON of an answer that says success.

    Raises:
        SourceTrouble: it is no such answer; with the server's own words where it has some.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        words = media
        if status != 200 and media != "HTML":
            words = body[:200].decode(errors="replace").strip() or media
        raise SourceTrouble(f"{name} answered {status} and no JSON: {words}") from error
    if not isinstance(answer, dict) or status != 200 or answer.get("status") != "success":
        said = answer.get("error") if isinstance(answer, dict) else None
        raise SourceTrouble(f"{name} answered {status}: {str(said or 'no reason given')[:300]}")
    return answer


def _read(name: str, status: int, body: bytes, media: str) -> _Success:
    try:
        return _Success.model_validate(decoded(name, status, body, media))
    except ValidationError as error:
        raise SourceTrouble(f"{name}'s answer has not the shape of one") from error


def _rows(answer: _Success) -> list[_Row]:
    data = answer.data
    return [_Row(value=data.result)] if isinstance(data, _Scalar) else data.result


def _metrics(query: str, answer: _Success, still_there: float = 0.0) -> Metrics:
    rows = _rows(answer)
    series = [_series(row) for row in rows]
    shown, size = [], 0
    for one in series[:MOST_SERIES]:
        size += len(one.model_dump_json(indent=2))
        if size > _MOST_CHARACTERS:
            break
        shown.append(one)
    current = [s for s, row in zip(series, rows, strict=True) if _last(row) >= still_there]
    return Metrics(
        found="series" if series else "none",
        series=shown,
        total=len(series),
        omitted=len(series) - len(shown),
        partial=bool(answer.warnings),
        warnings=[text[:300] for text in answer.warnings[:5]],
        values={} if answer.warnings else _named(query, current),
    )


def _series(row: _Row) -> Series:
    labels = {name: value[:500] for name, value in row.metric.items()}
    if row.value is None and not row.values:
        return Series(labels=labels, value="histogram", timestamp="")
    points = [Point(timestamp=_time(at), value=_number(v)) for at, v in row.values or []]
    at, value = row.value if row.value is not None else (row.values or [])[-1]
    return Series(
        labels=labels,
        value=_number(value),
        timestamp=_time(at),
        points=None if row.values is None else points[-MOST_POINTS:],
    )


def _last(row: _Row) -> float:
    samples = row.values if row.value is None else [row.value]
    return samples[-1][0] if samples else 0.0


def _named(query: str, series: list[Series]) -> dict[str, float]:
    names = [one.labels.get("__name__", "") for one in series]
    alone = {name for name, times in Counter(names).items() if times == 1}
    values = {
        name: one.value
        for name, one in zip(names, series, strict=True)
        if isinstance(one.value, float) and name in alone and name
    }
    if len(series) == 1 and isinstance(series[0].value, float):
        # A condition with labels, or on a rate, looks for its figure by its query.
        values |= {query: series[0].value, "value": series[0].value}
    return values


def _number(text: str) -> Value:
    try:
        number = float(text)
    except ValueError as error:
        raise SourceTrouble(f"{text[:30]!r} is no sample") from error
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    return number


def _time(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError) as error:
        raise SourceTrouble("a sample's time is none") from error
