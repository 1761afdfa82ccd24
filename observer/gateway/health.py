"""A look at one node of the tree: its health check, carried out by a tool that only reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from observer.domain.autonomy import Rule
from observer.domain.calls import Call, CallStatus
from observer.domain.conditions import Truth, parse_condition
from observer.domain.dependency_tree import DependencyTree, Node
from observer.domain.event import Severity
from observer.domain.evidence import numbers
from observer.domain.runbook import Runbook
from observer.domain.walk import Health, Look
from observer.gateway.mcp_sessions import McpSessions

CHECK_TOOL = "check_health"
STAGE_METRICS = "stage_metrics"

_HEALTH = {Truth.TRUE: Health.HEALTHY, Truth.FALSE: Health.UNHEALTHY, Truth.UNKNOWN: Health.UNKNOWN}


class NodeHealth:
    """Looks at nodes by what dependency_tree.yaml says of them, and by nothing else."""

    def __init__(
        self,
        mcp: McpSessions,
        tree: DependencyTree,
        runbook: Runbook,
        autonomy: Mapping[str, Rule],
    ) -> None:
        self._mcp = mcp
        self._tree = tree
        self._runbook = runbook
        self._autonomy = autonomy

    async def look(self, name: str) -> Look:
        """How a node is; never raises for what the world does, that is `unknown`."""
        node = self._tree.nodes[name]
        if node.healthcheck is None:
            return Look(name, Health.UNKNOWN, "dependency_tree.yaml has no healthcheck for it")
        call = self._call(node)
        rule = self._autonomy.get(call.tool)
        if call.tool not in self._mcp.tools or rule is None or not rule.reads_only:
            why = f"{call.tool} is no tool that autonomy.yaml lets look by itself"
            return Look(name, Health.UNKNOWN, why)
        reply = await self._mcp.call(call.tool, call.args)
        if reply.status is not CallStatus.SUCCESS:
            return Look(name, Health.UNKNOWN, f"{call.tool}: {reply.status}: {reply.text}"[:300])
        if node.healthcheck.method == STAGE_METRICS:
            values = numbers([reply.payload])
            truth, seen = parse_condition(self._runbook.check.condition).judge(values)
            return Look(name, _HEALTH[truth], seen, values)
        return _told(name, reply.payload)

    def _call(self, node: Node) -> Call:
        assert node.healthcheck is not None  # noqa: S101  `look` has seen to it
        method, parameters = node.healthcheck.method, dict(node.healthcheck.parameters)
        if method == STAGE_METRICS:
            return self._runbook.healing_call(node.name, Severity.WARNING)
        return Call(CHECK_TOOL, {"method": method, "parameters": parameters})


def _told(name: str, payload: Any) -> Look:
    answer: Mapping[str, Any] = payload if isinstance(payload, Mapping) else {}
    health = next((h for h in Health if h == answer.get("status")), Health.UNKNOWN)
    reason = str(answer.get("reason") or f"{CHECK_TOOL} gave no reason")[:300]
    return Look(name, health, reason, numbers([answer.get("values")]))
