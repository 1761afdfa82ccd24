"""Files that a command writes where it was told to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from observer.errors import ConfigurationError


@contextmanager
def writing(file: Path) -> Iterator[TextIO]:
    """The file, written anew; folders on the way are made.

    Raises:
        ConfigurationError: it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", newline="") as out:
            yield out
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written: {error.strerror or error}") from error
