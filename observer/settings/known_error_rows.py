"""Known errors as rows of known_errors.yaml, wherever they come from: one loader for all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from observer.domain.known_error import KnownError
from observer.domain.runbook import Runbook
from observer.errors import ConfigurationError
from observer.settings import strict_yaml
from observer.settings.known_errors import to_known_errors
from observer.settings.known_errors_file import KnownErrorsFile
from observer.settings.reader import explain
from observer.settings.strict_yaml import Document

Row = dict[str, Any]
FILE = "known_errors.yaml"
_STYLE = {"sort_keys": False, "width": 100}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_ -]*")


class KnownErrorRows:
    """The file's rows as they are written, and the check that every other row has to pass."""

    def __init__(
        self,
        documents: Mapping[str, Document],
        check: Callable[..., list[str]],
        runbook: Runbook,
    ) -> None:
        self.of_file = _rows(documents[FILE])
        self._documents = documents
        self._check = check
        self._runbook = runbook

    def read(self, text: str, name: str = FILE) -> list[tuple[Row, KnownError]]:
        """Rows of a text in the file's schema, checked against the other files as the file is.

        Raises:
            ConfigurationError: with one line for each thing that is wrong.
        """
        document = strict_yaml.parse(Path(name), text)
        try:
            file = KnownErrorsFile.model_validate(document.value or {})
        except ValidationError as error:
            found = explain(document, error, KnownErrorsFile)
            raise ConfigurationError("\n".join(found)) from error
        if problems := self._check({**self._documents, FILE: document}, known=file):
            raise ConfigurationError("\n".join(problems))
        return list(zip(_rows(document), to_known_errors(file, self._runbook), strict=True))


def as_file(rows: Iterable[Row]) -> str:
    """Rows as the text of a known_errors.yaml."""
    dumped = yaml.dump({"errors": list(rows)}, Dumper=_Dumper, **_STYLE)
    return str(dumped)


def _rows(document: Document) -> list[Row]:
    """As they are written, so that they can be written again."""
    return list((document.value or {}).get("errors") or [])


class _Dumper(yaml.SafeDumper):
    """Writes what the strict loader reads back as it was: no aliases, texts in quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> Any:
    style = None if _PLAIN.fullmatch(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
