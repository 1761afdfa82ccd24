"""The tests' own parts: missing ones are no silent hole on CI."""

from __future__ import annotations

import pytest

from tests.stack.part import program


def test_a_missing_part_skips_here_and_fails_on_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="not installed"):
        program("no-such-program")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="not installed"):
        program("no-such-program")
