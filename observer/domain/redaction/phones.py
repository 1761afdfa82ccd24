"""Telephone numbers: as they are written in many countries, and not every run of digits."""

from __future__ import annotations

import re

from observer.domain.redaction.matching import Found, Rule, where
from observer.domain.redaction.numbers import ID_LABEL

_LABEL = (
    r"(?:tele)?phone(?:[_ -]?(?:number|no\.?|nr\.?))?|tel\.?(?:efon(?:o|nummer)?)?|telefone"
    r"|téléphone|tél\.?|mobile(?:[_ -]?(?:number|no\.?))?|mobil|cell(?:[_ -]?phone)?|celular|fax"
    r"|tlf\.?|telefoon|mob\.?|ph\.?"
    r"|handy|msisdn|whatsapp|sms|portable|rufnummer|telefonnummer|тел\.?|телефон|電話|电话|手机"
    r"|携帯|contact[_ -]?(?:number|no\.?)|caller[_ -]?id|ani|dial(?:ed|ing)?|hotline"
)
_CALLS = re.compile(
    r"(?:call|ring|kontakt|phone|tel|mobile|cell|contact|sms|text|dial|whatsapp|fax|reach|rückruf"
    r"|anruf|llam|appel|on-call|oncall|hotline|voicemail|pager)[^\d\n\[\]=\"'|;]{0,24}$"
)
"""What stands shortly before a number that is somebody's, in prose."""

_DATE = re.compile(
    r"^(?:19|20)\d\d[-./]|(?:19|20)\d\d[-./ ](?:0[1-9]|1[0-2])[-./ ](?:0[1-9]|[12]\d|3[01])"
    r"|(?:0[1-9]|[12]\d|3[01])[-./ ](?:0[1-9]|1[0-2])[-./ ](?:19|20)\d\d"
)
_SURE = re.compile(
    r"""
    \+\ ?[1-9]\d{0,3}[ ./()-].*                     # international, with a separator
  | 00\ ?[1-9]\d{0,3}[ ./()-](?:\D*\d){8,}          # the same, with what is dialled for the plus
  | \+[1-9]\d{8,14}                                 # international, in one piece
  | 1?[ .-]?\([2-9]\d\d\)\ ?[2-9]\d\d[ .-]?\d{4}    # North America, as it is printed there
  | (?:1[-.])?[2-9]\d\d([-.])[2-9]\d\d\1\d{4}
  | \(0\d{1,5}\)\ ?[\d /-]{5,12}                    # a trunk zero in brackets
  | \(\d\d\)\ ?9?\d{4}-\d{4}                        # Brazil
  | 0\d([ .-])\d\d\2\d\d\2\d\d\2\d\d                # France, by twos
  | 0\d{2,4}[ ]\d{3,4}[ ]\d{3,4}                    # Britain, the Netherlands, mobiles
  | 0\d[ ]\d{3,4}[ ]\d{4}                           # Australia
  | 0\d{4}[ ]\d{5,6}
  | 01[5-7]\d[ /-]\d{7,8}                           # German mobiles
  | 0\d{1,4}/\ ?\d{5,9}
  | 0\d{1,3}-\d{3,4}-\d{4}                          # Japan, Korea
  | 06[- ]\d{8}
  | 0\d{2}\ \d{3}\ \d{2}\ \d{2}                     # Switzerland
  | 1[38]00[ -]\d{3}[ -]\d{3}                       # Australia's services
  | 8[ ]?\(\d{3}\)\ ?\d{3}[- ]\d{2}[- ]\d{2}        # Russia
    """,
    re.VERBOSE,
)


_TWO = re.compile(r" [/-] |  ")


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _is_phone(found: Found) -> int:
    """Some of them are plain enough; of others only the words before tell."""
    value = found.value.rstrip(" .-(/")
    first = _TWO.split(value, 1)[0]
    if first != value and _digits(first) >= 8:
        value = first  # two of them
    if _part_of_more(found, value) or _DATE.search(value) or not 7 <= _digits(value) <= 15:
        return 0
    before = found.before(40)
    worded = before != before.upper()
    if worded and ID_LABEL.search(before):
        return 0
    if _SURE.fullmatch(value) or (worded and _CALLS.search(before) and _written_as_one(value)):
        return len(value)
    return 0


def _written_as_one(value: str) -> bool:
    """In groups as a person writes it, or with the trunk zero that no count begins with."""
    groups = re.findall(r"\d+", value)
    if len(groups) == 1:
        return re.fullmatch(r"\+?\d{9,15}", value) is not None and value[0] in "+0"
    return (
        max(map(len, groups)) <= 5 or re.fullmatch(r"\(?0\d{1,4}\)?[ /-]\d{5,8}", value) is not None
    )


def _part_of_more(found: Found, value: str) -> bool:
    """Whether it belongs to an id, a path, an address, a time or a decimal number."""
    last = found.before(1)
    begin = found.start + len(value)
    behind = found.data[begin : begin + 2].decode(errors="ignore")
    if last.isalnum() or last in ("_", "-", ".", "/", ":", "#", "+", "@", "&"):
        return not (last in (":", "/", ".") and _labelled(found.before(24)))
    if behind[:1] in ("_", "/", "%") or behind[:1].isalnum():
        return True
    if behind[:1] in (".", "-", ",", ":") and behind[1:2].isalnum():
        return True
    octets = value.split(".")
    return len(octets) == 4 and all(octet.isdigit() and int(octet) < 256 for octet in octets)


_LABELLED = re.compile(rf"(?:{_LABEL})[\"':= .]*$|tel:$", re.IGNORECASE)


def _labelled(before: str) -> bool:
    ends = before.rstrip("\"':= .")
    return ends[-1:].isalpha() and _LABELLED.search(before) is not None


def _is_labelled(found: Found) -> bool:
    """A moment, or an id that stands behind the word, is none."""
    value, behind = found.value, found.after(2)
    if _DATE.search(value) or _MOMENT.fullmatch(value) or re.match(r"[-.:/T_]\w", behind):
        return False
    said = found.before(1) in ("=", ":", '"', "'") or re.search(r"[=:]\s*$", found.before(4))
    return (5 if said else 7) <= _digits(value) <= 15 and not re.fullmatch(r"\d{8}-\d{4}", value)


_MOMENT = re.compile(r"1[67]\d{8}(?:\d{3}){0,2}")
"""Seconds, or parts of them, since 1970."""


RULES = [
    Rule(
        "phone",
        rf"(?i:(?:^"
        rf"|[^\p{{L}}\p{{N}}])(?:[\w.-]*[_.-])?(?:{_LABEL}))[\"'\\]*\s*(?:=>|[:=#\x{{ff1a}}]|is)?"
        r"\s*[\"'\\]*(\+?\(?\d(?:[ ()./-]{0,2}\d){4,14})\b",
        where(_is_labelled),
        hint=rf"(?i)(?:{_LABEL})[\"'\\:=#\x{{ff1a}} is]{{0,6}}\+?\(?\d",
    ),
    Rule(
        "phone",
        r"(?:\+|\(|\b)\(?\d(?:[ ./-]|[()] ?| \(|\d){5,22}\d\b",
        _is_phone,
        hint=r"\+[1-9][ ()\d.-]{7}|\d\)? ?[ ./-]\d[\d ./()-]{4}|\b0[67]\d{8}",
    ),
]
