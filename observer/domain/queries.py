"""Words of an event inside a PromQL or LogQL query: part of a string, never of the language."""

import re

_UNSAFE = re.compile(r"[^A-Za-z0-9_]")


def in_query(value: str) -> str:
    """A value for between the quotes of a query's string, `"` or `'`, where it means itself.

    Everything that could end a string is written as an escape; outside of quotes that is an
    error of the query, and never another query.
    """
    return _UNSAFE.sub(lambda found: _escaped(ord(found[0])), value)


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
