"""Loki's query_range as its documentation has it: stream selectors with `=`, and `|=` filters."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from tests.doubles.http_server import Asked, HttpDouble, Reply

_STRING = r'"(?:[^"\\]|\\.)*"'
_MATCHER = re.compile(rf"\s*([a-zA-Z_]\w*)\s*=\s*({_STRING})\s*")
_SELECTOR = re.compile(rf"\s*\{{((?:[^\"}}]|{_STRING})*)\}}")
_FILTER = re.compile(rf"\s*\|=\s*({_STRING})\s*")
_MOST_ENTRIES = 5000


@dataclass(frozen=True)
class Entry:
    """One line of a stream."""

    labels: dict[str, str]
    at_ns: int
    line: str


class LokiDouble(HttpDouble):
    """Holds lines for one tenant; without a tenant's name nothing is asked for."""

    def __init__(self, org_id: str = "") -> None:
        self.entries: list[Entry] = []
        self.org_id = org_id
        super().__init__(self._answer)

    def write(self, line: str, at: float, **labels: str) -> None:
        """Add a line, of a time in seconds."""
        self.entries.append(Entry(labels, int(at * 1e9), line))

    def held(self) -> list[Entry]:
        """Every line there is."""
        return self.entries

    def _answer(self, asked: Asked) -> Reply:
        if asked.path != "/loki/api/v1/query_range":
            return Reply(404, b"404 page not found\n")
        if self.org_id and asked.headers.get("x-scope-orgid") != self.org_id:
            return Reply(401, b"no org id\n")
        try:
            labels, filters = parse(asked.query.get("query", ""))
        except ValueError as error:
            return Reply(400, f"parse error at line 1, col 1: {error}\n".encode())
        limit = int(asked.query.get("limit", "100"))
        if limit > _MOST_ENTRIES:
            words = f"max entries limit per query exceeded, limit > max_entries ({limit} > 5000)"
            return Reply(400, words.encode())
        start, end = int(asked.query["start"]), int(asked.query["end"])
        backward = asked.query.get("direction", "backward") == "backward"
        found = [
            e
            for e in self.held()
            if start <= e.at_ns < end
            and all(e.labels.get(k) == v for k, v in labels.items())
            and all(text in e.line for text in filters)
        ]
        found = sorted(found, key=lambda e: e.at_ns, reverse=backward)[:limit]
        streams: dict[str, list[Entry]] = {}
        for entry in found:
            streams.setdefault(json.dumps(entry.labels, sort_keys=True), []).append(entry)
        result = [
            {"stream": json.loads(labels), "values": [[str(e.at_ns), e.line] for e in entries]}
            for labels, entries in streams.items()
        ]
        data = {"resultType": "streams", "result": result, "stats": {}}
        return Reply(200, json.dumps({"status": "success", "data": data}).encode())


def parse(query: str) -> tuple[dict[str, str], list[str]]:
    """The labels and the filters of a query.

    Raises:
        ValueError: it is none that is understood here.
    """
    selector = _SELECTOR.match(query)
    if selector is None:
        raise ValueError("syntax error: unexpected IDENTIFIER")
    labels: dict[str, str] = {}
    for part in filter(None, re.split(rf",(?=(?:[^\"]|{_STRING})*$)", selector[1])):
        matcher = _MATCHER.fullmatch(part)
        if matcher is None:
            raise ValueError("syntax error: unexpected character inside of braces")
        labels[matcher[1]] = json.loads(matcher[2])
    if not labels:
        raise ValueError("queries require at least one equality matcher")
    rest, filters = query[selector.end() :], []
    while rest.strip():
        found = _FILTER.match(rest)
        if found is None:
            raise ValueError("syntax error: unexpected end of input")
        filters.append(json.loads(found[1]))
        rest = rest[found.end() :]
    return labels, filters
