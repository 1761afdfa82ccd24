"""Payment cards, bank accounts and social security numbers: told from ids by their own sums."""

from __future__ import annotations

import re

from observer.domain.redaction.matching import Found, Rule, where

IBAN_LENGTHS = {
    code: int(length)
    for code, length in (
        pair.split(":")
        for pair in (
            "AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BR:29 BY:28 CH:21 CR:22 CY:28"
            " CZ:24 DE:22 DK:18 DO:28 EE:20 EG:29 ES:24 FI:18 FO:18 FR:27 GB:22 GE:22 GI:23 GL:18"
            " GR:27 GT:28 HR:21 HU:28 IE:22 IL:23 IQ:23 IS:26 IT:27 JO:30 KW:30 KZ:20 LB:28 LC:32"
            " LI:21 LT:20 LU:20 LV:21 LY:25 MC:27 MD:24 ME:22 MK:19 MR:27 MT:31 MU:30 NL:18 NO:15"
            " PK:24 PL:28 PS:29 PT:25 QA:29 RO:24 RS:22 SA:24 SC:31 SE:24 SI:19 SK:24 SM:27 ST:25"
            " SV:28 TN:24 TR:26 UA:29 VA:22 VG:24 XK:20"
        ).split()
    )
}
_CARDS = re.compile(
    r"4\d{12}(?:\d{3})?(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|6(?:011|5\d\d|4[4-9]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}"
    r"|62\d{14,17}|(?:50|5[6-9]|6[37])\d{14}"
)
_GROUPED = re.compile(r"\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{4,5}")
ID_LABEL = re.compile(
    r"(?:order|txn|transaction|id|ref|reference|trace|span|session|seq|sequence|offset|ticket"
    r"|incident|invoice|batch|job|run|build|record|row|lsn|snowflake|partition|bytes|size|count"
    r"|version|delta|lag|epoch|ts|timestamp|ns|high|low|watermark)[\w-]{0,3}[\"'\s:=#(-]*$"
)
"""A label that says that the number behind it is an id or a figure."""


def luhn(digits: str) -> bool:
    """Whether the check digit of a card number is right."""
    total = 0
    for position, digit in enumerate(map(int, reversed(digits))):
        doubled = digit * 2 if position % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _is_card(found: Found) -> bool:
    value = found.value
    if not _GROUPED.fullmatch(value) or _glued(found):
        return False
    digits = re.sub(r"\D", "", value)
    return (
        bool(_CARDS.fullmatch(digits)) and luhn(digits) and not ID_LABEL.search(found.before(24))
    )


def _glued(found: Found) -> bool:
    """Whether it is part of something longer: an id, a path, a decimal."""
    before, after = found.before(1), found.after(2)
    return (
        before in ("-", "_", ".", "/", "+", "#")
        or after[:1] in ("_", "/")
        or (after[:1] in ("-", ".") and after[1:2].isalnum())
    )


def is_iban(text: str) -> bool:
    """Whether country, length and check digits are those of a bank account."""
    bare = re.sub(r"[ -]", "", text).upper()
    if IBAN_LENGTHS.get(bare[:2]) != len(bare):
        return False
    return int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97 == 1


def _iban(found: Found) -> int:
    """The words behind a spaced number look like its last groups: the country says how long."""
    value = found.value
    length = IBAN_LENGTHS.get(value[:2].upper(), 0)
    taken = 0
    for position, character in enumerate(value):
        taken += character.isalnum()
        if length and taken == length:
            whole = not value[position + 1 : position + 2].isalnum()
            return position + 1 if whole and is_iban(value[: position + 1]) else 0
    return 0


def _is_ssn(found: Found) -> bool:
    area, group, serial = found.value.split("-")
    real = area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"
    return real and not _glued(found) and not ID_LABEL.search(found.before(24))


RULES = [
    Rule("card", r"\b[2-6](?:[ -]?\d){12,18}\b", where(_is_card)),
    Rule(
        "iban",
        r"\b[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,40}\b",
        _iban,
        hint=r"(?i)\b(?:" + "|".join(IBAN_LENGTHS) + r")\d{2}[ -]?[A-Z0-9]{4}[ -]?[A-Z0-9]{4}",
    ),
    Rule("ssn", r"\b\d{3}-\d{2}-\d{4}\b", where(_is_ssn)),
]
