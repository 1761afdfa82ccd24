"""How far the journal's files go, by the records: what the files alone cannot tell."""

from __future__ import annotations

import hmac
import json
import sqlite3
from contextlib import closing
from dataclasses import replace

from observer.errors import ConfigurationError, DataDirUnusable
from observer.records.chain import Fault, Verdict, verify
from observer.records.data_dir import DataDir
from observer.records.database import Connection
from observer.records.keyring import WITHOUT_KEY, Keyring
from observer.records.read_only import address_of
from observer.settings.journal_keys import JOURNAL_KEY

_NAME = "journal anchor"


def remember(connection: Connection, seq: int, digest: str, keyring: Keyring = WITHOUT_KEY) -> None:
    """The line is in its file, and its row is forgotten in this same transaction."""
    sealed = [] if keyring.current is None else [keyring.current, _seal(seq, digest, keyring)]
    connection.execute(
        "INSERT INTO facts (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (_NAME, json.dumps([seq, digest, *sealed])),
    )


def recall(connection: Connection, keyring: Keyring = WITHOUT_KEY) -> tuple[int, str] | None:
    """The last line whose row was forgotten.

    Raises:
        ConfigurationError: it was written with a key that the keyring does not hold.
        ValueError: somebody without the key wrote it.
    """
    refuse_unknown_key(connection, keyring)
    seq, digest, key_id, seal = _stored(connection)
    if key_id is not None and not hmac.compare_digest(seal, _seal(seq, digest, keyring, key_id)):
        raise ValueError("what observer.db says of the journal's end was not written with its key")
    return None if digest is None else (seq, digest)


def refuse_unknown_key(connection: Connection, keyring: Keyring) -> None:
    """Nobody may go on with a chain, or judge it, without its key.

    Raises:
        ConfigurationError: the keyring does not hold the key that the journal's end names.
    """
    key_id = key_of(connection)
    if keyring.age(key_id) is None:
        raise ConfigurationError(
            f"the journal is chained with the key {key_id}, and {JOURNAL_KEY}"
            + (" is not set" if keyring.current is None else " holds only others")
        )


def key_of(connection: Connection) -> str | None:
    """The id of the key that the journal's end was last written with."""
    return _stored(connection)[2]


def _stored(connection: Connection) -> tuple[int, str | None, str | None, str]:
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (_NAME,)).fetchone()
    seq, digest, *sealed = (0, None) if row is None else json.loads(row[0])
    key_id, seal = sealed or (None, "")
    return seq, digest, key_id, seal


def _seal(seq: int, digest: str | None, keyring: Keyring, key_id: str | None = None) -> str:
    return keyring.digest(f"the journal's end {seq} {digest}".encode(), key_id or keyring.current)


def verify_journal(
    data_dir: DataDir, keyring: Keyring = WITHOUT_KEY, keyed_from: int | None = None
) -> Verdict:
    """Check the files against themselves and the records, also while the daemon writes.

    With `keyed_from`, all lines from that number on must be chained with a key.

    Raises:
        DataDirUnusable: there are no records to check against.
        ConfigurationError: the journal is chained with another key, or with none so far.
    """
    path = data_dir.records
    if not path.exists():
        raise DataDirUnusable(
            f"{path}: there is no such file, so nothing tells how far the journal must go"
        )
    try:
        with closing(sqlite3.connect(address_of(path), uri=True, timeout=5)) as connection:
            try:
                end = recall(connection, keyring)
            except ValueError as error:
                return Verdict(0, Fault(1, None, f"cannot be trusted: {error}"))
            if key_of(connection) != keyring.current:
                raise ConfigurationError(
                    f"the journal is not yet chained with the key {keyring.current}: was the"
                    f" observer started with this {JOURNAL_KEY}?"
                )
            # In this order a line that is written meanwhile is never taken for a forged one.
            verdict = verify(data_dir.journal, end, keyring, keyed_from)
            given = connection.execute(
                "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'journal'"
            ).fetchone()[0]
    except sqlite3.Error as error:
        raise DataDirUnusable(f"{path}: cannot be read: {error}") from error
    if verdict.fault is None and verdict.lines > given:
        fault = Fault(given + 1, None, "was never written by this observer")
        return replace(verdict, lines=given, fault=fault)
    return verdict
