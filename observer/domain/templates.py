"""Texts with `{{ }}` from the configuration: compiled once, in a sandbox, nothing undefined."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta
from jinja2.sandbox import SandboxedEnvironment

# What is filled in goes to a chat, a ticket or a model, never into a page.
_ENVIRONMENT = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Template:
    return _ENVIRONMENT.from_string(text)


def fill(text: str, words: Mapping[str, Any]) -> str:
    """The text with its words filled in.

    Raises:
        jinja2.UndefinedError: the text asks for a word that is not given.
    """
    return _compiled(text).render(words)


def problem_with(text: str, words: Collection[str]) -> str | None:
    """What would go wrong with a text that is given only these words; None for nothing."""
    try:
        asked = meta.find_undeclared_variables(_ENVIRONMENT.parse(text))
    except TemplateSyntaxError as error:
        return f"not a template: {error.message}"
    unknown = sorted(asked - set(words))
    return did_you_mean(unknown[0], words) if unknown else None


def did_you_mean(word: str, words: Collection[str]) -> str:
    """An unknown word, with the one that was probably meant, or all there are."""
    near = difflib.get_close_matches(word, words, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(sorted(words))}"
    return f"unknown word '{word}'; {hint}"
