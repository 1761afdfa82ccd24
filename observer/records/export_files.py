"""Exported rows as files that are always whole: written beside, then put in place."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import IO, Any

from observer.errors import ConfigurationError, DataDirUnusable
from observer.records.data_dir import sync_directory
from observer.records.export import COLUMNS, Form, Row, What

_ROWS_OF_A_GROUP = 10_000
MORE = "more"
"""Parquet's column for what a row has beyond the columns, as JSON."""


class Format(StrEnum):
    """How rows are written."""

    JSONL = "jsonl"
    PARQUET = "parquet"


def refuse_without_extra(form: Format) -> None:
    """Say what is not installed before anything is read.

    Raises:
        ConfigurationError: Parquet is not there.
    """
    if form is Format.PARQUET:
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise ConfigurationError(
                "Parquet needs the extra `archive`: pip install 'pipeline-observer[archive]'"
            ) from None


def write_rows(path: Path, what: What, rows: Iterator[Row], form: Format) -> int:
    """Write a file for its owner's eyes only; returns how many rows it has.

    Raises:
        DataDirUnusable: it could not be written; a file that was there stands.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _in_place(path) as file:
            return _FORMATS[form](file, what, rows)
    except OSError as error:
        raise DataDirUnusable(f"{path}: cannot be written: {error.strerror or error}") from error


@contextmanager
def _in_place(path: Path) -> Iterator[IO[bytes]]:
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def _jsonl(file: IO[bytes], what: What, rows: Iterator[Row]) -> int:
    count = 0
    for row in rows:
        file.write(json.dumps(row, default=str).encode() + b"\n")
        count += 1
    return count


def _parquet(file: IO[bytes], what: What, rows: Iterator[Row]) -> int:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    types = {Form.INTEGER: pa.int64(), Form.NUMBER: pa.float64()}
    columns = {**COLUMNS[what], MORE: Form.JSON}
    schema = pa.schema([(name, types.get(form, pa.string())) for name, form in columns.items()])
    count = 0
    with ParquetWriter(file, schema, compression="zstd") as writer:
        while group := [_flat(row, columns) for row in islice(rows, _ROWS_OF_A_GROUP)]:
            writer.write_table(pa.Table.from_pylist(group, schema))
            count += len(group)
    return count


_FORMATS = {Format.JSONL: _jsonl, Format.PARQUET: _parquet}


def _flat(row: Row, columns: dict[str, Form]) -> Row:
    more = {name: value for name, value in row.items() if name not in columns}
    told = {**row, MORE: more or None}
    return {name: _cell(told.get(name), form) for name, form in columns.items()}


def _cell(value: Any, form: Form) -> Any:
    if value is None:
        return None
    if form is Form.JSON:
        return json.dumps(value, default=str)
    return value if form is not Form.TEXT or isinstance(value, str) else json.dumps(value)
