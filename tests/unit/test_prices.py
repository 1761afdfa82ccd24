"""Prices are exact: no cost is a float, and each says which list it was reckoned with."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.settings import load_configuration
from observer.settings.models_file import ModelsFile, Price
from observer.settings.prices import UNPRICED, Tariff, tariff_of
from observer.settings.strict_yaml import load
from tests.observer_process import ROOT

SHIPPED = load_configuration(ROOT / "config").models
PRICES = st.decimals(min_value=0, max_value=1000, places=6)
TOKENS = st.integers(min_value=0, max_value=10**9)


@given(PRICES, PRICES, TOKENS, TOKENS)
def test_a_cost_is_the_exact_one_rounded_once(
    price_in: Decimal, price_out: Decimal, tokens_in: int, tokens_out: int
) -> None:
    tariff = Tariff("models.yaml", own=Price(input=price_in, output=price_out))
    exact = (tokens_in * Fraction(price_in) + tokens_out * Fraction(price_out)) * 1000
    assert tariff.nano(tokens_in, tokens_out) == round(exact)


def test_a_price_is_read_as_it_is_written(tmp_path: Path) -> None:
    """0.15 is no binary fraction: as a float it would be a little more."""
    file = tmp_path / "models.yaml"
    file.write_text('profiles: {}\nprices: {"a:b": {input: 0.15, output: 0.6}}\n')
    price = ModelsFile.model_validate(load(file).value).prices["a:b"]
    assert (price.input, price.output) == (Decimal("0.15"), Decimal("0.6"))


@pytest.mark.parametrize("price", ["-1", "NaN", "Infinity"])
def test_a_price_that_is_none_is_refused(price: str) -> None:
    with pytest.raises(ValueError, match="input"):
        Price(input=Decimal(price), output=Decimal(0))


def test_ones_own_price_comes_first_and_the_list_says_its_version() -> None:
    """Case 37: who is in no list is unpriced, and refused when the configuration is read."""
    public = tariff_of("openai:gpt-4o", SHIPPED)
    assert public is not None
    assert public.table.startswith("genai-prices ")
    assert public.nano(1_000_000, 1_000_000) == 12_500_000_000
    own = SHIPPED.model_copy(
        update={"prices": {"openai:gpt-4o": Price(input=Decimal(1), output=Decimal(2))}}
    )
    mine = tariff_of("openai:gpt-4o", own)
    assert mine is not None
    assert (mine.table, mine.nano(1, 1)) == ("models.yaml", 3000)
    assert tariff_of("openai:gpt-99", SHIPPED) is None
    assert UNPRICED.nano(10**6, 10**6) == 0


def test_a_model_that_costs_more_from_so_many_tokens_on_is_reckoned_so() -> None:
    tariff = tariff_of("google:gemini-2.5-pro", SHIPPED)
    assert tariff is not None
    below, above = tariff.nano(100_000, 0), tariff.nano(400_000, 0)
    assert above > 4 * below
