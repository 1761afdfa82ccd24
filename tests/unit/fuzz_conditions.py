"""An atheris target: run as `python -m tests.unit.fuzz_conditions -max_total_time=5`."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["observer.domain", "lark"]):
    from observer.domain.conditions import Condition, ParseError, Truth, parse_condition


def one_input(data: bytes) -> None:
    """Anything but a condition, a ParseError or unknown on nothing observed is a finding."""
    text = atheris.FuzzedDataProvider(data).ConsumeUnicode(200)
    try:
        condition = parse_condition.__wrapped__(text)
    except ParseError:
        return
    assert type(condition) is Condition
    assert condition.judge({})[0] is Truth.UNKNOWN
    assert condition.promql()


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
