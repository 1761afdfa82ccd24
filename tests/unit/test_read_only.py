"""Records that another process, or nobody, has open."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from observer.records.data_dir import DataDir
from observer.records.read_only import reading
from observer.records.spans import store
from tests.synthetic_spans import a_span, records


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stopped observer's records in a directory that is not to be written to."""
    with closing(records(tmp_path / "observer.db")) as database:
        store(database, [a_span()])
    assert [file.name for file in tmp_path.iterdir()] == ["observer.db"]
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (tmp_path, os.W_OK))
    return tmp_path


def test_a_copy_that_cannot_be_written_to_is_read_without_a_file_beside_it(copy: Path) -> None:
    with reading(DataDir(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM spans").fetchone()[0] == 1
        assert [file.name for file in copy.iterdir()] == ["observer.db"]


def test_what_a_writer_has_not_moved_into_the_file_yet_is_read_too(copy: Path) -> None:
    with closing(records(copy / "observer.db")) as writer:
        store(writer, [a_span(span_id="s-2")])
        with reading(DataDir(copy)) as connection:
            assert connection.execute("SELECT count(*) FROM spans").fetchone()[0] == 2
