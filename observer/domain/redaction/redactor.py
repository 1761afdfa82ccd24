"""The one entry: what is held, what keys say, and what free text shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any, cast

from observer.domain.redaction import keys
from observer.domain.redaction.fields import ALWAYS_KEPT, FieldPolicy, Treated
from observer.domain.redaction.held import Held
from observer.domain.redaction.matching import MASK_BEGINS
from observer.domain.redaction.spread import KEY_RULE, SpreadKey, command, holds_key
from observer.domain.redaction.text import text_rules

MASK = f"{MASK_BEGINS}held]"
"""What stands where a secret of this process stood."""

_LONGEST_REMEMBERED = 4096
_REMEMBERED = 2048
_LONGEST_LABELLED = 200
_ACTORS = ("by", "who")
"""Keys of ours for who decided: an audit asks for exactly that."""

_NAMES = ("name", "parameter", "key")
_VALUES = ("value", "old", "new")

_SHORTEST_NUMBER = 10**9
"""Below it no number is long enough for a card, an account or a telephone."""


@dataclass(frozen=True)
class Redacted:
    """A value without what must not be kept, and the names of the rules that took it out."""

    value: Any
    rules: list[str]


class Redactor:
    """Takes out what must be written nowhere: by exact value, by key name and by text rules.

    Of tools' arguments and results `fields` takes out what nobody declared to be kept; without it
    no tool is judged. What an audit needs stays: ids, idempotency keys, hashes, times, figures,
    hosts and ports.
    """

    def __init__(
        self,
        secrets: Iterable[str],
        *,
        ip_addresses: bool = False,
        fields: FieldPolicy | None = None,
    ) -> None:
        self._fields = fields
        self._held = Held(secrets)
        self._rules = text_rules(ip_addresses=ip_addresses)
        # One alert's words pass here again and again on their way.
        self._remembered = lru_cache(_REMEMBERED)(self._cleaned)
        self._label = lru_cache(_REMEMBERED)(self._asks_about)

    def text(self, value: str) -> str:
        """The text, cleaned."""
        return self._clean(value)[0]

    def value(self, value: Any) -> Any:
        """The same, at any depth of a JSON value."""
        return self._walked(value, [])

    def note(self, value: Any) -> Redacted:
        """The same, with the names of the rules that fired, each once."""
        fired: list[str] = []
        clean = self._walked(value, fired)
        return Redacted(clean, list(dict.fromkeys(fired)))

    def arguments(self, tool: str, args: Mapping[str, Any]) -> Redacted:
        """What may be written down of a call's arguments."""
        return self._judged(args, self._fields and self._fields.arguments(tool, args))

    def result(self, tool: str, payload: Any) -> Redacted:
        """What may be written down of an answer."""
        if payload is None:
            return Redacted(None, [])
        return self._judged(payload, self._fields and self._fields.result(tool, payload))

    def _judged(self, value: Any, treated: Treated | None) -> Redacted:
        if treated is None:
            return self.note(value)
        noted = self.note(treated.value)
        undeclared = [self.text(name) for name in treated.undeclared]
        rules = [self.text(rule) for rule in treated.rules]
        rules += [f"undeclared:{name}" for name in undeclared]
        return Redacted(noted.value, rules + noted.rules)

    def _clean(self, text: str) -> tuple[str, list[str]]:
        if len(text) > _LONGEST_REMEMBERED:
            return self._cleaned(text)
        return self._remembered(text)

    def _cleaned(self, text: str) -> tuple[str, list[str]]:
        without = self._held.masked(text, MASK)
        held = [] if without is text else ["held"]
        clean, fired = self._rules.clean(without)
        return clean, held + fired

    def _walked(self, value: Any, fired: list[str]) -> Any:
        if isinstance(value, str):
            clean, rules = self._clean(value)
            fired += rules
            return clean
        if isinstance(value, dict):
            return self._mapping(cast("dict[Any, Any]", value), fired)
        if isinstance(value, (list, tuple)):
            return self._listed(list(cast("list[Any]", value)), fired)
        return value

    def _mapping(self, items: dict[Any, Any], fired: list[str]) -> dict[Any, Any]:
        told = _named_beside(items)
        clean: dict[Any, Any] = {}
        for key, item in items.items():
            if told is not None and key in _VALUES and not _says_nothing(item, told):
                fired.append(told)
                left: Any = f"{MASK_BEGINS}{told}]"
            else:
                left = self._under(key, item, fired)
            clean[_free(self._key(key, fired), clean)] = left
        return clean

    def _listed(self, items: list[Any], fired: list[str]) -> list[Any]:
        if holds_key(items):
            key = SpreadKey()
            without = [key.without(item) for item in items]
            if without != items:
                fired.append(KEY_RULE)
            items = without
        clean = [self._walked(item, fired) for item in items]
        if not all(isinstance(item, str) for item in clean):
            return clean
        words, rules = command(cast("list[str]", clean), self._rules)
        fired += rules
        return list(words)

    def _number(self, value: int, label: str, fired: list[str]) -> Any:
        """A card's or a telephone's number is one without quotes, too."""
        told = f"{label}{value}"
        clean, rules = self._clean(told)
        fired += rules
        return value if clean == told else clean.removeprefix(label)

    def _key(self, key: Any, fired: list[str]) -> Any:
        return self._walked(key, fired) if isinstance(key, str) else key

    def _under(self, key: Any, item: Any, fired: list[str]) -> Any:
        rule = keys.about(key) if isinstance(key, str) else None
        if rule is not None and not _says_nothing(item, rule):
            fired.append(rule)
            return f"{MASK_BEGINS}{rule}]"
        if key == ALWAYS_KEPT and isinstance(item, str):
            return self._held.masked(item, MASK)
        if isinstance(item, str) and isinstance(key, str):
            return self._labelled(key, item, fired)
        if isinstance(item, int) and item >= _SHORTEST_NUMBER:
            return self._number(item, f"{key}: ", fired)
        return self._walked(item, fired)

    def _asks_about(self, key: str) -> bool:
        return self._rules.asks_about(key)

    def _labelled(self, key: str, item: str, fired: list[str]) -> str:
        """A value whose key, written before it, makes a rule fire that the value alone does not."""
        if item.isdigit() and self._clean(f"{key}: {item}")[0] == f"{key}: {item}":
            # By its digits alone it might be a card's or a telephone's; its key knows better.
            return item
        clean = self._walked(item, fired)
        plain = key in _ACTORS or len(item) > _LONGEST_LABELLED
        if clean != item or plain or not self._label(key):
            return clean
        told, rules = self._clean(f"{key}: {item}")
        before = f"{key}: "
        if rules and told.startswith(before):
            fired += rules
            return told[len(before) :]
        return clean


def _named_beside(items: dict[Any, Any]) -> str | None:
    """The rule of a secret's name that stands beside its value, as a setting's or a variable's."""
    for name in map(items.get, _NAMES):
        if not isinstance(name, str) or len(name) > _LONGEST_LABELLED:
            continue
        if keys.about(name) == "key-name":
            return "key-name"
    return None


def _free(key: Any, taken: dict[Any, Any]) -> Any:
    """The key, with a number behind it where another one became the same."""
    if key not in taken:
        return key
    return next(free for n in count(2) if (free := f"{key} {n}") not in taken)


def _says_nothing(item: Any, rule: str) -> bool:
    if item is None or item == "" or isinstance(item, bool):
        return True
    if isinstance(item, str) and item.startswith(MASK_BEGINS) and item.endswith("]"):
        return True
    return rule == "personal" and not isinstance(item, (str, int))
