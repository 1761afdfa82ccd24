"""What autonomy.yaml, the tree and the records say of a call, before it is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from observer.domain.autonomy import Bounds, Cap, Quota, Rule, quotas_on, rule_on, strictest
from observer.domain.calls import Call, Run
from observer.domain.dependency_tree import DependencyTree
from observer.domain.remedy import Level, Remedy, Ruling, RulingKind
from observer.domain.target import target_of
from observer.errors import OutsideIncident
from observer.gateway.patience import Patience
from observer.records.ledger import Ledger


class Policy:
    """Rules on calls; asks nobody."""

    def __init__(
        self,
        rules: Mapping[str, Rule],
        caps: Mapping[int, Cap],
        tree: DependencyTree,
        ledger: Ledger,
        patience: Patience,
    ) -> None:
        self._rules = rules
        self._caps = caps
        self._tree = tree
        self._ledger = ledger
        self._patience = patience

    def blast_radius(self, call: Call) -> int:
        """How much a call may break; what nobody wrote a rule for counts as the worst."""
        rule = self._rules.get(call.tool)
        return rule.blast_radius if rule is not None else 5

    def on_read(self, call: Call, run: Run) -> Ruling:
        """A look: refused where autonomy.yaml does not call it one."""
        rule = self._rules.get(call.tool)
        if rule is not None and not rule.reads_only:
            return Ruling(RulingKind.REFUSE, f"{call.tool} is not a read")
        return rule_on(rule, severity=run.incident.severity)

    def on_notice(self, call: Call, run: Run) -> Ruling:
        """A notification or a ticket."""
        return rule_on(self._rules.get(call.tool), severity=run.incident.severity)

    async def on_remedy(self, remedy: Remedy, run: Run) -> Ruling:
        """A whole remedy: as its strictest step, each counted after those before it."""
        ahead: Counter[Quota] = Counter()
        rulings: list[Ruling] = []
        for call in remedy.calls:
            ruling, bounds = await self.on_step(call, remedy, run, ahead=ahead)
            rulings.append(ruling)
            ahead.update(bounds.quotas if bounds is not None else ())
        return strictest(rulings)

    async def on_step(
        self,
        call: Call,
        remedy: Remedy,
        run: Run,
        *,
        begun: bool = False,
        ahead: Counter[Quota] | None = None,
    ) -> tuple[Ruling, Bounds | None]:
        """One step of a remedy, and within what it may run; no bounds where it may not at all.

        What had begun was counted then, had waited long enough, and goes on.
        """
        rule, incident = self._rules.get(call.tool), run.incident
        try:
            node = target_of(call, about=incident.stage, tree=self._tree)
        except OutsideIncident as error:
            ruling = rule_on(rule, severity=incident.severity)
            refused = ruling.kind is RulingKind.REFUSE
            return ruling if refused else Ruling(RulingKind.REFUSE, str(error)), None
        rule = None if rule is None else rule.on(node)
        quotas, failing_for = (), timedelta.max
        if rule is not None and not begun:
            quotas = quotas_on(self._rules, self._caps, tool=call.tool, node=node)
            if rule.level is Level.AFTER_DELAY:
                failing_for = await self._patience.failing_for(incident)
        ruling = rule_on(
            rule,
            severity=incident.severity,
            failing_for=failing_for,
            known_error=remedy.id if remedy.origin == "known error" else None,
            spent=await self._ledger.why_spent(incident.tenant_id, quotas, ahead),
        )
        return ruling, None if ruling.kind is RulingKind.REFUSE else Bounds(node, quotas)

    def forget(self, event_key: str) -> None:
        """The event is done."""
        self._patience.forget(event_key)
