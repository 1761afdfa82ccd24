"""What is taken out of free text, in the text itself, under its escapes and in its base64."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from functools import lru_cache

from observer.domain.redaction import (
    commands,
    emails,
    names,
    numbers,
    people,
    phones,
    secrets,
    tokens,
)
from observer.domain.redaction.escapes import MARGIN, Unescaped, around_escapes
from observer.domain.redaction.matching import (
    FLOOD,
    MOST_CANDIDATES,
    Found,
    Rule,
    Rules,
    Span,
    replaced,
    where,
)

PARTS = (secrets, commands, tokens, numbers, phones, emails, names, people)
_ESCAPED = re.compile(rb"%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\[nrt]|&[a-z#]")
_IP = r"(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}"


def _is_address(found: Found) -> bool:
    try:
        ipaddress.ip_address(found.value)
    except ValueError:
        return False
    return True


@lru_cache
def text_rules(*, ip_addresses: bool) -> TextRules:
    """The rules, made once: to prepare them takes longer than to apply them."""
    return TextRules(ip_addresses=ip_addresses)


class TextRules:
    """The rules for free text."""

    def __init__(self, *, ip_addresses: bool) -> None:
        plain = [rule for part in PARTS for rule in part.RULES]
        if ip_addresses:
            plain.append(Rule("ip-address", _IP, where(_is_address)))
        self._inner = Rules(plain)
        blob = r"\b[A-Za-z0-9+/_-]{16,}={0,2}"
        self._outer = Rules([*plain, Rule("encoded", blob, where(self._hides), cost=2)])

    def clean(self, text: str) -> tuple[str, list[str]]:
        """The text with masks, and the rules that fired."""
        data = text.encode(errors="replace")
        spans = self.spans(data)
        if not spans:
            return text, []
        cleaned, names = replaced(data, spans)
        return cleaned.decode(errors="replace"), names

    def asks_about(self, label: str) -> bool:
        """Whether a label makes rules look at what it stands before."""
        return self._inner.worth_a_try(f"{label}: 0".encode())

    def spans(self, data: bytes) -> list[Span]:
        """Where something must go, in UTF-8; perhaps one inside the other."""
        spans = self._outer.spans(data)
        if _ESCAPED.search(data):
            until = min((start for start, _, name in spans if name == FLOOD), default=len(data))
            spans += self._under_escapes(data[:until])
        return spans

    def _under_escapes(self, data: bytes) -> list[Span]:
        spans: list[Span] = []
        for begin, end in around_escapes(data):
            found, cut = self._in_part(data, begin, end)
            if cut:
                return self._in_part(data, 0, len(data))[0]
            spans += found
        return spans

    def _in_part(self, data: bytes, begin: int, end: int) -> tuple[list[Span], bool]:
        """What goes of a part once its escapes are undone; whether it may go on behind the part."""
        unescaped = Unescaped(data[begin:end])
        first = begin + MARGIN if begin else 0
        last = end - MARGIN if end < len(data) else end
        spans: list[Span] = []
        cut = False
        for start, stop, name in self._inner.spans(unescaped.data, MOST_CANDIDATES // 2):
            there, to = unescaped.original(start, stop)
            if begin + to > first and begin + there < last:
                cut = cut or (stop == len(unescaped.data) and end < len(data))
                spans.append((begin + there, begin + to, name))
        return spans, cut

    def _hides(self, found: Found) -> bool:
        """Whether a piece of base64 holds text that a rule fires on."""
        piece = found.data[found.start : found.end].rstrip(b"=").translate(_STANDARD)
        try:
            begins = base64.b64decode(piece[:16])
            if not begins.isascii() or not begins.decode().isprintable():
                return False
            text = base64.b64decode(piece[: len(piece) // 4 * 4] + _rest(piece))
            return text.decode().isprintable() and bool(self._inner.spans(text))
        except (binascii.Error, UnicodeDecodeError):
            return False


_STANDARD = bytes.maketrans(b"-_", b"+/")


def _rest(piece: bytes) -> bytes:
    rest = piece[len(piece) // 4 * 4 :]
    return rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""
