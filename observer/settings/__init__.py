"""All configuration, read once at start; what is wrong is reported whole: file, line, key."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dotenv import load_dotenv
from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError

from observer.domain.autonomy import Rule
from observer.domain.calls import Call
from observer.domain.dependency_tree import DependencyTree, Metric, Node
from observer.domain.known_error import KnownError
from observer.domain.runbook import Escalation, Runbook
from observer.errors import ConfigurationError
from observer.settings import strict_yaml
from observer.settings.cross_check import cross_check
from observer.settings.known_errors import to_known_errors
from observer.settings.schema import (
    AutonomyFile,
    KnownErrorsFile,
    ModelsFile,
    ObserverSettings,
    RedactionFile,
    TreeFile,
    TreeNode,
)

T = TypeVar("T", bound=BaseModel)

__all__ = ["Call", "Configuration", "load_configuration"]
PROMPTS = ("classify", "diagnose")


@dataclass(frozen=True)
class Prompt:
    """A prompt's template text and the hash that its spans carry."""

    text: str

    @property
    def version_hash(self) -> str:
        """Changes with every change of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Configuration:
    """Everything the observer was told, checked."""

    directory: Path
    data_dir: Path
    observer: ObserverSettings
    models: ModelsFile
    profile: str
    runbook: Runbook
    autonomy: dict[str, Rule]
    escalation: Escalation
    tree: DependencyTree
    known_errors: tuple[KnownError, ...]
    prompts: dict[str, Prompt]
    webhook_secrets: tuple[str, ...]
    secrets: tuple[str, ...]
    database_url: str | None


def load_configuration(
    directory: Path | None = None, data_dir: Path | None = None
) -> Configuration:
    """Read and check every file of the configuration directory.

    Raises:
        ConfigurationError: with one line for each thing that is wrong.
    """
    load_dotenv(Path(".env"))
    env = os.environ
    directory = directory or Path(env.get("OBSERVER_CONFIG", "config"))
    data_dir = data_dir or Path(env.get("OBSERVER_DATA_DIR", "var"))
    if not directory.is_dir():
        raise ConfigurationError(f"{directory}: no such configuration directory")
    reader = _Reader(directory)
    observer = reader.read("observer.yaml", ObserverSettings)
    reader.problems += _unknown_overrides()
    models = reader.read("models.yaml", ModelsFile)
    runbook = reader.read("runbook.yaml", Runbook)
    autonomy = reader.read("autonomy.yaml", AutonomyFile)
    escalation = reader.read("escalation.yaml", Escalation)
    tree = reader.read("dependency_tree.yaml", TreeFile)
    known = reader.read("known_errors.yaml", KnownErrorsFile)
    redaction = reader.read("redaction.yaml", RedactionFile)
    prompts = {name: reader.prompt(name) for name in PROMPTS}
    reader.raise_problems()
    assert observer and models and runbook and autonomy and escalation  # noqa: S101
    assert tree and known and redaction  # noqa: S101  raise_problems has seen to it
    profile = env.get("OBSERVER_MODELS", "runbook")
    reader.problems += cross_check(
        reader.documents,
        models=models,
        profile=profile,
        runbook=runbook,
        autonomy=autonomy,
        escalation=escalation,
        known=known,
        tree=tree,
    )
    reader.raise_problems()
    webhook_secrets = tuple(
        s.strip() for s in env.get("OBSERVER_WEBHOOK_SECRET", "").split(",") if s.strip()
    )
    held = [env.get(name, "") for name in redaction.secrets_from_environment]
    return Configuration(
        directory=directory,
        data_dir=data_dir,
        observer=observer,
        models=models,
        profile=profile,
        runbook=runbook,
        autonomy={name: _rule(name, row) for name, row in autonomy.actions.items()},
        escalation=escalation,
        tree=_tree(tree),
        known_errors=to_known_errors(known, runbook),
        prompts=prompts,
        webhook_secrets=webhook_secrets,
        secrets=(*webhook_secrets, *(s for s in held if s)),
        database_url=env.get("OBSERVER_DATABASE_URL"),
    )


class _Reader:
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
            self.problems += _explain(document, error, model)
            return None
        except SettingsError as error:
            self.problems.append(f"an OBSERVER__ environment variable is no JSON: {error}")
            return None

    def prompt(self, name: str) -> Prompt:
        path = self.directory / "prompts" / f"{name}.md"
        try:
            return Prompt(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(f"{path}: cannot be read: {error}")
            return Prompt("")

    def raise_problems(self) -> None:
        if self.problems:
            raise ConfigurationError("\n".join(self.problems))


def _explain(
    document: strict_yaml.Document, error: ValidationError, model: type[BaseModel]
) -> Iterable[str]:
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
        else:
            message = f"{message} (found {problem['input']!r})"
        if location and (str(location[0]).upper() in _overridden()):
            message += " (perhaps from an OBSERVER__ environment variable)"
        yield document.complain(location, message)


def _overridden() -> set[str]:
    prefix = "OBSERVER__"
    return {k[len(prefix) :].split("__")[0].upper() for k in os.environ if k.startswith(prefix)}


def _unknown_overrides() -> Iterable[str]:
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


def _rule(name: str, row: Any) -> Rule:
    from datetime import timedelta

    return Rule(
        action=name,
        level=row.level,
        blast_radius=row.blast_radius,
        delay=timedelta(seconds=row.delay or 0),
        severities=tuple(row.severities),
    )


def _tree(file: TreeFile) -> DependencyTree:
    def node(row: TreeNode) -> Node:
        return Node(
            name=row.node,
            type=row.type,
            description=row.description,
            criticality=row.criticality,
            depends_on=tuple(node(child) for child in row.depends_on),
        )

    return DependencyTree(
        tuple(
            Metric(
                name=name,
                description=row.description,
                threshold=row.sla.threshold,
                window=row.sla.window,
                depends_on=tuple(node(child) for child in row.depends_on),
            )
            for name, row in file.metrics.items()
        )
    )
