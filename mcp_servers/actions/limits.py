"""How far a setting may go: a ceiling for numbers and sizes, or the one word that is allowed."""

import re

_SIZE = re.compile(r"(\d{1,18})(b|k|kb|m|mb|g|gb)?", re.ASCII | re.IGNORECASE)
_UNITS = {
    "": 1,
    "b": 1,
    "k": 1000,
    "kb": 1 << 10,
    "m": 1000**2,
    "mb": 1 << 20,
    "g": 1000**3,
    "gb": 1 << 30,
}


def amount(text: str) -> int | None:
    """The number that Redis reads in `400`, `1024mb` or `30gb`; None where it is none."""
    found = _SIZE.fullmatch(text)
    return int(found[1]) * _UNITS[(found[2] or "").lower()] if found else None


def same(one: str, other: str) -> bool:
    """Whether two spellings mean one value."""
    amounts = amount(one), amount(other)
    if None in amounts:
        return one.lower() == other.lower()
    return amounts[0] == amounts[1]


def over_limit(limit: str | float, value: str) -> str | None:
    """Why a value is not allowed; None where it is."""
    ceiling = amount(limit) if isinstance(limit, str) else limit
    shown = limit if isinstance(limit, str) else f"{limit:.15g}"
    if ceiling is None:
        return None if same(str(limit), value) else f"the one value allowed is {shown}"
    wanted = amount(value)
    if wanted is None:
        return f"it must be a number of at most {shown}"
    if wanted == 0:
        return f"0 often means without a limit, and the limit is {shown}"
    return None if wanted <= ceiling else f"it is more than {shown}"
