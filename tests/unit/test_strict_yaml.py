"""YAML without surprises: bombs, tags and duplicates are refused, words stay words, lines count."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.errors import ConfigurationError
from observer.settings.strict_yaml import Document, load

BOMB = 'a: &a ["lol","lol"]\n' + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("yaml")


def read(folder: Path, text: str) -> Document:
    path = folder / "file.yaml"
    path.write_bytes(text.encode())
    return load(path)


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("a: &x 1\nb: *x\n", 2, "aliases"),
        ("a: 1\n\nb:\n  c: 1\n  c: 2\n", 5, "c: written twice"),
        ("a: 1\n'a': 2\n", 2, "a: written twice"),
        ("1: a\n'1': b\n", 2, "1: written twice"),
        ("a: !!python/object/apply:os.system ls\n", 1, "tags"),
        ("a: 1\nb: !!python/object:os.x {c: 1}\n", 2, "tags"),
        ("a: !mine 1\n", 1, "tags"),
        ("a: !!set {x: null}\n", 1, "tags"),
        ("a: !!binary aGVsbG8=\n", 1, "tags"),
        ("a: !!str 1\n", 1, "tags"),
        ("\n[1]: 2\n", 2, "a key must be a word"),
        ("a: 1\nb: [1,\n", 3, "not YAML"),
        ("a: 1\nb: 'x\n", 3, "not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML"),
        ("a: 1\n\tb: 2\n", 2, "not YAML"),
        ("a: 1\nb: " + "[" * 100, 2, "nested deeper"),
    ],
)
def test_a_surprise_is_refused_with_its_line(
    folder: Path, text: str, line: int, complaint: str
) -> None:
    """Case 73."""
    with pytest.raises(ConfigurationError) as refusal:
        read(folder, text)
    assert str(refusal.value).startswith(f"{folder / 'file.yaml'}:{line}: ")
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "a: " + "[" * 200_000,
        "{a: " * 200_000,
        "a: !!python/object/apply:time.sleep [9]\n" * 1000,
        "k: 1\n" * 2,
        "<<: *a\n" * 1000,
    ],
    ids=["aliases", "sequences", "mappings", "tags", "duplicates", "merges"],
)
def test_a_bomb_is_refused_in_no_time(folder: Path, text: str) -> None:
    """Case 73."""
    path = folder / "file.yaml"
    path.write_text(text)
    started = time.thread_time()
    with pytest.raises(ConfigurationError):
        load(path)
    assert time.thread_time() - started < 0.1


def test_a_file_of_megabytes_is_refused_unread(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="larger than"):
        read(folder, "#" * (5 << 20))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("NO", "NO"),
        ("True", "True"),
        ("12:30:45", "12:30:45"),
        ("2026-04-08", "2026-04-08"),
        ("0x1F", "0x1F"),
        ("017", "017"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("5m", "5m"),
        ("1.2.3", "1.2.3"),
        ("'7'", "7"),
        ('"true"', "true"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-17", -17),
        ("+3", 3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("-2.5e-3", -0.0025),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_only_true_false_null_and_plain_numbers_are_more_than_text(
    folder: Path, text: str, value: Any
) -> None:
    read_back = read(folder, f"key: {text}\n").value["key"]
    assert read_back == value
    assert type(read_back) is type(value)


def test_a_block_of_text_stays_text(folder: Path) -> None:
    assert read(folder, "key: |\n  12\nother: >-\n  true\n").value == {
        "key": "12\n",
        "other": "true",
    }


def test_every_key_and_item_knows_its_line(folder: Path) -> None:
    document = read(
        folder,
        "# a comment\na:\n  b: 1\n  list:\n    - x: 1\n      y: 2\n    - {x: 3,\n       y: 4}\n",
    )
    expected = {
        ("a",): 2,
        ("a", "b"): 3,
        ("a", "list"): 4,
        ("a", "list", 0): 5,
        ("a", "list", 0, "x"): 5,
        ("a", "list", 0, "y"): 6,
        ("a", "list", 1, "x"): 7,
        ("a", "list", 1, "y"): 8,
    }
    assert {at: document.line(at) for at in expected} == expected


def test_a_missing_key_is_reported_at_the_nearest_key_above_it(folder: Path) -> None:
    document = read(folder, "a:\n  b:\n    c: 1\n")
    assert document.complain(("a", "b", "gone", 7), "missing").endswith(
        "file.yaml:2: a.b.gone.7: missing"
    )
    assert document.complain((), "bad").endswith("file.yaml:1: (top level): bad")


@pytest.mark.parametrize("content", [b"a: \xff\n", b"a: \x00\n", b"a: \x1b[2J\n", b"\xfe\xff\x00a"])
def test_bytes_that_are_no_text_are_refused(folder: Path, content: bytes) -> None:
    path = folder / "bytes.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"bytes\.yaml"):
        load(path)


def test_a_file_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.yaml: cannot be read"):
        load(folder / "gone.yaml")


def test_an_empty_file_has_no_value(folder: Path) -> None:
    assert read(folder, "# nothing\n").value is None


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused_and_never_crash(folder: Path, content: bytes) -> None:
    path = folder / "any.yaml"
    path.write_bytes(content)
    try:
        load(path)
    except ConfigurationError as error:
        assert "any.yaml" in str(error)
