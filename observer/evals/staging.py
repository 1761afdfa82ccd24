"""Today's configuration at the moment of then: what counted by the clock counts, and time flies."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time
from pathlib import Path

from observer.domain.known_error import KnownError
from observer.domain.remedy import Call, Remedy, Wait
from observer.domain.windows import Window
from observer.settings import Configuration

FASTER = 1024
"""A power of two: a duration divided by it keeps its digits, so that no look more or less fits."""


def as_then(configuration: Configuration, moment: datetime, data_dir: Path) -> Configuration:
    """The configuration for one trial of what came in at this moment.

    Every wait is 1,024 times shorter, between looks and for recovery; how often is looked stays the
    same. Each window of a promise is open or closed as it was.
    """
    runbook, tree = configuration.runbook, configuration.tree
    check = runbook.check
    shorter = {"timeout": check.timeout / FASTER, "interval": check.interval / FASTER}
    return replace(
        configuration,
        data_dir=data_dir,
        runbook=runbook.model_copy(
            update={
                "settle": runbook.settle / FASTER,
                "check": check.model_copy(update=shorter),
            }
        ),
        known_errors=tuple(_hurried(known) for known in configuration.known_errors),
        tree=replace(
            tree,
            metrics={
                name: replace(metric, window=_as_at(metric.window, moment))
                for name, metric in tree.metrics.items()
            },
        ),
    )


def _hurried(known: KnownError) -> KnownError:
    remedy = known.remedy
    return known if remedy is None else replace(known, remedy=_without_waits(remedy))


def _without_waits(remedy: Remedy) -> Remedy:
    steps: list[Call | Wait] = [
        Wait(step.seconds / FASTER) if isinstance(step, Wait) else step for step in remedy.steps
    ]
    check = replace(
        remedy.check,
        timeout_s=remedy.check.timeout_s / FASTER,
        interval_s=remedy.check.interval_s / FASTER,
    )
    return replace(remedy, steps=tuple(steps), check=check)


def _as_at(window: Window, moment: datetime) -> Window:
    """Open or closed for good, by what it was at a moment."""
    days = frozenset(range(7)) if window.holds(moment) else frozenset[int]()
    return replace(window, days=days, opens=time(), closes=time(), holidays=frozenset())
