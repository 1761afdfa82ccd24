"""Texts with `{{ }}` from the configuration: compiled once, in a sandbox, nothing undefined."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template
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
