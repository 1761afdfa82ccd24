"""OBSERVER_JOURNAL_KEY: the secret keys of the journal's chain, from the environment alone."""

from __future__ import annotations

import os

from observer.errors import ConfigurationError

JOURNAL_KEY = "OBSERVER_JOURNAL_KEY"
_SHORTEST_KEY = 16


def journal_keys() -> tuple[str, ...]:
    """The keys, the newest first; none where the variable is not set.

    Raises:
        ConfigurationError: a key is too short to be one.
    """
    keys = [key.strip() for key in os.environ.get(JOURNAL_KEY, "").split(",")]
    if short := sum(0 < len(key) < _SHORTEST_KEY for key in keys):
        raise ConfigurationError(
            f"{JOURNAL_KEY}: {short} of its keys are shorter than {_SHORTEST_KEY} characters;"
            " `openssl rand -hex 32` makes a good one"
        )
    return tuple(key for key in keys if key)
