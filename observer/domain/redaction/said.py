"""Credentials as people hand them on in a sentence: which one, of what, and then the thing."""

from __future__ import annotations

import re

from observer.domain.redaction.credentials import prose
from observer.domain.redaction.matching import Found, Rule, where

_IDS_KEY = re.compile(r"(?i)(?:0x|sha\d*:|md5:)|[0-9A-F]{8,40}|[\w-]*\d[\w-]*/.*")
_KINDS = re.compile(r"[A-Za-z]+[-_]?\d+|\d+|[a-z]+|[0-9a-f]+|[A-Z]+")
_COUNTED = re.compile(
    r"\s?(?:%|[mun]?s\b|min|rows?\b|users?\b|req|sent\b|failed|times\b|per\b|/|\.\d|:\d)"
)


def _key(found: Found) -> bool:
    """The key itself, and not which one it is: its number, its fingerprint, words with a year."""
    value = found.value
    if _IDS_KEY.match(value) and not re.fullmatch(r"[0-9a-f]{32,}|.*=", value):
        return False
    parts = re.split(r"[/:._-]+", value.rstrip("=.,"))
    named = len(parts) > 1 and all(_KINDS.fullmatch(part) for part in parts if part)
    return not named and prose(found)


def _code(found: Found) -> bool:
    return _COUNTED.match(found.after(8)) is None


_ASKED = r"(?:passw(?:or)?d|pass[ -]?phrase|passcode|pwd|pw)"
_CODES = (
    r"(?:otp|totp|(?:one[ -]?time|verification|security|login|sign-?in|access|2fa|mfa|sms|backup)"
    r"[ -](?:code|pass(?:word|code)|pin)|pin(?: code)?)"
)
_KEYS = r"(?:master|storage|account|shared|signing|encryption|subscription|licen[sc]e) key"
_USES = r"(?:use|using|used|try|tried|type|typed|enter|entered|with|set|and|take|took)"

RULES = [
    Rule(
        "one-time-code",
        rf"(?i)\b{_CODES} (?:for|to|of) [^\n\d:;,]{{1,40}}(?::|=|\bis\b|\bwas\b)\s*[\"'`]?"
        r"(\d{3}[ -]\d{3}|\d{4,8})\b",
        where(_code),
        hint=rf"(?i)\b{_CODES} (?:for|to|of) ",
    ),
    Rule(
        "password",
        rf"(?i)\b{_ASKED} (?:on|at|in|of|to|for) [^\n:;,]{{1,40}}?"
        r"\s(?:is|was|=|is now)\s+[\"'`]?([^\s\"'`,;]+)",
        where(prose),
        hint=rf"(?i)\b{_ASKED} (?:on|at|in|of|to|for) ",
    ),
    Rule(
        "password",
        rf"(?i)\b(?:pass\s+(?:is|was)|{_ASKED}\s*(?:→|->|\x{{2013}}|\x{{2014}}))\s+"
        r"[\"'`]?([^\s\"'`,;]+)",
        where(prose),
        hint=rf"(?i)pass (?:is|was) |{_ASKED} ?(?:→|->|\x{{2013}}|\x{{2014}})",
    ),
    Rule(
        "password",
        rf"(?i)\b(?:{_ASKED}|secret|token|api key)"
        r"(?:\s*\([^()\n]{1,40}\)|\s[^\n:]{0,30}\bnew one)\s*[:=]\s*[\"'`]?([^\s\"'`,;]+)",
        where(prose),
        hint=rf"(?i)(?:{_ASKED}|secret|token|api key) ?\(|new one ?[:=]",
    ),
    Rule(
        "password",
        rf"(?i)\b{_USES} [\"'`]?([^\s\"'`,;]{{6,}})[\"'`]? (?:as|for) "
        rf"(?:(?:the|its|a|new|temp|temporary|root|admin|db) ){{0,2}}{_ASKED}\b",
        where(prose),
        hint=rf"(?i)(?:as|for|the|its|a|new|temp|temporary|root|admin|db) {_ASKED}",
    ),
    Rule(
        "password",
        r"(?i)\b(?:log-?in|creds?|credentials?)[:=]? +[a-z][\w.@-]{1,40} +/ +"
        r"[\"'`]?([^\s\"'`,;]+)",
        where(prose),
        hint=" / ",
    ),
    Rule(
        "password",
        rf"(?i)\b{_KEYS}(?:\s+(?:is|was|now))?[\s:]+[\"'`]?([^\s\"'`,;)\]}}]{{8,}})",
        where(_key),
        hint=rf"(?i){_KEYS}[\s:]",
    ),
]
