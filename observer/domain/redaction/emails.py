"""Addresses of mail, and what else stands in a person's card."""

from __future__ import annotations

import re

from observer.domain.redaction.matching import Found, Rule, where

_NO_MAIL = (
    *(".service", ".socket", ".timer", ".target", ".mount", ".slice", ".scope", ".device"),
    *(
        ".path",
        ".swap",
        ".svc",
        ".internal",
        ".lan",
        ".iam",
        ".gserviceaccount.com",
        ".cluster.local",
        ".localdomain",
    ),
    *(".json", ".yaml", ".yml", ".xml", ".py", ".js", ".ts", ".java", ".log", ".txt", ".so"),
)


def _is_email(found: Found) -> bool:
    value, before, after = found.value, found.before(14), found.after(1)
    host = value.rpartition("@")[2].lower()
    if host.endswith(_NO_MAIL) or "message-id" in before:
        return False
    if re.search(r"://[^\s/?#]*$|(?<!http)(?<!https)://[^\s?#@]*$", found.before(80)):
        return False  # who logs in there
    return not (after == ":" and value.lower().startswith("git@"))


RULES = [
    Rule(
        "email",
        r"(?:[\p{L}\p{N}._%+'&=~-]*[\p{L}\p{N}_+-]|\"[^\"@\n]{1,64}\")@[\p{L}\p{N}_-]+"
        r"(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}",
        where(_is_email),
        hint="@",
    ),
    Rule(
        "birth-date",
        r"(?i)\b(?:dob|date[ _]of[ _]birth|birth[ _-]?da(?:te|y)|born(?: on)?|geb(?:oren)?\.?)"
        r"[\s\"'\\:=]*(\d{1,4}[-./]\d{1,2}[-./]\d{1,4})",
    ),
    Rule(
        "email",
        r"(?i)[\w.+-]+ ?(?:\[at\]|\(at\)|\{at\}| at ) ?[\w-]+ ?(?:\[dot\]|\(dot\)|\{dot\}| dot )"
        r" ?[a-z]{2,}",
        hint=r"(?i)[\[({ ]dot[\])} ]",
    ),
]
