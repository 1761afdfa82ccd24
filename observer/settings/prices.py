"""What a model costs: the operator's own price first, else the public list that ships offline."""

from __future__ import annotations

from functools import lru_cache

from observer.settings.models_file import ModelsFile, Price

NANO = 1_000_000_000
"""Nano-USD in a US dollar: costs are counted in them."""


def cost_nano(price: Price, tokens_in: int, tokens_out: int) -> int:
    """What so many tokens cost, in whole nano-USD."""
    return round((tokens_in * price.input + tokens_out * price.output) * (NANO // 1_000_000))


def price_of(model: str, models: ModelsFile) -> Price | None:
    """US dollars per million tokens of `provider:name`, or None when nobody knows."""
    if (own := models.prices.get(model)) is not None:
        return own
    return _public_price(model)


@lru_cache(maxsize=256)
def _public_price(model: str) -> Price | None:
    from genai_prices import Usage, calc_price

    provider, _, name = model.partition(":")
    try:
        one = calc_price(Usage(input_tokens=1_000_000, output_tokens=0), name, provider_id=provider)
        two = calc_price(Usage(input_tokens=0, output_tokens=1_000_000), name, provider_id=provider)
    except LookupError:
        return None
    return Price(input=float(one.total_price), output=float(two.total_price))
