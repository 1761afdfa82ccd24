"""A look at one node for a person at the command line, by a tool that only reads."""

from __future__ import annotations

from collections.abc import Mapping

from observer.domain.autonomy import Rule
from observer.domain.calls import Call, CallStatus
from observer.domain.dependency_tree import DependencyTree
from observer.domain.node_check import check_call, look_of, promise_call, promise_look, unseen
from observer.domain.runbook import Runbook
from observer.domain.walk import Look
from observer.gateway.mcp_sessions import McpSessions
from observer.gateway.replies import Reply


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
        call = check_call(node, self._runbook)
        if call is None:
            return unseen(node)
        reply = await self._ask(call)
        return look_of(node, self._runbook, reply.status, reply.text, reply.payload)

    async def promise(self, name: str) -> Look | None:
        """Whether a metric's promise is kept; None where no query tells."""
        metric = self._tree.metrics.get(name)
        call = None if metric is None else promise_call(metric)
        if metric is None or call is None:
            return None
        reply = await self._ask(call)
        return promise_look(metric, reply.status, reply.text, reply.payload)

    async def _ask(self, call: Call) -> Reply:
        rule = self._autonomy.get(call.tool)
        if call.tool not in self._mcp.tools or rule is None or not rule.reads_only:
            why = f"{call.tool} is no tool that autonomy.yaml lets look by itself"
            return Reply(CallStatus.REFUSED, None, why, reached=False)
        return await self._mcp.call(call.tool, call.args)
