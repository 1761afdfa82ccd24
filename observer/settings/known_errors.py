"""From known_errors.yaml to known errors: a fix becomes a remedy with the check that proves it."""

from __future__ import annotations

from observer.domain.calls import Call
from observer.domain.conditions import parse_condition
from observer.domain.known_error import KnownError, Signature
from observer.domain.remedy import Check, Remedy
from observer.domain.runbook import Runbook
from observer.settings.schema import KnownErrorRow, KnownErrorsFile


def to_known_errors(file: KnownErrorsFile, runbook: Runbook) -> tuple[KnownError, ...]:
    """The reviewed known errors."""
    return tuple(_known_error(row, runbook) for row in file.errors)


def _known_error(row: KnownErrorRow, runbook: Runbook) -> KnownError:
    condition = row.signature.metric_condition
    return KnownError(
        id=row.id,
        signature=Signature(
            pattern=row.signature.log_pattern,
            node=row.signature.node,
            condition=parse_condition(condition) if condition else None,
        ),
        root_cause=row.root_cause,
        fix_type=row.fix.type,
        remedy=_remedy(row, runbook) if row.fix.type == "automated" else None,
        severity=row.severity,
        occurrence_count=row.occurrence_count,
    )


def _remedy(row: KnownErrorRow, runbook: Runbook) -> Remedy:
    verify = next((step for step in row.fix.steps if step.action == "verify"), None)
    check = runbook.healing_check()
    if verify is not None and verify.check is not None:
        timeout = verify.timeout or check.timeout_s
        check = Check(check.tool, verify.check, timeout, check.interval_s)
    return Remedy(
        id=row.id,
        origin="known error",
        steps=tuple(
            Call(step.action, {"stage": row.signature.node, **step.args})
            for step in row.fix.steps
            if step.action != "verify"
        ),
        check=check,
    )
