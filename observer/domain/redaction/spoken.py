"""Credentials in prose, in tables, in protocols and in what is said in a program."""

from __future__ import annotations

import base64
import binascii
import re

from observer.domain.redaction.credentials import (
    STRONG,
    VALUE,
    looks_secret,
    prose,
    told,
)
from observer.domain.redaction.matching import Found, Rule, where
from observer.domain.redaction.words import SAID_OF_SECRETS

_TYPES = re.compile(
    r"(?i)(?:var)?char.*|text|string|bytea|json.*|u?uid|int\w*|bool\w*|date|timestamp\w*|blob|null"
    r"|not null|sensitive|masked|n/?a|host|user(?:name)?|port|email|role|status|type|description"
)
"""What stands in the next column of a table that describes tables, or of its header."""

_NO_NAME = re.compile(r"[a-z_.]+")


def _in_braces(found: Found) -> bool:
    """As ODBC writes it. A name alone in braces is a template's place, if no other pair follows."""
    template = _NO_NAME.fullmatch(found.value) and not found.after(2).startswith("};")
    return told(found) and not template


def _exchanged(found: Found) -> bool:
    """Both: what it was and what it is."""
    return all(looks_secret(word.strip("\"'`")) for word in found.value.split(" to "))


def _ends_its_line(found: Found) -> bool:
    return re.match(r"[\"'`.)]*(?:$|\n|\\n)", found.after(6)) is not None


def _answer(found: Found) -> bool:
    """What was typed at a prompt is its line's last word, if it does not look like a secret."""
    return looks_secret(found.value) or (told(found) and _ends_its_line(found))


def _cell(found: Found) -> bool:
    """Behind a cell that says so: a secret by its look, or the only other cell of its row."""
    value = found.value
    if looks_secret(value):
        return True
    if "," in found.before(4):
        return False  # in prose a comma is no column's end
    row = re.match(r"[\"' ]*[|;\t]?[ ]*(?:$|\n|\\n)", found.after(12))
    return told(found) and bool(row) and _TYPES.fullmatch(value) is None


def _phrase(found: Found) -> bool:
    """Several words, of which none speaks about the passphrase instead of being it."""
    return not SAID_OF_SECRETS & set(re.split(r"[ -]", found.value.lower()))


def _words(found: Found) -> bool:
    """Between quotes a figure is enough to tell a password from what is said of one."""
    quoted = found.before(1) in "\"'`" and re.search(r"\d", found.value) is not None
    return told(found) and (quoted or _phrase(found))


def _coded_words(found: Found) -> bool:
    """What a mail server is told is base64 of printable text, word by word."""
    return all(_printable(word) for word in found.value.split())


