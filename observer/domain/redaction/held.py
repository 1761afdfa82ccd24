"""Masks by exact value what this process holds, in each form in which it may travel."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

import ahocorasick_rs

_SHORTEST = 6
_SHORTEST_CODED = 7
"""Of base64: fewer characters than this might stand anywhere."""


def forms(secret: str) -> Iterator[str]:
    """The secret, percent-encoded, as JSON, in hexadecimal and inside any base64."""
    yield secret
    for coded in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield coded
        yield _lower_escapes(coded)
    for text in (json.dumps(secret), json.dumps(secret, ensure_ascii=False)):
        yield text[1:-1]
        yield json.dumps(text[1:-1])[1:-1]
    raw = secret.encode(errors="replace")
    yield raw.hex()
    yield raw.hex().upper()
    for shift in range(3):
        # What stands before and behind changes the first and the last characters, no others.
        coded = base64.b64encode(b"\0" * shift + raw)
        sure = coded[(0, 2, 3)[shift] : (shift + len(raw)) * 8 // 6].decode()
        if len(sure) >= _SHORTEST_CODED:
            yield sure
            yield sure.translate(_URL_SAFE)
            yield quote(sure, safe="")


_URL_SAFE = str.maketrans("+/", "-_")


def _lower_escapes(text: str) -> str:
    parts = text.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


class Held:
    """The secrets that this process holds."""

    def __init__(self, secrets: Iterable[str]) -> None:
        long_enough = {secret for secret in secrets if len(secret) >= _SHORTEST}
        every = sorted({form for secret in long_enough for form in forms(secret)})
        self._forms = ahocorasick_rs.AhoCorasick(every) if every else None

    def masked(self, text: str, mask: str) -> str:
        """The text with a mask for each; the same object where none is in it."""
        if self._forms is None:
            return text
        try:
            places = self._forms.find_matches_as_indexes(text, overlapping=True)
        except UnicodeEncodeError:
            text = text.encode(errors="replace").decode()
            places = self._forms.find_matches_as_indexes(text, overlapping=True)
        if not places:
            return text
        parts: list[str] = []
        at = 0
        for start, end in _merged((start, end) for _, start, end in places):
            parts += [text[at:start], mask]
            at = end
        return "".join([*parts, text[at:]])


def _merged(places: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Without a piece of one left beside another that it overlaps."""
    begin = end = -1
    for start, stop in sorted(places):
        if start >= end:
            if end >= 0:
                yield begin, end
            begin = start
        end = max(end, stop)
    yield begin, end
