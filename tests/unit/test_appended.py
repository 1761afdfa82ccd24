"""Lines of a growing file: however it is cut into pieces, they are the same lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain import appended
from observer.domain.appended import LINE_LIMIT, Line, take

PIECES = st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"a", b"\n")), max_size=12)


def read_through(pieces: list[bytes]) -> list[Line]:
    """As the reader does: what was not taken is read again with the next piece."""
    lines: list[Line] = []
    whole, offset, skipping = b"", 0, False
    for piece in pieces:
        whole += piece
        taken = take(whole[offset:], offset=offset, skipping=skipping)
        lines += taken.lines
        offset, skipping = taken.offset, taken.skipping
    return lines


@given(PIECES)
def test_lines_do_not_depend_on_when_one_looked(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    found = read_through(pieces)
    assert [line.raw for line in found] == [
        line.removesuffix(b"\r") for line in whole.split(b"\n")[:-1]
    ]
    assert all(whole.startswith(line.raw, line.offset) for line in found)


def test_a_line_that_is_too_long_is_cut_once_and_the_next_one_is_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(appended, "LINE_LIMIT", 10)
    pieces = [b"short\n", b"0123456789", b"abc", b"def", b"ghi\nnext\n"]
    assert [line.raw for line in read_through(pieces)] == [b"short", b"0123456789", b"next"]
    assert read_through([b"".join(pieces)]) == read_through(pieces)


def test_a_line_as_long_as_may_be_is_not_cut() -> None:
    whole = b"x" * LINE_LIMIT + b"\n"
    assert take(whole, offset=0, skipping=False).lines == (Line(0, whole[:-1]),)


def test_any_bytes_are_text() -> None:
    assert Line(0, b"\xff\xfe ok \x80").text == "\ufffd\ufffd ok \ufffd"
