"""Rows as CSV, for a file or for stdout."""

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from observer.cli.render import inert

STDOUT = Path("-")


def write_csv(file: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """The rows below the names of the columns, which stand there without a row, too.

    The same rows always give the same bytes; no cell is a formula to a spreadsheet.
    """
    out = sys.stdout
    if file != STDOUT:
        file.parent.mkdir(parents=True, exist_ok=True)
        out = file.open("w", encoding="utf-8", newline="")
    try:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([cell(row[name]) for name in columns] for row in rows)
    finally:
        if out is not sys.stdout:
            out.close()


def cell(value: object) -> object:
    """Text that begins like a formula gets an apostrophe before it."""
    if not isinstance(value, str):
        return value
    text = inert(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
