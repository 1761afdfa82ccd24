"""docs/health.md shows the shipped limits, and names every key and every anomaly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from observer.domain.health import Anomaly
from observer.settings.health import ErrorRate, Health, NoProgress

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "health.md").read_text()


def test_the_limits_of_the_page_are_the_shipped_ones_and_the_defaults() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    shown = Health.model_validate(yaml.safe_load(block)["health"])
    assert shown == Health()
    for folder in ("config", "observer/examples/stack"):
        shipped = yaml.safe_load((ROOT / folder / "observer.yaml").read_text())
        assert Health.model_validate(shipped["health"]) == shown


@pytest.mark.parametrize(
    "name", [*Health.model_fields, *ErrorRate.model_fields, *NoProgress.model_fields, *Anomaly]
)
def test_every_key_and_every_anomaly_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE
