"""Payment cards, bank accounts and social security numbers: told from ids by their own sums."""

from __future__ import annotations

import re

from observer.domain.redaction.matching import Found, Rule, where

_IBANS = """
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20
    EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30
    KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24
    PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TN24 TR26 UA29 VA22 VG24
    XK20
"""
IBAN_LENGTHS = {code: int(length) for code, length in re.findall(r"([A-Z]{2})(\d\d)", _IBANS)}
"""Characters of an account number, by country."""
_CARDS = re.compile(
    r"4\d{12}(?:\d{3})?(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|6(?:011|5\d\d|4[4-9]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}"
    r"|62\d{14,17}|(?:50|5[6-9]|6[37])\d{14}"
)
_GROUPED = re.compile(
    r"\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{4,5}"
)
ID_LABEL = re.compile(
    r"(?:key|order|txn|transaction|id|ref|reference|trace|span|session|seq|sequence|offset|ticket"
    r"|incident|invoice|batch|job|run|build|record|row|lsn|snowflake|partition|bytes|size|count"
    r"|event|request|message|object|shipment|parcel|correlation|dedupe|node|shard|part|lot|sku"
    r"|version|rev|revision|firmware|release|delta|lag|epoch|ts|timestamp|ns|high|low|watermark|range"
    r"|(?:part|item|serial|model|article|asset|case|tracking|order|ticket|job|batch|lot)"
    r"[ _-]?(?:no|number|nr|num)\.?)[\w-]{0,3}[\"'\s:=#(-]*$"
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
    return bool(_CARDS.fullmatch(digits)) and luhn(digits) and not ID_LABEL.search(found.before(24))


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


_HEX = re.compile(r"(?i)[0-9a-f]{4}\d*[a-f][0-9a-f]*")
"""A hash, a span's id or a UUID's end; behind a country's code of such letters stand digits."""


def _iban(found: Found) -> int:
    """The words behind a spaced number look like its last groups: the country says how long."""
    value = found.value
    length = IBAN_LENGTHS.get(value[:2].upper(), 0)
    taken = 0
    for position, character in enumerate(value):
        taken += character.isalnum()
        if length and taken == length:
            whole = not value[position + 1 : position + 2].isalnum()
            if _HEX.fullmatch(re.sub("[ -]", "", value[: position + 1])):
                return 0
            return position + 1 if whole and is_iban(value[: position + 1]) else 0
    return 0


def _is_ssn(found: Found) -> bool:
    area, group, serial = found.value.split("-")
    real = area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"
    return real and not _glued(found) and not ID_LABEL.search(found.before(24))


def _has_digits(found: Found) -> bool:
    return sum(character.isdigit() for character in found.value) >= 4


RULES = [
    Rule("card", r"\b[2-6](?:[ -]?\d){12,18}\b", where(_is_card), cost=2),
    Rule(
        "iban",
        r"\b[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,40}\b",
        _iban,
        hint=r"(?i)\b(?:" + "|".join(IBAN_LENGTHS) + r")\d{2}[ -]?[A-Z0-9]{4}[ -]?[A-Z0-9]{4}",
        cost=3,
    ),
    Rule(
        "personal-id",
        r"(?i)\b(?:passport|driver'?s? licen[cs]e|national[ _-]id|tax[ _-]id|national insurance"
        r"|nino|ni (?:number|no)|nhs|cpf|dni|nie|nif|bsn|aadhaar|pesel|personnummer"
        r"|ausweis(?:nummer|nr)?|reisepass(?:nummer|nr)?"
        r"|steuer-?id|ssn"
        r"|social security|sin|cnpj|curp|rfc|codice fiscale|pan card|tfn|medicare)"
        r"(?:[ _-]?(?:number|no|nr|num|id|card)\b)?[\s.:=#\"']{1,4}"
        r"(?-i:([A-Z]{0,5}(?:[ .-]?[A-Z]{0,2}\d){4,14}(?:[ -]?[A-Z]\b|/\d{4}-\d\d)?)\b)",
        where(_has_digits),
    ),
    Rule(
        "bank-account",
        r"(?i)\b(?:sort[ _-]code|routing(?:[ _-](?:number|no\.?))?|aba|blz|bank)\b[^\n]{0,30}?"
        r"(?:account|acct|konto)\w*(?:[ _-](?:number|no\.?|nr\.?))?[\s:=#\"']{1,4}(\d{6,14})\b"
        r"|(?i)\b(?:account|acct|konto)\w*(?:[ _-](?:number|no\.?|nr\.?))?[\s:=#\"']{1,4}"
        r"(\d{6,14})[\s,;]{1,3}(?:sort|routing|blz)",
    ),
    Rule("ssn", r"\b\d{3}-\d{2}-\d{4}\b", where(_is_ssn)),
]
