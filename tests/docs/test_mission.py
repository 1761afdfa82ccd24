"""docs/mission.md says what is so: its snippet is the default, its table the rules."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from observer.domain import mission_rules
from observer.domain.mission import PAGED_AGAIN_S, SAME_FAILURE_S
from observer.records.failures import PULSE_S
from observer.settings.mission import Mission

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "mission.md").read_text()
SHIPPED = ("config/observer.yaml", "observer/examples/stack/observer.yaml")


def test_the_snippet_is_the_default_and_what_is_shipped() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    shown = Mission.model_validate(yaml.safe_load(text)["mission"])
    assert shown == Mission()
    for name in SHIPPED:
        written = yaml.safe_load((ROOT / name).read_text())["mission"]
        assert Mission.model_validate(written) == shown
        assert list(written) == list(Mission.model_fields)


def test_every_key_is_explained() -> None:
    table = PAGE.split("| key | says |")[1].split("\n\n")[0]
    assert all(f"`{key}`" in table for key in Mission.model_fields)


def test_the_figures_on_the_page_are_those_of_the_rules() -> None:
    said = [
        f"{mission_rules._REPEATED_PAGES} or more pages",
        f"{mission_rules._FALSE_ALARMS} or more false alarms, and"
        f" {mission_rules._FALSE_ALARM_PART:.0%} of all".replace("%", " %"),
        f"{mission_rules._DUPLICATE_INCIDENTS} or more doubled incidents",
        f"under half of {mission_rules._FEW_HEALED_OF} or more real failures",
        f"a node healed {mission_rules._HEALED_AGAIN} times or more",
    ]
    assert all(words in PAGE for words in said)
    assert mission_rules._FEW_HEALED_PART == 0.5
    assert (PAGED_AGAIN_S, SAME_FAILURE_S, PULSE_S) == (4 * 3600, 600, 15)
    assert "the four hours before" in PAGE
    assert "within ten minutes of each" in PAGE
    assert "up to 15 seconds of watched" in PAGE
