"""supervisord's configuration files, with what they include: read, joined, nothing started."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from observer.domain.draft.supervisor import Supervised, supervised
from observer.domain.draft.supervisor_ini import PLACEHOLDER, Sections, Setting, expand, join, parse
from observer.errors import ConfigurationError

_SIZE_LIMIT = 1 << 20
_MOST_FILES = 1000


@dataclass
class SupervisorFiles:
    """What several files say: one supervisord for each that has a [supervisord] section."""

    supervisors: list[Supervised] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def read_supervisors(paths: Sequence[Path]) -> SupervisorFiles:
    """Read files of one or several supervisords.

    A file without a [supervisord] section belongs to the last one before it that has one, as if
    that included it; without any, all of them are one supervisord's. A file that another one
    includes is read there only.

    Raises:
        ConfigurationError: with file, line and what to write instead.
    """
    found = SupervisorFiles()
    given = {_place(path): (path, _read(path)) for path in paths}
    parts: dict[Path, list[Sections]] = {}
    seen: set[Path] = set()
    for place in sorted(given, key=lambda place: "include" not in given[place][1]):
        if place not in seen:
            path, sections = given[place]
            parts[place] = list(_with_included(path, sections, seen, found))
    configurations: list[list[Sections]] = []
    main_read = False
    for files in (parts[place] for place in given if place in parts):
        is_main = any("supervisord" in sections for sections in files)
        if not configurations or (is_main and main_read):
            configurations.append([])
        configurations[-1] += files
        main_read = main_read or is_main
    for number, files in enumerate(configurations, start=1):
        found.supervisors.append(supervised(join(files), number))
    if not any(one.processes for one in found.supervisors):
        raise ConfigurationError(
            f"{paths[0]}:1: there is no program in it or in what it includes; name files with"
            " [program:NAME] sections"
        )
    return found


def _with_included(
    path: Path, sections: Sections, seen: set[Path], found: SupervisorFiles
) -> Iterator[Sections]:
    _note(path, seen, found)
    yield sections
    include = sections.get("include")
    if include is None:
        return
    files = include.settings.get("files")
    if files is None:
        raise ConfigurationError(
            f"{include.file}:{include.line}: [include] names no files; write files = conf.d/*.conf"
        )
    for pattern in expand(files, {}).split():
        yield from _matching(path, pattern, files, seen, found)


def _matching(
    path: Path, pattern: str, setting: Setting, seen: set[Path], found: SupervisorFiles
) -> Iterator[Sections]:
    where = f"{setting.file}:{setting.line}"
    if PLACEHOLDER.search(pattern):
        found.remarks.append(
            f"{where} includes {pattern}, which only supervisord can complete: name these files too"
        )
        return
    # Not Path.glob: a pattern may be absolute, and ** means to supervisord what it means here.
    names = sorted(glob.glob(os.path.join(path.parent, pattern)))  # noqa: PTH118, PTH207
    if not names:
        found.remarks.append(f"{where} includes {pattern}, and no file is called so: is it here?")
    for name in names:
        _note(Path(name), seen, found)
        yield _read(Path(name))


def _note(path: Path, seen: set[Path], found: SupervisorFiles) -> None:
    seen.add(_place(path))
    if str(path) not in found.read:
        found.read.append(str(path))
    if len(seen) > _MOST_FILES:
        raise ConfigurationError(f"{path}:1: over {_MOST_FILES} files; draft them in parts")


def _place(path: Path) -> Path:
    """The file itself, by whatever name; unlike Path.resolve it takes links in a circle."""
    return Path(os.path.realpath(path))


def _read(path: Path) -> Sections:
    try:
        with path.open("rb") as file:  # bounded by what is read: a pipe or device has no size
            content = file.read(_SIZE_LIMIT + 1)
        if len(content) > _SIZE_LIMIT:
            raise ConfigurationError(f"{path}:1: larger than {_SIZE_LIMIT} bytes; is it the file?")
        text = content.decode().replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigurationError(f"{path}:{line}: is no text; save the file as UTF-8") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            f"{path}: cannot be read: {reason}; name a file of supervisord's configuration"
        ) from None
    return parse(str(path), str(path.parent.resolve()), text)
