"""docs/telemetry.md does what it says: its snippets applied to one copy, each proof run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_servers.healthchecks import METHODS
from observer.settings.infrastructure import Platform, Telemetry
from tests.docs.test_extending import FENCE, ROOT, Snippet, apply, copy

__all__ = ["copy"]
PAGE = (ROOT / "docs" / "telemetry.md").read_text()

pytestmark = pytest.mark.slow


def run(copied: Path, *command: str) -> None:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=copied,
        env={**os.environ, "PYTHONPATH": str(copied)},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr


def test_following_the_page_looks_at_real_parts(copy: Path) -> None:
    (copy / "checks").mkdir()
    snippets = [Snippet(found["head"], found["text"]) for found in FENCE.finditer(PAGE)]
    proofs = 0
    for snippet in snippets:
        if snippet.head.endswith("proof"):
            run(copy, "-c", snippet.text)
            proofs += 1
        else:
            apply(snippet, copy)
    assert proofs == 2
    run(copy, "-m", "observer.cli.app", "validate")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_in_the_table_with_its_parameters(method: str) -> None:
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| `{method}` |")]
    for name, field in METHODS[method].parameters.model_fields.items():
        if name == "timeout":
            continue
        written = f"`{name}`" if field.is_required() or method == "tcp_connect" else f"`[{name}]`"
        assert written in row, f"{method}: {written}"


def test_every_setting_is_a_comment_of_the_shipped_file() -> None:
    shipped = (ROOT / "config" / "observer.yaml").read_text()
    names = [*Telemetry.model_fields, *Platform.model_fields]
    for field in (*Telemetry.model_fields.values(), *Platform.model_fields.values()):
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            names += getattr(part, "model_fields", {})
    for name in names:
        assert f"{name}:" in shipped, f"{name} is not documented in config/observer.yaml"
