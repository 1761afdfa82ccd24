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
        ".local",
        ".iam",
        ".gserviceaccount.com",
        ".cluster.local",
        ".localdomain",
    ),
    *(".json", ".yaml", ".yml", ".xml", ".py", ".js", ".ts", ".java", ".log", ".txt", ".so"),
)


_REMOTE = re.compile(r"\b(?:ssh|scp|sftp|rsync|mosh|ssh-copy-id)\s(?:[^|;\n]*\s)?$")
"""A command that logs in somewhere."""


def _is_email(found: Found) -> bool:
    value, before, after = found.value, found.before(80), found.after(1)
    host = value.rpartition("@")[2].lower()
    if host.endswith(_NO_MAIL) or "message-id" in before[-14:] or re.match(r"[\d_]", after):
        return False
    if re.search(r"://[^\s/?#]*$|(?<!http)(?<!https)://[^\s?#@]*$", before):
        return False  # who logs in there
    if _REMOTE.search(before) or re.match(r":[~/]", found.after(2)):
        return False
    return not (after == ":" and value.lower().startswith("git@"))


_STREET = (
    r"\d{1,5}[A-Za-z]?(?:[-/]\d{1,4})?,? (?:\p{Lu}[\p{L}'.\x{2019}-]* ){1,4}?"
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Crescent|Terrace)\b\.?"
    r"|\d{1,4},? (?:bis |ter )?(?:[Rr]ue|[Aa]venue|[Bb]oulevard|[Aa]llée|[Cc]hemin|[Qq]uai)"
    r"(?: (?:de|du|des|la|le|les|l')){0,2} \p{Lu}[\p{L}'-]+(?: \p{Lu}[\p{L}'-]+){0,2}"
    r"|\p{Lu}[\p{L}.-]*(?: \p{Lu}[\p{L}.-]*)?[ -]?"
    r"(?:[Ss]traße|[Ss]trasse|str\.|[Aa]llee|platz|weg|gasse|gatan?|vägen|veien|vegen|straat"
    r"|laan|plein|katu) \d{1,4}[a-z]?\b"
    r"|(?:Calle|Avenida|Rua|Piazza|Plaza) (?:\p{Lu}?[\p{L}'.-]+ ?){1,4},? \d{1,4}\b"
)
"""A house in a street, as some countries write it."""


RULES = [
    Rule(
        "email",
        r"(?:[\p{L}\p{N}._%+'&=~-]*[\p{L}\p{N}_+-]|\"[^\"@\n]{1,64}\")@[\p{L}\p{N}_-]+"
        r"(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}",
        where(_is_email),
        hint="@",
    ),
    Rule("address", rf"\b({_STREET})", hint=r"\d[ ,]|[ .]\d"),
    Rule(
        "address",
        r"(?i)(?:street|addr(?:ess(?:[_ ]?line)?(?:[_ ]?1)?)?|adresse|anschrift|dirección"
        r"|indirizzo)"
        r"[\"'\\]*\s*[:=]\s*[\"'\\]*((?:\p{L}[\p{L}.'-]+ ){1,4}\d{1,4}[a-z]?\b"
        r"|\d{1,5}[a-z]? (?:\p{L}[\p{L}.'-]+ ?){1,4})",
        hint=r"(?i)(?:street|addr(?:ess)?|adresse|anschrift|dirección|indirizzo)[\w \"'\\]*[:=]",
    ),
    Rule(
        "birth-date",
        r"(?i)(?:\b|_)(?:d\.?o\.?b\.?|date[ _]of[ _]birth|birth[ _-]?da(?:te|y)|born(?: on)?"
        r"|geb(?:oren)?(?: am)?"
        r"\.?|geburtsdatum|geburtstag|fecha de nacimiento|date de naissance|data d[ei] nascita"
        r"|data de nascimento|née? le|nacid[oa] el|nat[oa] il)[\s\"'\\:=]*"
        r"(\d{1,4}[-./]\d{1,2}[-./]\d{1,4}|(?:19|20)\d{6}\b|\d{1,2}\.? \p{L}{3,9}\.? \d{4}"
        r"|\p{L}{3,9} \d{1,2},? \d{4})",
    ),
    Rule(
        "email",
        r"(?i)[\w.+-]+ ?(?:\[at\]|\(at\)|\{at\}| at ) ?[\w-]+ ?(?:\[dot\]|\(dot\)|\{dot\}| dot )"
        r" ?[a-z]{2,}",
        hint=r"(?i)[\[({ ]dot[\])} ]",
    ),
]
