"""What the process prints, whoever prints it and whenever its handler was made."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from observer.domain.redaction import Redactor
from observer.gateway.logs import clean_logs

SECRET = "S3cretPw9-of-the-queue"


@pytest.fixture
def queues_log() -> Iterator[logging.Logger]:
    log = logging.getLogger("dbos")
    before = (log.handlers[:], log.filters[:], log.propagate, log.level)
    log.handlers, log.filters = [], []
    yield log
    log.handlers, log.filters, log.propagate, _ = before
    log.setLevel(before[3])


def test_what_the_queue_prints_by_a_handler_made_later_is_cleaned(
    queues_log: logging.Logger,
) -> None:
    clean_logs(Redactor([SECRET]))
    printed = io.StringIO()
    queues_log.addHandler(logging.StreamHandler(printed))
    queues_log.propagate = False
    queues_log.warning("cannot run %s", {"password": SECRET})
    try:
        raise ValueError(f"cannot reach it with {SECRET}")
    except ValueError:
        queues_log.exception("failed")
    assert "cannot run" in printed.getvalue() and "ValueError" in printed.getvalue()
    assert SECRET not in printed.getvalue()


def test_what_an_outsider_says_neither_steers_the_terminal_nor_forges_a_line_of_the_log() -> None:
    log = logging.getLogger("test.of.what.is.printed")
    log.propagate = False
    printed = io.StringIO()
    log.addHandler(logging.StreamHandler(printed))
    said = "too \x1b[31mold\x1b]0;pwned\x07\u202e\n2026-11-22 observer.watch all is well"
    try:
        clean_logs(Redactor([]))
        log.warning("3 spans are not mirrored: %s", said)
        try:
            raise ValueError(said)
        except ValueError:
            log.exception("failed")
    finally:
        log.handlers.clear()
    lines = printed.getvalue().splitlines()
    assert lines[0] == "3 spans are not mirrored: too old 2026-11-22 observer.watch all is well"
    assert lines[1:3] == ["failed", "Traceback (most recent call last):"]
    assert not set("\x1b\x07\u202e") & set(printed.getvalue())


def test_an_escape_sequence_within_a_secret_does_not_carry_it_into_the_log() -> None:
    log = logging.getLogger("test.of.split.secrets")
    log.propagate = False
    printed = io.StringIO()
    log.addHandler(logging.StreamHandler(printed))
    try:
        clean_logs(Redactor([SECRET]))
        log.warning("refused: %s", f"{SECRET[:6]}\x1b[0m{SECRET[6:]}")
    finally:
        log.handlers.clear()
    assert printed.getvalue().startswith("refused: [redacted")
    assert SECRET not in printed.getvalue()
