"""Rows as CSV, for a file or for stdout."""

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from observer.cli.output_file import writing
from observer.cli.render import inert

STDOUT = Path("-")


def write_csv(file: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """The rows below the names of the columns, which stand there without a row, too.

    The same rows always give the same bytes; no cell is a formula to a spreadsheet.
    """
    with nullcontext(sys.stdout) if file == STDOUT else writing(file) as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([cell(row[name]) for name in columns] for row in rows)


def cell(value: object) -> object:
    """Text that begins like a formula gets an apostrophe before it."""
    if not isinstance(value, str):
        return value
    text = inert(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
