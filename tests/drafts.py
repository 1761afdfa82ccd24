"""Drafts of trees, and whether the observer would take them."""

from __future__ import annotations

import textwrap
from pathlib import Path

from observer.domain.dependency_tree import DependencyTree
from observer.domain.draft.supervisor import supervised
from observer.domain.draft.supervisor_ini import parse
from observer.domain.draft.tree import Draft, draft_tree
from observer.settings.tree import load_tree

SETUP = Path(__file__).parent / "unit" / "supervisord"
"""A whole supervisord in several files, and the draft of it."""


def drafted(*texts: str) -> Draft:
    """The draft of one supervisord for each text."""
    return draft_tree(
        [
            supervised(parse(f"{number}.conf", "/etc/supervisor", textwrap.dedent(text)), number)
            for number, text in enumerate(texts, start=1)
        ]
    )


def accepted(draft: Draft, folder: Path) -> DependencyTree:
    """The tree as the observer takes it, once a person has filled in the promises."""
    filled = draft.text.replace("    sla: {}\n", "    sla: {threshold: 60s, window: ALWAYS}\n")
    (folder / "dependency_tree.yaml").write_text(filled, encoding="utf-8")
    return load_tree(folder)
