"""What makes no sense in the fixes of known_errors.yaml, each with its place and what to write."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from observer.domain.command_text import NoPlainCommand, split_command
from observer.settings.known_errors import tool_of
from observer.settings.known_errors_file import STEPS, Fix, FixStep, KnownErrorRow
from observer.settings.strict_yaml import Location

Problem = tuple[Location, str]


def problems_of(
    row: KnownErrorRow, *, tools: Collection[str], nodes: Collection[str]
) -> Iterator[Problem]:
    """Each place of a known error that could only go wrong later, and why."""
    fix = row.fix
    for part, steps in (("steps", fix.steps), ("rollback", fix.rollback)):
        for i, step in enumerate(steps):
            at: Location = ("fix", part, i)
            yield from (((*at, *key), why) for key, why in _of_step(step, tools, nodes))
    yield from ((("fix", *at), why) for at, why in _of_order(fix))
    yield from ((("fix", *at), why) for at, why in _of_type(fix))
    if row.first_seen and row.last_seen and row.last_seen < row.first_seen:
        yield ("last_seen",), "lies before first_seen"


def _of_step(step: FixStep, tools: Collection[str], nodes: Collection[str]) -> Iterator[Problem]:
    """A step by itself: its keys, its tool, its command."""
    takes = STEPS.get(step.action, ("args",))
    for key in sorted(step.model_fields_set - {"action", "purpose", *takes}):
        yield (key,), f"{step.action} takes no `{key}`; it takes {', '.join((*takes, 'purpose'))}"
    for key in takes if step.action in STEPS else ():
        if key not in ("timeout", "interval") and getattr(step, key) is None:
            yield ("action",), f"{step.action} needs `{key}`"
    tool = tool_of(step)
    if tool is not None and tool not in tools:
        yield ("action",), _unknown(step.action, tool, tools)
    node = step.args.get("node")
    if isinstance(node, str) and node not in nodes:
        yield ("args", "node"), f"'{node}' is no node of dependency_tree.yaml"
    if step.action == "docker_exec" and step.command is not None:
        try:
            split_command(step.command)
        except NoPlainCommand as error:
            yield ("command",), str(error)


def _unknown(action: str, tool: str, tools: Collection[str]) -> str:
    name = f"'{action}'" if action == tool else f"'{action}' calls {tool}, which"
    near = difflib.get_close_matches(action, [*tools, *STEPS], 3)
    known = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(tools))}"
    return f"{name} has no row in autonomy.yaml; add one, or name another action; {known}"


def _of_order(fix: Fix) -> Iterator[Problem]:
    """First what is done, then at most one verify, then at most one escalate_if_failed."""
    earlier: set[str] = set()
    for i, step in enumerate(fix.steps):
        at: Location = ("steps", i, "action")
        if "escalate_if_failed" in earlier:
            yield at, f"{step.action} comes after escalate_if_failed, which ends a fix"
        elif step.action == "verify" and "verify" in earlier:
            yield at, "a second verify; a fix is proven by one condition"
        elif step.action != "escalate_if_failed" and "verify" in earlier:
            yield at, f"{step.action} comes after verify; only escalate_if_failed may follow it"
        earlier.add(step.action)
    for i, step in enumerate(fix.rollback):
        if tool_of(step) is None and step.action in STEPS:
            yield ("rollback", i, "action"), f"a rollback calls tools; it takes no {step.action}"


def _of_type(fix: Fix) -> Iterator[Problem]:
    """Whether the type is what the steps do."""
    calls = [i for i, step in enumerate(fix.steps) if tool_of(step) is not None]
    match fix.type:
        case "automated" if not calls:
            yield (
                ("steps",),
                "an automated fix needs a step that does something; "
                "or write type: wait_and_verify, or type: escalate",
            )
        case "wait_and_verify":
            for i in calls:
                message = f"wait_and_verify calls nothing, so no {fix.steps[i].action}"
                yield ("steps", i, "action"), f"{message}; or write type: automated"
            if all(step.action != "verify" for step in fix.steps):
                yield ("steps",), "wait_and_verify needs a verify step"
            if fix.rollback:
                yield ("rollback",), "wait_and_verify calls nothing, so nothing can be undone"
        case "escalate":
            for part in ("steps", "rollback"):
                if getattr(fix, part):
                    yield (part,), f"a person decides, so no {part}; or write type: automated"
        case _:
            pass
