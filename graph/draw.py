"""`python -m graph.draw`: the drawing as Mermaid text, from the compiled graph itself."""

from __future__ import annotations

from typing import Any, cast

from graph.build import build_graph
from observer.services import Services


class _NoDoors:
    """Stands for services that a drawing does not use."""

    def __getattr__(self, name: str) -> Any:
        return None


def mermaid() -> str:
    """The graph as it is compiled for server, Studio and tests."""
    drawn = build_graph(cast("Services", _NoDoors())).get_graph()
    lines = ["graph TD"]
    for edge in drawn.edges:
        label = "" if edge.data is None else f'|"{edge.data}"|'
        arrow = "-.->" if edge.conditional else "-->"
        lines.append(f"    {_name(edge.source)} {arrow}{label} {_name(edge.target)}")
    return "\n".join(lines)


def _name(node: str) -> str:
    return {"__start__": "event([event])", "__end__": "done([done])"}.get(node, node)


if __name__ == "__main__":
    print(mermaid())
