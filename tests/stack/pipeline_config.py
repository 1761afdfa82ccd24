"""The shipped `stack` example with the stack's addresses, and with durations that fit a test."""

from __future__ import annotations

from pathlib import Path

from tests.observer_process import ROOT

EXAMPLE = ROOT / "observer" / "examples" / "stack"

RULES = {
    'group="primary"}) > 60': 'group="primary"}) > 2',
    "max(kafka_consumer_group_lag) > 10000": "max(kafka_consumer_group_lag) > 60",
    "for: 1m": "for: 1s",
    "for: 5m": "for: 4s",
}


def edit(path: Path, changes: dict[str, str]) -> None:
    """Write other words where these stand; each must stand there."""
    text = path.read_text()
    for old, new in changes.items():
        assert old in text, f"{path.name} has no {old!r}"
        text = text.replace(old, new)
    path.write_text(text)


def rules(folder: Path) -> Path:
    """The example's alert rules, scaled: 2 s are a promise of 60 s."""
    path = folder / "rules.yaml"
    path.write_text((EXAMPLE / "prometheus_rules.yaml").read_text())
    edit(path, RULES)
    return path
