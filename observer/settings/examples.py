"""The configuration directories that come with the program, to start from."""

from __future__ import annotations

import shutil
from pathlib import Path

from observer.errors import ConfigurationError

_EXAMPLES = Path(__file__).parents[1] / "examples"


def write_example(name: str, directory: Path) -> list[str]:
    """Write the example of this name to a new or empty directory; returns the names of its files.

    A file that the example has no own form of is the lab's.

    Raises:
        ConfigurationError: the directory holds something already, or cannot be written.
    """
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise ConfigurationError(f"{directory}: is not empty; choose another directory")
        for source in dict.fromkeys(("lab", name)):
            shutil.copytree(
                _EXAMPLES / source, directory, dirs_exist_ok=True, copy_function=shutil.copyfile
            )
    except OSError as error:
        raise ConfigurationError(f"{directory}: cannot be written: {error.strerror}") from None
    files = (path for path in directory.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(directory)) for path in files)
