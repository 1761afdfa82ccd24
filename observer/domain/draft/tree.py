"""The first pass over an orchestrator: dependency_tree.yaml as a draft for a person to verify."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from observer.domain.draft.nodes import Facts, facts_of
from observer.domain.draft.pipeline import Pipeline, Thing, names, pipeline
from observer.domain.draft.supervisor import Supervised
from observer.domain.draft.wiring import Channel, Wiring, shared_addresses, wire

_HEADER = """\
DRAFT of dependency_tree.yaml, by `observer tree draft`: to be verified by a person before use.
It holds what the configuration shows and nothing else. Every TODO is a question to answer; what
the promises are, and which of these chains matter, no configuration can tell."""
_DEEPEST = 24  # levels of depends_on; further down a reference, and the node beside the others
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NOT_PLAIN = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


@dataclass(frozen=True)
class Draft:
    """The YAML, and what a program wants to know of it."""

    text: str
    metrics: tuple[str, ...]
    nodes: tuple[str, ...]
    todos: int
    skipped: tuple[tuple[str, str], ...]


def draft_tree(
    supervisors: Sequence[Supervised], files: Sequence[str] = (), remarks: Sequence[str] = ()
) -> Draft:
    """Draw up the tree of everything that these supervisords run; the same for the same input."""
    wirings = [wire(process) for one in supervisors for process in one.processes]
    skipped = tuple(pair for one in supervisors for pair in one.skipped)
    made = pipeline(wirings)
    wanted = [_metric_name(made, final) for final in made.finals]
    given, metrics = names(made, wanted)
    writer = _Writer(made, given)
    writer.head(files, [*remarks, *_shared(supervisors, wirings)], skipped)
    for metric, (channel, makers) in zip(metrics, made.finals, strict=True):
        writer.metric(metric, channel, makers)
    return Draft(
        text="\n".join(writer.lines) + "\n",
        metrics=tuple(metrics),
        nodes=tuple(sorted(given[thing] for thing in writer.written)),
        todos=sum(line.lstrip().startswith("# TODO:") for line in writer.lines),
        skipped=skipped,
    )


def _metric_name(made: Pipeline, final: tuple[Channel | None, list[Thing]]) -> str:
    channel, makers = final
    name = channel.name if channel else getattr(makers[0], "program", "")
    return f"{name}_freshness"


def _shared(supervisors: Sequence[Supervised], wirings: Sequence[Wiring]) -> list[str]:
    """What [supervisord] tells every process of: no sign of which of them uses it."""
    used = {server for wiring in wirings for server in wiring.servers}
    return [
        f"{variable} of [supervisord] gives every process {server}: which of them use it?"
        for number, one in enumerate(supervisors, start=1)
        for variable, server in shared_addresses(one.shared, number)
        if server not in used
    ]


def scalar(text: str) -> str:
    """A text as one YAML scalar that every reader takes for a text."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_PLAIN:
        return text
    return "".join(
        character if character.isprintable() else _escaped(character)
        for character in json.dumps(text, ensure_ascii=False)
    )


def _escaped(character: str) -> str:
    return f"\\U{ord(character):08X}"


def _inert(text: str) -> str:
    """A text that cannot leave its comment line."""
    return "".join(character if character.isprintable() else "?" for character in text)


class _Writer:
    """Writes nodes where they are met first, and references where they are met again."""

    def __init__(self, made: Pipeline, given: Mapping[Thing, str]) -> None:
        self.lines: list[str] = []
        self.written: set[Thing] = set()
        self._made = made
        self._given = given
        self._below_the_limit: list[Thing] = []

    def head(
        self, files: Sequence[str], remarks: Sequence[str], skipped: Sequence[tuple[str, str]]
    ) -> None:
        self._comment(0, *_HEADER.splitlines())
        self._comment(0, *(f"read: {file}" for file in files))
        self._comment(0, *(f"left out: [{name}] {reason}" for name, reason in skipped))
        self._todo(0, *remarks)
        self.lines.append("metrics:")

    def metric(self, name: str, channel: Channel | None, makers: Sequence[Thing]) -> None:
        by = ", ".join(self._given[maker] for maker in makers)
        what = str(channel) if channel else f"what {by} brings about"
        self._line(2, f"{scalar(name)}:")
        self._key(4, "description", f"Freshness of {what}")
        self._todo(
            4,
            "is this a number that hurts somebody when it is wrong? If not, take it out",
            "sla.threshold: what is promised, for example 60s?",
            "sla.window: when does a breach count, ALWAYS or a window of yours?",
            "sla.query: which query proves that it is kept?",
        )
        self._line(4, "sla: {}")
        self._line(4, "depends_on:")
        self._below_the_limit = []
        for maker in makers:
            self._node(6, maker, 1)
        while self._below_the_limit:
            thing = self._below_the_limit.pop(0)
            if thing not in self.written:
                self._node(6, thing, 1)

    def _node(self, indent: int, thing: Thing, depth: int) -> None:
        name = scalar(self._given[thing])
        if thing in self.written:
            self._line(indent, f"- ref: {name}")
            return
        if depth > _DEEPEST:
            self._line(indent, f"- ref: {name}")
            self._below_the_limit.append(thing)
            return
        self.written.add(thing)
        facts = facts_of(thing, self._made, self._given)
        self._line(indent, f"- node: {name}")
        self._facts(indent + 2, facts)
        if below := self._made.below[thing]:
            self._line(indent + 2, "depends_on:")
            for lower in below:
                self._node(indent + 4, lower, depth + 1)

    def _facts(self, indent: int, facts: Facts) -> None:
        self._key(indent, "type", facts.type)
        self._key(indent, "description", facts.description)
        for key, value in facts.keys.items():
            if isinstance(value, str):
                self._key(indent, key, value)
                continue
            self._line(indent, f"{key}:")
            for name, parameter in value.items():
                self._key(indent + 2, name, parameter)
        self._todo(indent, *facts.todos)

    def _key(self, indent: int, key: str, value: str | int) -> None:
        self._line(indent, f"{key}: {value if isinstance(value, int) else scalar(value)}")

    def _todo(self, indent: int, *questions: str) -> None:
        self._comment(indent, *(f"TODO: {question}" for question in questions))

    def _comment(self, indent: int, *texts: str) -> None:
        for text in texts:
            self._line(indent, f"# {_inert(text)}")

    def _line(self, indent: int, text: str) -> None:
        self.lines.append(" " * indent + text)
