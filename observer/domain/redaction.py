"""Take secrets out before anything is written: by key name, and by exact value."""

from __future__ import annotations

import re
from typing import Any, cast

MASK = "[redacted]"
_KEY_NAMES = re.compile(r"pass(word|wd)?$|secret|token|api_?key|authorization|credential", re.I)
_SHORTEST_SECRET = 6


class Redactor:
    """Masks the secrets that this process itself holds, and values under telling key names."""

    def __init__(self, secrets: list[str]) -> None:
        held = sorted({s for s in secrets if len(s) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._held = re.compile("|".join(map(re.escape, held))) if held else None

    def text(self, value: str) -> str:
        """The text without any held secret."""
        return self._held.sub(MASK, value) if self._held else value

    def value(self, value: Any) -> Any:
        """The same, at any depth of a JSON value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            items = cast("dict[str, Any]", value)
            return {
                key: MASK if _KEY_NAMES.search(key) else self.value(item)
                for key, item in items.items()
            }
        if isinstance(value, list):
            return [self.value(item) for item in cast("list[Any]", value)]
        return value
