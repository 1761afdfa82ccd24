"""Fields of tools that redaction.yaml does not declare: said once each, so that somebody does."""

from __future__ import annotations

import logging
from collections.abc import Iterable

logger = logging.getLogger("observer.redaction")

_MARK = "undeclared:"
_MOST = 1000


class Undeclared:
    """Remembers what it has warned of; a server that invents names does not fill the log."""

    def __init__(self) -> None:
        self._warned: set[tuple[str, str]] = set()

    def warn(self, tool: str, rules: Iterable[str]) -> None:
        """Say which fields of a tool were dropped because nobody declared them."""
        for rule in rules:
            field = rule.removeprefix(_MARK)
            if field == rule or (tool, field) in self._warned or len(self._warned) >= _MOST:
                continue
            self._warned.add((tool, field))
            logger.warning("redaction.yaml does not declare %s of %s: it is dropped", field, tool)
