"""What only shows when the files are read together: a name in one that no other file knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from observer.domain.dependency_tree import DependencyTree
from observer.domain.literals import mandatory_literals
from observer.domain.patterns import compile_pattern
from observer.domain.report import NOTICE_WORDS
from observer.domain.runbook import Escalation, Runbook
from observer.domain.templates import did_you_mean, problem_with
from observer.settings import autonomy_file
from observer.settings.autonomy_file import AutonomyFile
from observer.settings.fix_check import problems_of
from observer.settings.known_errors_file import KnownErrorsFile
from observer.settings.models_file import ModelsFile
from observer.settings.prices import tariff_of
from observer.settings.reader import PROMPT_WORDS, Prompt
from observer.settings.runbook_check import check_runbook, words_at
from observer.settings.schema import ObserverSettings
from observer.settings.strict_yaml import Document, Location

_ADDRESSES = ("url", "host", "address")
_FILLED_IN = re.compile(r"\{(\w*)\}")


def cross_check(
    documents: Mapping[str, Document],
    *,
    observer: ObserverSettings,
    models: ModelsFile,
    profile: str,
    runbook: Runbook,
    autonomy: AutonomyFile,
    escalation: Escalation,
    known: KnownErrorsFile,
    tree: DependencyTree,
    prompts: Mapping[str, Prompt],
) -> list[str]:
    """Every contradiction between the files, each with file, line and key."""
    found: list[str] = []

    def complain(file: str, location: Location, message: str) -> None:
        found.append(documents[file].complain(location, message))

    _check_actions(complain, runbook, autonomy, escalation)
    check_runbook(complain, runbook, autonomy, known, tree)
    _check_texts(complain, runbook, escalation)
    for name, prompt in prompts.items():
        if (problem := problem_with(prompt.text, PROMPT_WORDS[name])) is not None:
            found.append(f"{prompt.path}: {problem}")
    _check_nodes(complain, known, tree)
    for i, row in enumerate(known.errors):
        for at, problem in problems_of(row, tools=autonomy.actions, nodes=tree.nodes):
            complain("known_errors.yaml", ("errors", i, *at), problem)
    kept_days = observer.retention.days
    for at, problem in autonomy_file.problems_of(autonomy, nodes=tree.nodes, kept_days=kept_days):
        complain("autonomy.yaml", at, problem)
    _check_models(complain, models, profile)
    return found


def _check_actions(
    complain,
    runbook: Runbook,
    autonomy: AutonomyFile,
    escalation: Escalation,
) -> None:
    def ruled(file: str, tool: str, location: Location) -> None:
        if tool not in autonomy.actions:
            complain(
                file,
                location,
                f"'{tool}' has no row in autonomy.yaml; add one or name "
                f"one of: {', '.join(sorted(autonomy.actions))}",
            )

    for tool, location in runbook.tools().items():
        ruled("runbook.yaml", tool, location)
    for phase in ("outcome", "approval", "patience"):
        for severity, calls in getattr(escalation, phase).items():
            for i, call in enumerate(calls):
                at = (phase, str(severity), i, "tool")
                ruled("escalation.yaml", call.tool, at)
                row = autonomy.actions.get(call.tool)
                if row is not None and (row.level != "full" or severity not in row.severities):
                    complain(
                        "escalation.yaml",
                        at,
                        f"autonomy.yaml does not let {call.tool} run by itself for {severity}",
                    )


def _check_texts(complain, runbook: Runbook, escalation: Escalation) -> None:
    for at, text in _texts(escalation.model_dump()):
        if at[-2:-1] == ("args",) and (problem := problem_with(text, NOTICE_WORDS)) is not None:
            complain("escalation.yaml", at, problem)
    for at, text in _texts(runbook.model_dump()):
        for word in _FILLED_IN.findall(text) if "args" in at else ():
            if word not in words_at(at):
                complain("runbook.yaml", at, did_you_mean(word, words_at(at)))
            elif at[-1] in _ADDRESSES:
                message = "an alert names its stage; it must not choose where to connect to"
                complain("runbook.yaml", at, message)


def _texts(value: object, at: Location = ()) -> Iterator[tuple[Location, str]]:
    """Every text of a file, with its place."""
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*at, str(key)))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _texts(inner, (*at, i))


def _check_nodes(complain, known: KnownErrorsFile, tree: DependencyTree) -> None:
    seen: set[str] = set()
    for i, row in enumerate(known.errors):
        at = ("errors", i)
        if row.id in seen:
            complain("known_errors.yaml", (*at, "id"), f"'{row.id}' is written twice")
        seen.add(row.id)
        if row.signature.node not in tree.nodes:
            complain(
                "known_errors.yaml",
                (*at, "signature", "node"),
                f"'{row.signature.node}' is no node of dependency_tree.yaml",
            )
        try:
            if compile_pattern(row.signature.log_pattern).search(""):
                message = "matches every line; write what only this error says"
                complain("known_errors.yaml", (*at, "signature", "log_pattern"), message)
            else:
                mandatory_literals(row.signature.log_pattern)
        except ValueError as error:
            complain("known_errors.yaml", (*at, "signature", "log_pattern"), str(error))


def _check_models(complain, models: ModelsFile, profile: str) -> None:
    roles = ("classify", "warning", "critical", "judge")
    if profile not in models.profiles:
        complain(
            "models.yaml",
            ("profiles",),
            f"OBSERVER_MODELS names '{profile}'; profiles here: {', '.join(models.profiles)}",
        )
    for name, chains in models.profiles.items():
        for role in roles:
            chain = chains.get(role)
            at: Location = ("profiles", name, role)
            if not chain:
                complain(
                    "models.yaml",
                    at,
                    f"missing; every profile names a chain for each of {', '.join(roles)}",
                )
            elif chain[-1] != "runbook:":
                complain(
                    "models.yaml",
                    at,
                    "the chain must end in 'runbook:', so that an outage "
                    "costs quality, never an alert",
                )
            for model in chain or []:
                if tariff_of(model, models) is None:
                    complain(
                        "models.yaml",
                        at,
                        f"'{model}' is in no price list; add its price under `prices`",
                    )
