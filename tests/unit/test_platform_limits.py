"""How far a setting may go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.actions.limits import amount, over_limit, same

UNITS = {"": 1, "b": 1, "k": 1000, "kb": 1024, "mb": 1024**2, "GB": 1024**3, "g": 1000**3}
STRANGE = "0139kmgbGBK.-yes\u0663\u212a \n"


@given(st.integers(0, 10**12), st.sampled_from(sorted(UNITS)))
def test_a_size_means_what_redis_takes_it_for(number: int, unit: str) -> None:
    assert amount(f"{number}{unit}") == number * UNITS[unit]


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.sampled_from(["", "kb", "mb"]))
def test_what_is_let_through_is_never_above_the_ceiling(limit: int, value: int, unit: str) -> None:
    refused = over_limit(f"{limit}{unit}", f"{value}{unit}")
    assert (refused is None) == (value <= limit)
    assert (over_limit(float(limit), str(value)) is None) == (value <= limit)


@given(
    st.text("0139kmgbGBK.-yes\u0663\u212a \n", max_size=8), st.sampled_from(["30gb", 400.0, "yes"])
)
def test_whatever_is_asked_for_is_let_through_only_within_the_limit(
    value: str, limit: str | float
) -> None:
    if over_limit(limit, value) is None:
        wanted = amount(value)
        ceiling = {"30gb": 30 << 30, 400.0: 400}.get(limit)
        assert value.lower() == "yes" if ceiling is None else wanted and 0 < wanted <= ceiling


@pytest.mark.parametrize("value", ["0", "0gb", "-1", "1.5gb", "1 gb", "1tb", "1e3", "", "\u0663"])
def test_what_is_no_amount_above_zero_is_no_value_under_a_ceiling(value: str) -> None:
    assert over_limit("30gb", value) is not None


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [("1gb", "1073741824", True), ("1g", "1gb", False), ("YES", "yes", True), ("yes", "1", False)],
)
def test_two_spellings_of_one_value_are_the_same(one: str, other: str, equal: bool) -> None:
    assert same(one, other) is equal
