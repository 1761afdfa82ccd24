"""docs/models.md does what it says: its sections are the shipped ones, its words are the code's."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from observer.domain.breaker import BreakerState
from observer.gateway.providers import Providers
from observer.settings import strict_yaml
from observer.settings.models_file import ModelCall, ProviderBreaker

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "models.md").read_text()
SECTIONS = {
    key: value
    for section in re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    for key, value in yaml.safe_load(section).items()
}
SHIPPED = ROOT / "config" / "models.yaml"
KEYS = {"call": sorted(ModelCall.model_fields), "breaker": sorted(ProviderBreaker.model_fields)}


@pytest.mark.parametrize("section", KEYS)
def test_its_sections_are_the_shipped_ones_and_whole(section: str) -> None:
    assert SECTIONS[section] == strict_yaml.load(SHIPPED).value[section]
    assert sorted(SECTIONS[section]) == KEYS[section]


@pytest.mark.parametrize("key", [key for keys in KEYS.values() for key in keys])
def test_every_key_is_told(key: str) -> None:
    assert f"`{key}`" in PAGE


def test_what_health_shows_is_named() -> None:
    providers = Providers(
        ["openai:gpt-4o", "runbook:"], ProviderBreaker(), cast("Any", None), time.monotonic
    )
    shown = providers.health()
    assert list(shown) == ["openai"]
    for word in (*shown["openai"], *BreakerState):
        assert f"`{word}`" in PAGE
