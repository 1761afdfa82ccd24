"""All configuration, read once at start; what is wrong is reported whole: file, line, key."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dotenv import load_dotenv

from observer.domain.autonomy import Cap, Rule
from observer.domain.dependency_tree import DependencyTree
from observer.domain.event import Severity
from observer.domain.known_error import KnownError
from observer.domain.redaction.keys import about
from observer.domain.runbook import Escalation, Runbook
from observer.errors import ConfigurationError
from observer.settings.autonomy_file import AutonomyFile
from observer.settings.channels import forms, named_variables, problem_of
from observer.settings.cross_check import cross_check
from observer.settings.journal_keys import journal_keys
from observer.settings.known_error_rows import KnownErrorRows
from observer.settings.known_errors import to_known_errors
from observer.settings.known_errors_file import KnownErrorsFile
from observer.settings.models_file import ModelsFile
from observer.settings.otlp import problem_of_header, secrets_of, why_not_mirrored
from observer.settings.reader import Prompt, Reader, unknown_overrides
from observer.settings.redaction_file import RedactionFile, misspelt
from observer.settings.schema import ObserverSettings
from observer.settings.told import credential_files, passwords, told_sections
from observer.settings.tree import TREE_FILE, planted
from observer.settings.tree_file import TreeFile

__all__ = ["Configuration", "Prompt", "load_configuration"]
_SHORTEST_TELLING = 8
"""A shorter value may be a word: it would be masked wherever it stands."""

PROMPTS = ("classify", "diagnose", "mission")


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
    caps: dict[int, Cap]
    escalation: Escalation
    tree: DependencyTree
    known_errors: tuple[KnownError, ...]
    known_error_rows: KnownErrorRows
    prompts: dict[str, Prompt]
    webhook_secrets: tuple[str, ...]
    secrets: tuple[str, ...]
    """Everything that this process holds and nobody may read, by value."""
    redaction: RedactionFile
    channel_secrets: dict[str, str]
    """What the section `channels` names, by environment variable."""
    journal_keys: tuple[str, ...]
    """Of the journal's chain, the newest first."""
    watch_secrets: dict[str, str]
    """What the section `watch` names."""
    otlp_headers: dict[str, str]
    """What the section `otlp` names, by header."""
    database_url: str | None

    @property
    def paging(self) -> frozenset[str]:
        """The tools that wake somebody: those that nothing below a CRITICAL may use."""
        notices = {notice.tool for told in self.escalation.outcome.values() for notice in told}
        return frozenset(
            tool
            for tool in notices & set(self.autonomy)
            if self.autonomy[tool].severities == (Severity.CRITICAL,)
        )

    @property
    def sections(self) -> dict[str, Any]:
        """What a tool server may be told of the real world, by section."""
        return told_sections(self.observer, self.tree)


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
    reader = Reader(directory)
    observer = reader.read("observer.yaml", ObserverSettings)
    reader.problems += unknown_overrides()
    models = reader.read("models.yaml", ModelsFile)
    runbook = reader.read("runbook.yaml", Runbook)
    autonomy = reader.read("autonomy.yaml", AutonomyFile)
    escalation = reader.read("escalation.yaml", Escalation)
    tree_file = reader.read(TREE_FILE, TreeFile)
    known = reader.read("known_errors.yaml", KnownErrorsFile)
    redaction = reader.read("redaction.yaml", RedactionFile)
    prompts = {name: reader.prompt(name) for name in PROMPTS}
    reader.raise_problems()
    assert observer and models and runbook and autonomy and escalation  # noqa: S101
    assert tree_file and known and redaction  # noqa: S101  raise_problems has seen to it
    tree, tree_problems = planted(tree_file, reader.documents[TREE_FILE])
    reader.problems += tree_problems
    profile = env.get("OBSERVER_MODELS", "runbook")
    check = partial(
        cross_check,
        observer=observer,
        models=models,
        profile=profile,
        runbook=runbook,
        autonomy=autonomy,
        escalation=escalation,
        tree=tree,
        prompts=prompts,
    )
    reader.problems += check(reader.documents, known=known)
    reader.problems += misspelt(redaction, reader.documents["redaction.yaml"], autonomy.rules)
    channel_secrets = _named_secrets(reader, "channels", observer.sections["channels"])
    watch = observer.watch.model_dump(mode="json", exclude_none=True)
    watch_secrets = _named_secrets(reader, "watch", watch)
    otlp_headers = _otlp_headers(reader, observer)
    reader.raise_problems()
    webhook_secrets = tuple(
        s.strip() for s in env.get("OBSERVER_WEBHOOK_SECRET", "").split(",") if s.strip()
    )
    keys = journal_keys()
    held = [env.get(name, "") for name in redaction.secrets_from_environment]
    named = (*channel_secrets.values(), *watch_secrets.values())
    held += [form for value in named for form in forms(value)]
    held += secrets_of(otlp_headers)
    held += passwords([observer.otlp.endpoint] if observer.otlp else [])
    return Configuration(
        directory=directory,
        data_dir=data_dir,
        observer=observer,
        models=models,
        profile=profile,
        runbook=runbook,
        autonomy=autonomy.rules,
        caps=autonomy.caps_by_blast_radius,
        escalation=escalation,
        tree=tree,
        known_errors=to_known_errors(known, runbook),
        known_error_rows=KnownErrorRows(reader.documents, check, runbook),
        prompts=prompts,
        webhook_secrets=webhook_secrets,
        secrets=(
            *webhook_secrets,
            *keys,
            *(s for s in held if s),
            *passwords(observer.sections),
            *passwords(env.get("OBSERVER_DATABASE_URL")),
            *credential_files(observer.sections),
            *_telling(env),
        ),
        redaction=redaction,
        channel_secrets=channel_secrets,
        journal_keys=keys,
        watch_secrets=watch_secrets,
        otlp_headers=otlp_headers,
        database_url=env.get("OBSERVER_DATABASE_URL"),
    )


def _telling(env: Mapping[str, str]) -> Iterator[str]:
    """The values of variables whose names say what they are, whoever put them there."""
    for name, value in env.items():
        secret = about(name) == "key-name" and not value.startswith("/")
        if secret and len(value) >= _SHORTEST_TELLING:
            yield value


def _named_secrets(reader: Reader, section: str, told: dict[str, Any]) -> dict[str, str]:
    held: dict[str, str] = {}
    for named in named_variables(told):
        value = held[named.variable] = os.environ.get(named.variable, "").strip()
        if (problem := problem_of(named, value)) is not None:
            at = (section, named.channel, named.key)
            reader.problems.append(reader.documents["observer.yaml"].complain(at, problem))
    return held


def _otlp_headers(reader: Reader, observer: ObserverSettings) -> dict[str, str]:
    if observer.otlp is None:
        return {}
    document = reader.documents["observer.yaml"]
    if (problem := why_not_mirrored()) is not None:
        reader.problems.append(document.complain(("otlp",), problem))
    held: dict[str, str] = {}
    for header, variable in observer.otlp.headers_env.items():
        value = held[header] = os.environ.get(variable, "").strip()
        if (problem := problem_of_header(variable, value)) is not None:
            at = ("otlp", "headers_env", header)
            reader.problems.append(document.complain(at, problem))
    return held
