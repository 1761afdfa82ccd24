"""Files of cases: one JSON object a line, in which a later line of an event supersedes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from observer.domain.eval_case import Case
from observer.errors import ConfigurationError


def read_rows(file: Path) -> dict[str, dict[str, Any]]:
    """The rows of a file by event key, each as its last line has it.

    Raises:
        ConfigurationError: it cannot be read, or a line is no row.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read: {error}") from None
    rows: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            rows[row["event_key"]] = row
        except (ValueError, RecursionError, KeyError, TypeError):
            raise ConfigurationError(f"{file}:{number}: is no row of candidates.jsonl") from None
    return rows


def read_cases(files: Sequence[Path]) -> tuple[list[Case], int]:
    """The labelled cases of some files, and how many rows have no label.

    Raises:
        ConfigurationError: a file cannot be read, a row is none, or nothing is labelled.
    """
    cases: list[Case] = []
    for file in files:
        for row in read_rows(file).values():
            try:
                cases.append(Case.model_validate(row))
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"])
                name = row.get("session_id")
                raise ConfigurationError(f"{file}: {name}: {where}: {first['msg']}") from None
    labelled = [case for case in cases if case.label is not None]
    if not labelled:
        raise ConfigurationError(f"{', '.join(map(str, files))}: no row has a label")
    return labelled, len(cases) - len(labelled)
