"""What autonomy.yaml, the tree and the records say of a call, before it is made."""

from __future__ import annotations

from collections.abc import Mapping

from observer.domain.autonomy import Rule, rule_on, strictest
from observer.domain.calls import Call, Run
from observer.domain.dependency_tree import DependencyTree
from observer.domain.remedy import Remedy, Ruling, RulingKind
from observer.domain.target import why_outside


class Policy:
    """Rules on calls; asks nobody."""

    def __init__(self, autonomy: Mapping[str, Rule], tree: DependencyTree) -> None:
        self._autonomy = autonomy
        self._tree = tree

    def blast_radius(self, call: Call) -> int:
        """How much a call may break; what nobody wrote a rule for counts as the worst."""
        rule = self._autonomy.get(call.tool)
        return rule.blast_radius if rule is not None else 5

    def on_read(self, call: Call, run: Run) -> Ruling:
        """A look: refused where autonomy.yaml does not call it one."""
        rule = self._autonomy.get(call.tool)
        if rule is not None and not rule.reads_only:
            return Ruling(RulingKind.REFUSE, f"{call.tool} is not a read")
        return rule_on(rule, severity=run.incident.severity)

    def on_notice(self, call: Call, run: Run) -> Ruling:
        """A notification or a ticket."""
        return rule_on(self._autonomy.get(call.tool), severity=run.incident.severity)

    def on_step(self, call: Call, remedy: Remedy, run: Run) -> Ruling:
        """One step of a remedy."""
        ruling = rule_on(
            self._autonomy.get(call.tool),
            severity=run.incident.severity,
            known_error=remedy.id if remedy.origin == "known error" else None,
        )
        outside = why_outside(call, about=run.incident.stage, tree=self._tree)
        if outside is None or ruling.kind is RulingKind.REFUSE:
            return ruling
        return Ruling(RulingKind.REFUSE, outside)

    def on_remedy(self, remedy: Remedy, run: Run) -> Ruling:
        """A whole remedy: as its strictest step."""
        return strictest(self.on_step(call, remedy, run) for call in remedy.calls)
