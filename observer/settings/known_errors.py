"""From known_errors.yaml to known errors: a fix becomes a remedy with the check that proves it."""

from __future__ import annotations

from dataclasses import replace

from observer.domain.calls import Call
from observer.domain.command_text import split_command
from observer.domain.conditions import parse_condition
from observer.domain.known_error import KnownError, Signature
from observer.domain.remedy import Check, Remedy, Step, Wait
from observer.domain.runbook import Runbook
from observer.settings.known_errors_file import STEPS, Fix, FixStep, KnownErrorRow, KnownErrorsFile


def to_known_errors(file: KnownErrorsFile, runbook: Runbook) -> tuple[KnownError, ...]:
    """The reviewed known errors."""
    return tuple(to_known_error(row, runbook) for row in file.errors)


def to_known_error(row: KnownErrorRow, runbook: Runbook) -> KnownError:
    """One known error; its fix must have been found without fault."""
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
        remedy=None if row.fix.type == "escalate" else _remedy(row, runbook.healing_check()),
        severity=row.severity,
        occurrence_count=row.occurrence_count,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        resolution_time_avg_s=row.resolution_time_avg,
    )


def tool_of(step: FixStep) -> str | None:
    """The tool that a step calls, if it calls one."""
    if step.action == "docker_exec":
        return "container_exec"
    return None if step.action in STEPS else step.action


def _remedy(row: KnownErrorRow, check: Check) -> Remedy:
    node = row.signature.node
    return Remedy(
        id=row.id,
        origin="known error",
        steps=tuple(_step(s, node) for s in row.fix.steps if tool_of(s) or s.action == "wait"),
        check=_check(row.fix, check),
        rollback=tuple(_call(step, node) for step in row.fix.rollback),
        escalate_message=next((s.message for s in row.fix.steps if s.message), ""),
    )


def _check(fix: Fix, usual: Check) -> Check:
    verify = next((step for step in fix.steps if step.action == "verify"), None)
    if verify is None:
        return usual
    return replace(
        usual,
        condition=verify.check or usual.condition,
        timeout_s=verify.timeout or usual.timeout_s,
        interval_s=verify.interval or usual.interval_s,
    )


def _step(step: FixStep, node: str) -> Step:
    return _call(step, node) if step.duration is None else Wait(step.duration)


def _call(step: FixStep, node: str) -> Call:
    if step.action == "docker_exec":
        argv = split_command(step.command or "")
        return Call("container_exec", {"container": step.container, "argv": argv})
    if step.args.keys() & {"stage", "node", "container"}:
        return Call(step.action, {k: v for k, v in step.args.items() if v is not None})
    return Call(step.action, {"stage": node, **step.args})
