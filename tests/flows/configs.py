"""A configuration directory of a test's own: the shipped one, with some words changed."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.observer_process import ROOT

Edits = dict[str, dict[str, str]]
"""By file: what stands there, and what shall stand there instead."""

QUICK_CALLS = {
    "timeout: 12s ": "timeout: 1s ",
    "retry_delay: 500ms": "retry_delay: 50ms",
    "max_retry_delay: 2s": "max_retry_delay: 500ms",
}
"""Limits of models.yaml at which a bad day takes seconds."""

PATIENT_BREAKER = {
    "failures: 2 ": "failures: 1000 ",
    " open_for: 15s": " open_for: 1ms",
    "max_open_for: 1h": "max_open_for: 1ms",
}
"""A breaker of models.yaml that leaves no provider alone, for tests of one call's own limits."""

QUICK_CHECK: Edits = {
    "runbook.yaml": {"timeout: 2s": "timeout: 200ms", "interval: 500ms": "interval: 100ms"},
    "known_errors.yaml": {"timeout: 2s": "timeout: 200ms"},
}
"""A healing check that gives up after a fifth of a second."""


def edited_config(folder: Path, edits: Edits) -> Path:
    """Copy `config/` to `folder` and change it; every edit must find its text exactly once."""
    shutil.copytree(ROOT / "config", folder)
    for name, changes in edits.items():
        path = folder / name
        text = path.read_text()
        for old, new in changes.items():
            assert text.count(old) == 1, f"{name} has {old!r} {text.count(old)} times"
            text = text.replace(old, new)
        path.write_text(text)
    return folder


def pinned(model: str, version: str) -> dict[str, str]:
    """The edit of models.yaml that accepts only this version of a model."""
    return {"versions: {}": f"versions: {{{model}: {version}}}"}
