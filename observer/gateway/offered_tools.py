"""What the tool servers offer, held against what the configuration wants of them."""

from __future__ import annotations

from collections.abc import Iterator

from observer.domain.node_check import check_call, promise_call
from observer.domain.runbook import CallTemplate
from observer.errors import ConfigurationError
from observer.gateway.mcp_sessions import KEY, McpSessions
from observer.settings import Configuration


def refuse_misfits(configuration: Configuration, mcp: McpSessions) -> None:
    """Refuse a start that could only fail later, in the middle of the night.

    Raises:
        ConfigurationError: with one line for each tool or argument that does not fit.
    """
    problems = [
        *_unruled(configuration, mcp),
        *_keyless(configuration, mcp),
        *_misused(configuration, mcp),
    ]
    if problems:
        raise ConfigurationError("\n".join(problems))


def _unruled(configuration: Configuration, mcp: McpSessions) -> Iterator[str]:
    for tool in sorted(mcp.tools - set(configuration.autonomy)):
        yield (
            f"{configuration.directory / 'autonomy.yaml'}: actions: a tool server offers {tool},"
            " which has no row here; add one, with level `never` for what must not be used"
        )


def _keyless(configuration: Configuration, mcp: McpSessions) -> Iterator[str]:
    """A write without a key cannot be told from its own repetition: somebody must have said so."""
    for tool, rule in sorted(configuration.autonomy.items()):
        if tool not in mcp.tools or rule.reads_only or not rule.ever_runs:
            continue
        if not mcp.takes_key(tool) and not mcp.declared_keyless(tool):
            yield (
                f"{configuration.directory / 'observer.yaml'}: mcp_servers: {tool} takes no"
                f" {KEY}; list it under `keyless` of its server, and a person decides whenever"
                " it cannot be told whether it was done"
            )


def _misused(configuration: Configuration, mcp: McpSessions) -> Iterator[str]:
    for file, call in _configured_calls(configuration):
        where = configuration.directory / file
        if call.tool not in mcp.tools:
            yield f"{where}: no tool server offers {call.tool}"
        elif (problem := mcp.misnamed(call.tool, set(call.args))) is not None:
            yield f"{where}: {call.tool}: {problem}"


def _configured_calls(configuration: Configuration) -> Iterator[tuple[str, CallTemplate]]:
    runbook, escalation = configuration.runbook, configuration.escalation
    for groups in runbook.readings.values():
        for group in groups:
            yield from (("runbook.yaml", call) for call in group)
    for call in runbook.further_readings.values():
        yield "runbook.yaml", call
    for remedy in runbook.remedies.values():
        yield from (("runbook.yaml", call) for call in (*remedy.steps, *remedy.rollback))
    for known in configuration.known_errors:
        for call in known.remedy.calls if known.remedy is not None else ():
            yield "known_errors.yaml", CallTemplate(tool=call.tool, args=call.args)
    yield from (("runbook.yaml", call) for call in (runbook.logs, runbook.conditions) if call)
    if runbook.check.tool:
        yield "runbook.yaml", CallTemplate(tool=runbook.check.tool, args=runbook.check.args)
    if runbook.walk or not runbook.check.tool:
        tree = configuration.tree
        looks = [check_call(node, runbook) for node in tree.nodes.values()]
        looks += [promise_call(metric) for metric in tree.metrics.values()]
        for call in {call.tool: call for call in looks if call is not None}.values():
            yield "dependency_tree.yaml", CallTemplate(tool=call.tool, args=call.args)
    phases = (escalation.outcome, escalation.approval, escalation.patience)
    for notices in (notices for phase in phases for notices in phase.values()):
        yield from (("escalation.yaml", call) for call in notices)
