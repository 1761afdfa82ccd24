"""What is wrong with runbook.yaml, where the tree and the known errors are read beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection

from observer.domain.call_template import CALL_WORDS, CONDITION_WORDS, LOG_WORDS
from observer.domain.dependency_tree import DependencyTree
from observer.domain.event import Severity
from observer.domain.node_check import CHECK_TOOL, STAGE_METRICS
from observer.domain.runbook import Runbook
from observer.settings.autonomy_file import AutonomyFile
from observer.settings.known_errors_file import KnownErrorsFile
from observer.settings.strict_yaml import Location

Complain = Callable[[str, Location, str], None]
FILE = "runbook.yaml"


def words_at(at: Location) -> Collection[str]:
    """The words that a template may use in this place of runbook.yaml."""
    return {"logs": LOG_WORDS, "conditions": CONDITION_WORDS}.get(str(at[0]), CALL_WORDS)


def check_runbook(
    complain: Complain,
    runbook: Runbook,
    autonomy: AutonomyFile,
    known: KnownErrorsFile,
    tree: DependencyTree,
) -> None:
    """Complain of everything that could only fail later."""
    _check_plays(complain, runbook, tree)
    _check_proof(complain, runbook, autonomy, known, tree)
    if runbook.act_on == "readings" and not {Severity.WARNING, Severity.CRITICAL} <= {
        *runbook.walk
    }:
        message = "`readings` needs `walk: [WARNING, CRITICAL]`: without it nothing is read"
        complain(FILE, ("act_on",), message)
    if runbook.conditions is not None and "{query}" not in str(runbook.conditions.args):
        complain(FILE, ("conditions", "args"), "one of them must hold {query}")


def _check_plays(complain: Complain, runbook: Runbook, tree: DependencyTree) -> None:
    for i, play in enumerate(runbook.plays):
        if play.remedy not in runbook.remedies:
            complain(
                FILE,
                ("plays", i, "remedy"),
                f"'{play.remedy}' is no remedy of "
                f"this file; write one of: {', '.join(runbook.remedies)}",
            )
            continue
        node = tree.find(play.about or "")
        if play.node is not None and node is None:
            complain(
                FILE, ("plays", i, "node"), f"'{play.node}' is no node of dependency_tree.yaml"
            )
        if node is not None and play.remedy not in runbook.offered(node):
            message = f"'{play.remedy}' is never proposed for {node.name}, which is {node.type}"
            complain(FILE, ("plays", i, "remedy"), message)


def _check_proof(
    complain: Complain,
    runbook: Runbook,
    autonomy: AutonomyFile,
    known: KnownErrorsFile,
    tree: DependencyTree,
) -> None:
    """Without a tool the check is the nodes' own, which must then be there."""
    if runbook.check.tool:
        return
    checks = {node.name: node.healthcheck for node in tree.nodes.values() if node.healthcheck}
    promises = [metric for metric in tree.metrics.values() if metric.kept is not None]
    if not checks and not promises:
        complain(
            FILE,
            ("check",),
            "without `tool` a node's healthcheck or a metric's sla.query proves healing, and"
            " dependency_tree.yaml has neither",
        )
    elif CHECK_TOOL not in autonomy.actions:
        message = f"without `tool` {CHECK_TOOL} is asked, which has no row in autonomy.yaml"
        complain(FILE, ("check",), message)
    staged = [name for name, check in checks.items() if check.method == STAGE_METRICS]
    if staged:
        message = f"the {STAGE_METRICS} of {staged[0]} is this check: write `tool` and `condition`"
        complain(FILE, ("check",), message)
    if runbook.conditions is not None:
        return
    for i, row in enumerate(known.errors):
        for s, step in enumerate(row.fix.steps):
            if step.check is not None:
                complain(
                    "known_errors.yaml",
                    ("errors", i, "fix", "steps", s, "check"),
                    "nothing says how to read this; add `conditions` to runbook.yaml",
                )
