"""The journal's optional keys: with one, nobody who merely writes the files can forge the chain."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

_ID_TEXT = b"pipeline-observer journal key"
_ID_LENGTH = 8


class Keyring:
    """Keys by the id that stands in each line, the newest first; without any, plain SHA-256."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._keys = {_id_of(key.encode()): key.encode() for key in keys}
        self._ages = {key_id: age for age, key_id in enumerate(self._keys)}

    @property
    def current(self) -> str | None:
        """The id of the key that new lines are chained with."""
        return next(iter(self._keys), None)

    def age(self, key_id: object) -> int | None:
        """0 for the newest key, more for older ones, most for none; None for an unknown key."""
        if key_id is None:
            return len(self._keys)
        return self._ages.get(key_id) if isinstance(key_id, str) else None

    def digest(self, text: bytes, key_id: str | None) -> str:
        """The hash of a text under a key, or under none, in hexadecimal digits.

        Raises:
            KeyError: there is no such key.
        """
        if key_id is None:
            return hashlib.sha256(text).hexdigest()
        return hmac.digest(self._keys[key_id], text, "sha256").hex()


WITHOUT_KEY = Keyring()


def _id_of(key: bytes) -> str:
    """Names a key without telling it, so that a wrong one can be called so."""
    return hmac.digest(key, _ID_TEXT, "sha256").hex()[:_ID_LENGTH]
