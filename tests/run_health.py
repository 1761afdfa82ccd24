"""The health monitor as it is built at start, for tests that build a door of their own."""

from __future__ import annotations

from typing import Any

from observer.gateway.run_health import RunHealth
from observer.records.holds import Holds
from observer.records.progress import Progress
from observer.settings.health import Health


def run_health(database: Any, journal: Any, holds: Any = None, **settings: Any) -> RunHealth:
    """With the shipped limits, or others."""
    health = Health(**settings)
    return RunHealth(
        health.limits,
        health.on_anomaly,
        Progress(database, journal),
        holds or Holds(database, journal),
        database,
        journal,
    )