def _printable(word: str) -> bool:
    try:
        plain = base64.b64decode(word, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    return plain.replace("\0", "").replace("\1", "").isprintable()


def _second_of_pair(found: Found) -> bool:
    """A user's password behind a slash or a colon, and no digest, port or path."""
    digest = re.search(r"(?:sha\d+|md5):$", found.before(8))
    return prose(found) and not digest and found.after(1) not in ("/", ":", "@")


def _changed(found: Found) -> bool:
    return told(found) and (found.before(1) in "\"'`" or looks_secret(found.value))


_ASKS = r"(?:passw(?:or)?d|pass[ -]?phrase|passcode|pwd|passwort|kennwort|mot de passe)"
_CELL_LABEL = (
    r"(?:[a-z][a-z_.-]{0,24}[_.-])?(?:passw(?:or)?d|passwort|kennwort|pwd|pass[_ -]?phrase|secret"
    r"|(?:secret|api|access|client|auth)[_ -]?(?:access[_ -]?)?(?:key|token|secret)|token)"
)
_PAIR = (
    r"(?i)\b(?:credentials?|creds|log(?:ged |-)?in|sign(?:ed )?-?in|auth\w*|user/pass(?:word)?)\b"
    r"(?: (?:attempt|failed|failure|rejected|denied|error|invalid|for|with|as|using|used|were|are"
    r"|is|was|pair|user|account)){0,4}[\"'\s(:=]+"
)
_COLUMNS = 8
"""Of an INSERT: in a later one nothing is looked for."""


def _inserted(column: str) -> str:
    """A literal whose place among the values is that of its column among the columns."""
    value = r"\s*(?:[A-Za-z]?'(?:[^'\n]|'')*'|[^,()'\n]*(?:\([^()\n]*\))?)\s*,"
    ways = (
        rf"(?:[^,()\n]*,){{{before}}}\s*[\"`\[]?(?:{column})[\"`\]]?\s*(?:,[^()\n]*)?\)\s*"
        rf"values\s*\((?:{value}){{{before}}}\s*[a-z]?'((?:[^'\n]|'')+)'"
        for before in range(_COLUMNS)
    )
    return rf"(?i)insert\s+into\s+[^()\n]{{1,80}}\((?:{'|'.join(ways)})"


RULES = [
    Rule(
        "password",
        r"(?i)\b(?:pwd|passw(?:or)?d)\s*=\s*\{((?:[^{}\n]|\}\})+)\}",
        where(_in_braces),
        hint=r"(?i)(?:pwd|passw(?:or)?d)\s*=\s*\{[^{]",
    ),
    Rule(
        # What it was, an arrow, what it is.
        "password",
        rf"(?i)(?:{STRONG})[\"'\\\]]*\s*[=:]\s*(?:\\*\"[^\"\n]*\"|'[^'\n]*'|[^\s\"']+)\s*"
        rf"(?:->|=>|→)\s*{VALUE}",
        where(_changed),
        hint=r"\s(?:->|=>|→)\s",
    ),
    Rule(
        "password",
        rf"(?i)\b(?:{_ASKS}|secret|token|api[ _-]?key)\s[^\n,;.]{{0,40}}?"
        r"\b(?:changed?|changes|rotated|reset|updated|switched|set) from\s+[\"'`]?"
        r"([^\s\"'`]+[\"'`]? to [\"'`]?[^\s\"'`,;)]+)"
        rf"|(?i)\b(?:re)?set\s[^\n,;]{{0,30}}\b{_ASKS} to [\"'`]?([^\s\"'`,;)]+)",
        where(_exchanged),
        hint="(?i)(?:changed?|changes|rotated|reset|updated|switched|set) from "
        rf"|{_ASKS} to ",
    ),
    Rule(
        "password",
        rf"(?i)\b{_ASKS}\s+for\s+[^\n:]{{1,60}}:\s+[\"'`]?([^\s\"'`]+)",
        where(_answer),
        hint=rf"(?i)\b{_ASKS} for ",
    ),
    Rule(
        "password",
        rf"(?i)(?:^|\n|[|;\t,])\s*[\"']?{_CELL_LABEL}[\"']?\s*[|;\t,]\s*[\"']?([^|;\t,\s\"']+)",
        where(_cell),
        hint=rf"(?i){_CELL_LABEL}[\"']?\s*[|;\t,]",
    ),
    Rule(
        "password",
        rf"{_PAIR}[A-Za-z][\w.@-]{{1,39}}[/:]([^\s\"'/,;:)\]@]{{5,}})",
        where(_second_of_pair),
        hint=rf"{_PAIR}[A-Za-z][\w.@-]{{1,39}}[/:][^\s/:]",
    ),
    Rule(
        "password",
        r"\bAUTH (?:LOGIN|PLAIN|XOAUTH2|CRAM-MD5)((?:\s+[A-Za-z0-9+/]{4,}={0,2}){1,2})"
        r"|\b334 (?:VXNlcm5hbWU6|UGFzc3dvcmQ6)(?:\s|\\[rn])+(?:C: )?([A-Za-z0-9+/]{4,}={0,2})",
        where(_coded_words),
        hint="AUTH [LPXC]|334 [VU]",
    ),
    Rule(
        # FTP, POP3 and IMAP, as their logs show them.
        "password",
        r"(?:\bUSER\s+\S+(?:[\s;,|]|\\[rn])+|(?:^|\s)(?:>+|C:|-+>|→)\s*)PASS\s+(\S+)"
        r"|\bLOGIN\s+[\"']?[a-z][\w.@-]*[\"']?\s+[\"']?([^\s\"']+)",
        where(lambda f: told(f) and (re.search('pass|"$', f.before(6)) is not None or prose(f))),
        hint=r"\b(?:PASS|LOGIN) ",
    ),
    Rule(
        "password",
        r"(?i)(?:\bauth\w*\s*=?\s*|auth|login|credentials?|connection)\(\s*(?:[\w.]+,\s*)?"
        r"[\"'][^\"'\n]*[\"']\s*,\s*[\"']([^\"'\n]+)[\"']",
        where(told),
        hint=r"\(\s*(?:[\w.]+,\s*)?[\"'][^\"'\n]*[\"'],",
    ),
    Rule(
        "password",
        rf"(?i)(?:key|name|id)=[\"'][\w.-]*(?:{STRONG})[\"'][^<>]*>\s*([^<>\s][^<>]*)</",
        where(told),
        hint="[\"']>[^<>]+</",
    ),
    Rule(
        # Several words: quoted, or all that is left of the line or of the sentence.
        "password",
        rf"(?i)\b(?:(?:{_ASKS}|secret)(?: (?:for|of) [\"'\w][^\s:]*)?"
        r"(?:\s+(?:is|was|of|set to|changed to|reset to|now|used|tried))?[\s:]+"
        r"|pass[ -]?phrase\b[^\n\"'`]{0,24})\\*"
        r"(?:\"([^\"\n\\]+ [^\"\n\\]+)|'([^'\n]+ [^'\n]+)'|`([^`\n]+ [^`\n]+)`)"
        r"|(?i)\bpass[ _-]?phrase[\"']?\s*(?:[:=]|\sis\s)\s*"
        r"([\p{L}\d]+(?:[ -][\p{L}\d]+){2,9})\s*(?:$|[\n;,.(]|\\n)",
        where(_words),
        hint=r"(?i)\b(?:pass|pwd|kennwort|mot de|secret)\w*[ :=][^\n\"'`]{0,60}[\"'`a-z][ a-z]",
    ),
    Rule(
        "column",
        _inserted(rf"{STRONG}|birth[_ ]?da(?:te|y)|date[_ ]of[_ ]birth|dob"),
        where(told),
        hint=r"(?i)insert\s+into\s+[^()\n]{1,80}\([^()\n]+\)\s*values",
    ),
]
