"""What the process prints passes the redactor, the texts of exceptions too, and is only read."""

from __future__ import annotations

import logging

from observer.domain.printable import printable
from observer.domain.redaction import Redactor

_PLAIN = logging.Formatter()
_PRINT_FOR_THEMSELVES = ("dbos",)
"""Logs that get a handler of their own later, and hand nothing on to the others."""


class CleanLogs(logging.Filter):
    """Cleans each record that a handler is about to print."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: nothing is left out but what must not be said."""
        if isinstance(record.msg, str):
            record.msg = self._clean(record.getMessage())
            record.args = ()
        else:
            # Of a logger whose formatter takes fields.
            record.msg = self._redactor.value(record.msg)
        if record.exc_info:
            record.exc_text = self._clean(_PLAIN.formatException(record.exc_info), lines=True)
            record.exc_info = None
        return True

    def _clean(self, text: str, *, lines: bool = False) -> str:
        # Once more at the end: an escape sequence in the middle of a secret hides it at first.
        return self._redactor.text(printable(self._redactor.text(text), lines=lines))


def clean_logs(redactor: Redactor) -> None:
    """Let everything that is printed pass it; what an earlier call set is replaced."""
    for place in (*_handlers(), *map(logging.getLogger, _PRINT_FOR_THEMSELVES)):
        for earlier in [f for f in place.filters if isinstance(f, CleanLogs)]:
            place.removeFilter(earlier)
        place.addFilter(CleanLogs(redactor))


def _handlers() -> set[logging.Handler]:
    named = [logging.getLogger(name) for name in list(logging.Logger.manager.loggerDict)]
    handlers = {handler for logger in (logging.root, *named) for handler in logger.handlers}
    last = logging.lastResort
    return handlers | ({last} if last is not None else set())
