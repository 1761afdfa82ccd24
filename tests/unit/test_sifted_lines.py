"""A file without a tenant's lines: the rest as it was, and nothing lost that came meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from observer.records import sifted_lines
from observer.records.sifted_lines import of_tenant, put_in_place, sift


def test_lines_of_others_of_open_sessions_and_of_later_stay_byte_by_byte(
    tmp_path: Path,
) -> None:
    path = tmp_path / "2026-11-22.jsonl"
    kept = [
        '{"tenant_id": "other", "session_id": "s", "timestamp_ms": 1, "name": "acme"}',
        '{"tenant_id": "acme", "session_id": "open", "timestamp_ms": 1}',
        '{"tenant_id":  "acme", "session_id": "s", "timestamp_ms": 5000}',
        '{"tenant_id": "acme", "session_id": "new", "ended_at": "1970-01-01T00:00:05+00:00"}',
        '"acme"',
        '{"acme" damaged',
    ]
    gone = [
        '{"tenant_id": "acme", "session_id": "s", "timestamp_ms": 4999}',
        '{"input": {"tenant_id": "acme"}, "session_id": "s"}',
        '{"tenant_id": "acme", "session_id": "s", "ended_at": "1970-01-01T00:00:04.9+00:00"}',
    ]
    path.write_text("".join(f"{line}\n" for line in [gone[0], *kept, *gone[1:]]) + '{"torn')
    path.chmod(0o600)
    sifted = sift(path, of_tenant("acme", 5.0, frozenset({"open"})))
    assert sifted is not None and sifted.removed == 3
    with path.open("a") as file:
        file.write(' line": 1}\n{"written": "meanwhile"}\n')
    put_in_place(sifted)
    expected = [*kept, '{"torn line": 1}', '{"written": "meanwhile"}']
    assert path.read_text().splitlines() == expected
    assert path.stat().st_mode & 0o777 == 0o600
    assert sift(path, of_tenant("acme", 5.0, frozenset({"open"}))) is None
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_copy_that_cannot_be_finished_leaves_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"tenant_id": "acme"}\n{"tenant_id": "b"}\n')
    sifted = sift(path, of_tenant("acme", 5.0, frozenset()))
    assert sifted is not None

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sifted_lines.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        put_in_place(sifted)
    assert len(path.read_text().splitlines()) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["a.jsonl"]
