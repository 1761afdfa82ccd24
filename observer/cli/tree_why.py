"""`observer tree why`: the walk down from a broken promise, live, with each look's evidence."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from observer.cli.environment import (
    DEFAULT_CONFIG,
    DEFAULT_DATA_DIR,
    AsJson,
    ConfigDir,
    DataDirOption,
)
from observer.cli.render import complain, emit, say

if TYPE_CHECKING:
    from observer.domain.walk import Diagnosis, Look
    from observer.settings import Configuration


def why(
    metric: Annotated[str, typer.Argument(help="a metric of the tree, or a node")],
    config: ConfigDir = DEFAULT_CONFIG,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Walk down and look at each node on the way: what is ill, by which path, what is cleared."""
    from observer.settings import load_configuration

    configuration = load_configuration(config, data_dir)
    tree = configuration.tree
    if metric not in tree.metrics and metric not in tree.nodes:
        complain(f"dependency_tree.yaml has no metric or node '{metric}'")
        raise typer.Exit(1)
    promise, found = asyncio.run(_walk(configuration, metric))
    if as_json:
        emit(_as_json(promise, found))
        return
    from observer.domain.walk import promise_line

    for line in [*([promise_line(promise)] if promise else []), *found.lines()]:
        say(line)


async def _walk(configuration: "Configuration", top: str) -> "tuple[Look | None, Diagnosis]":
    from observer.domain.walk import Look, diagnosis, next_looks
    from observer.gateway.health import NodeHealth
    from observer.gateway.mcp_sessions import McpSessions

    tree, settings = configuration.tree, configuration.observer
    data_dir = str(configuration.data_dir.resolve())
    sessions = McpSessions(settings.mcp_servers, data_dir, configuration.sections)
    looks: dict[str, Look] = {}
    try:
        await sessions.start()
        nodes = NodeHealth(sessions, tree, configuration.runbook, configuration.autonomy)
        promise = await nodes.promise(top)
        while group := next_looks(tree, top, looks):
            found = await asyncio.gather(*(nodes.look(name) for name in group))
            looks |= {look.node: look for look in found}
    finally:
        await sessions.stop()
    return promise, diagnosis(tree, top, looks)


def _as_json(promise: "Look | None", found: "Diagnosis") -> dict[str, Any]:
    def facts(*looks: "Look") -> list[dict[str, Any]]:
        return [
            {
                "node": look.node,
                "health": look.health,
                "evidence": look.evidence,
                "values": dict(look.values),
            }
            for look in looks
        ]

    return {
        "top": found.top,
        "promise": facts(promise)[0] if promise else None,
        "causes": [
            {"node": cause.node, "path": cause.path, "because": cause.because}
            for cause in found.causes
        ],
        "waypoints": facts(*found.waypoints),
        "excluded": facts(*found.excluded),
        "unseen": facts(*found.unseen),
    }
