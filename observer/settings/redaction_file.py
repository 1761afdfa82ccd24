"""redaction.yaml: which variables are secrets, and what is kept of each tool's fields, and why."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from observer.domain.redaction import FieldPolicy, Treatment
from observer.domain.runbook import Data
from observer.settings.strict_yaml import Document

Why = Annotated[str, Field(min_length=3, max_length=300)]
Path = Annotated[str, Field(pattern=r"^(?:\*|[^.*\s]+)(?:\.(?:\*|[^.*\s]+))*$", max_length=200)]
"""Keys with dots between them; `*` is any one key."""


class FieldRule(Data):
    """What becomes of a field: exactly one of the three, with its reason."""

    keep: Why | None = None
    hash: Why | None = None
    drop: Why | None = None

    @model_validator(mode="after")
    def _one(self) -> FieldRule:
        if sum(why is not None for why in (self.keep, self.hash, self.drop)) != 1:
            raise ValueError("write one of keep, hash and drop, each with its reason")
        return self

    @property
    def treatment(self) -> Treatment:
        """The one that is written."""
        if self.keep is not None:
            return Treatment.KEEP
        return Treatment.HASH if self.hash is not None else Treatment.DROP


class ToolFields(Data):
    """The fields of one tool."""

    arguments: dict[Path, FieldRule] = Field(default_factory=dict[str, FieldRule])
    result: dict[Path, FieldRule] = Field(default_factory=dict[str, FieldRule])


class RedactionFile(Data):
    """redaction.yaml."""

    secrets_from_environment: list[str] = Field(default_factory=list)
    ip_addresses: Literal["keep", "mask"] = "keep"
    tools: dict[str, ToolFields] = Field(default_factory=dict[str, ToolFields])

    def policy(self, salt: bytes) -> FieldPolicy:
        """What is kept of each field; hashes are made with the salt."""
        return FieldPolicy(
            {tool: _treatments(told.arguments) for tool, told in self.tools.items()},
            {tool: _treatments(told.result) for tool, told in self.tools.items()},
            salt,
        )


def misspelt(file: RedactionFile, document: Document, actions: Collection[str]) -> Iterable[str]:
    """Tools that autonomy.yaml does not know, where one that it does know was likely meant."""
    lacking = [action for action in actions if action not in file.tools]
    for tool in file.tools:
        if tool in actions:
            continue
        for near in difflib.get_close_matches(tool, lacking, 1, cutoff=0.8):
            yield document.complain(
                ("tools", tool), f"autonomy.yaml has no such action; did you mean '{near}'?"
            )


def _treatments(fields: dict[str, FieldRule]) -> dict[str, Treatment]:
    return {path: rule.treatment for path, rule in fields.items()}
