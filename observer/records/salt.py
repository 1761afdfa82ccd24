"""The salt of a data directory: hashes made here can be compared here and guessed nowhere."""

from __future__ import annotations

import secrets

from observer.errors import DataDirUnusable
from observer.records.data_dir import DataDir
from observer.records.small_files import put_in_place

_NAME = "redaction.salt"
_LENGTH = 32


def salt_of(directory: DataDir) -> bytes:
    """The directory's salt, made where it has none.

    Raises:
        DataDirUnusable: it cannot be read or written.
    """
    path = directory.path / _NAME
    try:
        if path.exists() and len(salt := path.read_bytes()) == _LENGTH:
            return salt
        salt = secrets.token_bytes(_LENGTH)
        put_in_place(path, salt, durable=True)
    except OSError as error:
        raise DataDirUnusable(f"{path}: {error.strerror or error}") from error
    return salt
