"""Whoever writes into a data directory takes the same things out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from observer import offline
from observer.domain.redaction import Redactor
from observer.settings import Configuration, load_configuration
from tests.observer_process import ROOT


@pytest.fixture
def masking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    """The configuration that ships, but for addresses of machines, which it masks."""
    monkeypatch.setenv("OBSERVER_DATA_DIR", str(tmp_path))
    configuration = load_configuration(ROOT / "config")
    masks = configuration.redaction.model_copy(update={"ip_addresses": "mask"})
    return replace(configuration, redaction=masks)


def test_what_redaction_yaml_says_holds_for_commands_without_a_daemon_too(
    masking: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 48."""
    used: list[Redactor] = []

    class Journal(offline.Journal):
        def __init__(self, redactor: Redactor, **others: Any) -> None:
            used.append(redactor)
            super().__init__(redactor, **others)

    monkeypatch.setattr(offline, "load_configuration", lambda: masking)
    monkeypatch.setattr(offline, "Journal", Journal)
    offline.add_token_offline({"name": "ci", "role": "admin"})
    offline.delete_offline("acme", 1.0, dry_run=True)
    assert len(used) == 2
    for redactor in used:
        assert redactor.text("from 10.1.2.3") == "from [redacted:ip-address]"
        assert redactor.result("unheard-of", {"a": 1}).rules == ["undeclared:a"]
