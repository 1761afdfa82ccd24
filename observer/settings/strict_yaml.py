"""YAML without surprises: no aliases, no tags, no duplicate keys, `no` is a word; lines are kept.

`yaml.safe_load` accepts alias bombs and silent duplicates and reads `no` as False; a
configuration that decides what may be restarted must not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from observer.errors import ConfigurationError

Location = tuple[str | int, ...]
_SIZE_LIMIT = 4 << 20
_DEPTH_LIMIT = 64
_INTEGER = re.compile(r"^[-+]?(0|[1-9][0-9]{0,17})$")
_NUMBER = re.compile(r"^[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$")
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True)
class Document:
    """A parsed file: its value, and the line of every key."""

    path: Path
    value: Any
    lines: dict[Location, int]

    def line(self, location: Sequence[str | int]) -> int:
        """The line (from 1) of a key, or of the nearest key above it."""
        for end in range(len(location), -1, -1):
            if (line := self.lines.get(tuple(location[:end]))) is not None:
                return line
        return 1

    def complain(self, location: Sequence[str | int], message: str) -> str:
        """One line of an error report: file, line, key, and what is wrong."""
        key = ".".join(map(str, location)) or "(top level)"
        return f"{self.path}:{self.line(location)}: {key}: {message}"


def load(path: Path) -> Document:
    """Read one YAML file.

    Raises:
        ConfigurationError: it cannot be read, or is not plain YAML.
    """
    try:
        if path.stat().st_size > _SIZE_LIMIT:
            raise ConfigurationError(f"{path}: larger than {_SIZE_LIMIT} bytes")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    return parse(path, text)


def parse(path: Path, text: str) -> Document:
    """Read a text as the file of this name.

    Raises:
        ConfigurationError: it is not plain YAML.
    """
    try:
        _refuse_surprises(path, text)
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark is not None else f"{path}"
        what = getattr(error, "problem", None) or error
        raise ConfigurationError(f"{where}: not YAML: {what}") from error
    lines: dict[Location, int] = {(): 1}
    value = None if root is None else _construct(path, root, (), lines)
    return Document(path, value, lines)


def _refuse_surprises(path: Path, text: str) -> None:
    depth = 0
    for token in yaml.parse(text, Loader=yaml.CSafeLoader):
        where = f"{path}:{token.start_mark.line + 1}"
        if isinstance(token, yaml.AliasEvent):
            raise ConfigurationError(f"{where}: aliases (*name) are not allowed; write it out")
        if (tag := getattr(token, "tag", None)) is not None:
            raise ConfigurationError(f"{where}: tags ({tag}) are not allowed")
        if isinstance(token, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEPTH_LIMIT:
                raise ConfigurationError(f"{where}: nested deeper than {_DEPTH_LIMIT}")
        elif isinstance(token, yaml.CollectionEndEvent):
            depth -= 1


def _construct(path: Path, node: Any, at: Location, lines: dict[Location, int]) -> Any:
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigurationError(f"{path}:{line}: a key must be a word")
            key = str(key_node.value)
            if key in mapping:
                raise ConfigurationError(f"{path}:{line}: {key}: written twice")
            lines[(*at, key)] = line
            mapping[key] = _construct(path, value_node, (*at, key), lines)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_construct(path, item, (*at, i), lines) for i, item in enumerate(node.value)]
    return node.value if node.style in ("'", '"', "|", ">") else _plain(node.value)


def _plain(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        return int(text)
    if _NUMBER.match(text) and math.isfinite(number := float(text)):
        return number
    return text
