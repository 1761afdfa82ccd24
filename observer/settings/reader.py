"""Reads the files one after the other and says what is wrong with all of them at once."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError

from observer.errors import ConfigurationError
from observer.settings import strict_yaml
from observer.settings.schema import ObserverSettings

T = TypeVar("T", bound=BaseModel)

PROMPT_WORDS: dict[str, tuple[str, ...]] = {
    "classify": ("fence", "stage", "message"),
    "diagnose": (
        "fence",
        "stage",
        "severity",
        "message",
        "remedies",
        "readings",
        "tried",
        "asked",
        "observations",
        "similar",
    ),
    "mission": ("fence", "objective", "success_criteria", "figures"),
}
"""What each prompt may fill in."""


@dataclass(frozen=True)
class Prompt:
    """A prompt's template text and the hash that its spans carry."""

    path: Path
    text: str

    @property
    def version_hash(self) -> str:
        """Changes with every change of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


class Reader:
    """Reads the files one after the other and collects what is wrong with all of them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.documents: dict[str, strict_yaml.Document] = {}
        self.problems: list[str] = []

    def read(self, name: str, model: type[T]) -> T | None:
        try:
            document = strict_yaml.load(self.directory / name)
        except ConfigurationError as error:
            self.problems.append(str(error))
            return None
        self.documents[name] = document
        value = document.value if document.value is not None else {}
        if not isinstance(value, dict):
            self.problems.append(document.complain((), "must be a mapping of keys"))
            return None
        try:
            if issubclass(model, ObserverSettings):
                return model(**value)
            return model.model_validate(value)
        except ValidationError as error:
            self.problems += explain(document, error, model)
            return None
        except SettingsError as error:
            self.problems.append(f"an OBSERVER__ environment variable is no JSON: {error}")
            return None

    def prompt(self, name: str) -> Prompt:
        path = self.directory / "prompts" / f"{name}.md"
        try:
            return Prompt(path, path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(f"{path}: cannot be read: {error}")
            return Prompt(path, "")

    def raise_problems(self) -> None:
        if self.problems:
            raise ConfigurationError("\n".join(self.problems))


def explain(
    document: strict_yaml.Document, error: ValidationError, model: type[BaseModel]
) -> Iterable[str]:
    """Every problem of a file, each with its line and key."""
    for problem in error.errors():
        location = [part for part in problem["loc"] if part != "[key]"]
        message = problem["msg"]
        if problem["type"] == "extra_forbidden":
            allowed = _siblings(model, location)
            near = difflib.get_close_matches(str(location[-1]), allowed, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"allowed here: {', '.join(allowed)}"
            message = f"unknown key; {hint}"
        elif problem["type"] == "missing":
            message = "missing; it must be written"
        elif location and str(location[-1]).endswith("_env"):
            # What stands there may be the secret itself.
            message = "write the name of an environment variable; its value is the secret"
        else:
            message = f"{message} (found {_shown(problem['input'])})"
        if location and (str(location[0]).upper() in _overridden()):
            message += " (perhaps from an OBSERVER__ environment variable)"
        yield document.complain(location, message)


def _shown(value: object) -> str:
    """What was written, but for the user name and password of an address."""
    return re.sub(r"//\S*@", "//***@", repr(value))


def _overridden() -> set[str]:
    prefix = "OBSERVER__"
    return {k[len(prefix) :].split("__")[0].upper() for k in os.environ if k.startswith(prefix)}


def unknown_overrides() -> Iterable[str]:
    allowed = sorted(name.upper() for name in ObserverSettings.model_fields)
    for section in sorted(_overridden() - set(allowed)):
        near = difflib.get_close_matches(section, allowed, 1)
        hint = f"did you mean OBSERVER__{near[0]}?" if near else f"sections: {', '.join(allowed)}"
        yield f"environment: OBSERVER__{section}: unknown section; {hint}"


def _siblings(model: type[BaseModel], location: list[Any]) -> list[str]:
    """The keys allowed where an unknown one stands."""
    fields: Any = model
    for part in location[:-1]:
        if (
            isinstance(fields, type)
            and issubclass(fields, BaseModel)
            and part in fields.model_fields
        ):
            fields = fields.model_fields[str(part)].annotation
        for inner in getattr(fields, "__args__", ()):
            candidate = next(
                (a for a in (inner, *getattr(inner, "__args__", ())) if isinstance(a, type)), None
            )
            if candidate is not None and issubclass(candidate, BaseModel):
                fields = candidate
    if isinstance(fields, type) and issubclass(fields, BaseModel):
        return sorted(fields.model_fields)
    return []
