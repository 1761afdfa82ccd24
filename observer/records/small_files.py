"""Small files that are always whole: written beside, then put in place."""

from __future__ import annotations

import os
from pathlib import Path

from observer.records.data_dir import sync_directory


def put_in_place(path: Path, data: bytes, *, durable: bool) -> None:
    """Replace a file as a whole, for its owner's eyes only; `durable` outlives a power cut.

    Raises:
        OSError: it could not be written; the old one stands.
    """
    beside = path.with_name(f".{path.name}.new")
    descriptor = os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(descriptor)
    beside.replace(path)
    if durable:
        sync_directory(path.parent)
