"""The end of a file of lines is found however long they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from observer.records import jsonl
from observer.records.jsonl import cut_off_torn_line, last_line, watermark


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(jsonl, "_CHUNK_BYTES", 64)
    return tmp_path / "lines.jsonl"


LENGTHS = [0, 1, 30, 62, 63, 64, 65, 127, 128, 129, 1000]


def line(row: int, length: int) -> str:
    return json.dumps({"row": row, "text": "é" * length}, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("length", LENGTHS)
def test_the_last_line_is_read_whole_however_long_it_is(file: Path, length: int) -> None:
    file.write_text(line(1, 5) + line(2, length), encoding="utf-8")
    assert last_line(file, {"row": int}) == json.loads(line(2, length))
    assert watermark(file.parent, "row") == 2


@pytest.mark.parametrize("length", LENGTHS)
def test_a_torn_line_goes_whole_and_nothing_before_it(file: Path, length: int) -> None:
    whole = line(1, 5) + line(2, length)
    file.write_text(whole + "x" * (length + 1), encoding="utf-8")
    assert cut_off_torn_line(file) == length + 1
    assert file.read_text(encoding="utf-8") == whole
    assert cut_off_torn_line(file) == 0


@pytest.mark.parametrize("torn", ["", "x" * 200])
def test_a_file_without_a_whole_line_has_none(file: Path, torn: str) -> None:
    file.write_text(torn)
    assert cut_off_torn_line(file) == len(torn)
    assert last_line(file, {"row": int}) is None
