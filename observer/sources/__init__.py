"""One payload format each: `parse(payload) -> list[Alert]`. One file, one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from observer.sources import alertmanager, gatus, native
from observer.sources.native import Alert, OngoingAlert, RaisedAlert, ResolvedAlert

SOURCES: dict[str, Callable[[Any], list[Alert]]] = {
    "native": native.parse,
    "alertmanager": alertmanager.parse,
    "gatus": gatus.parse,
}

__all__ = ["SOURCES", "Alert", "OngoingAlert", "RaisedAlert", "ResolvedAlert"]
