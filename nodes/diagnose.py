"""Ask the severity's model for the cause and a remedy of the closed list, or one more reading."""

from __future__ import annotations

import json
from typing import Any, Literal, cast

from pydantic import BaseModel, Field, create_model

from graph.state import ObserverState
from observer.domain.calls import CallStatus, Observation, Run
from observer.domain.dependency_tree import EXTERNAL, DependencyTree
from observer.domain.event import Severity
from observer.domain.remedy import Diagnosis, Verdict
from observer.domain.runbook import Runbook
from observer.errors import ModelsExhausted
from observer.gateway.dispatcher import Dispatcher
from observer.gateway.models import Models
from observer.records.ledger import Ledger
from observer.records.memory import Memory

_PAYLOAD_LENGTH = 2000
_MESSAGE_LENGTH = 4000
_POLLS = 10
_WALK_LINES = 50


async def diagnose(
    state: ObserverState,
    models: Models,
    dispatcher: Dispatcher,
    runbook: Runbook,
    ledger: Ledger,
    tree: DependencyTree,
    memory: Memory,
    run: Run,
) -> dict[str, Any]:
    incident = state["incident"]
    node = tree.find(incident.stage)
    if node is not None and node.type == EXTERNAL:
        return _nothing(f"{node.name} is external: not ours to repair", "none")
    if (over := await _why_over(state, dispatcher, run)) is not None:
        return _nothing(over, "none")
    # `get`: a run that an earlier release began has no such field.
    doubts = state.get("doubts") if runbook.act_on == "readings" else None
    offered = {} if doubts else runbook.offered(node, state["tried"])
    remedies = {name: remedy.purpose for name, remedy in offered.items()}
    observed = _worth_reading(state)
    payloads = await ledger.payloads(observed)
    similar = await memory.similar(
        incident.tenant_id, incident.stage, incident.message, incident.session_id
    )
    facts = {
        "severity": str(incident.severity),
        "stage": incident.stage,
        "message": incident.message[:_MESSAGE_LENGTH],
        "remedies": remedies,
        "readings": list(runbook.further_readings),
        "asked": ", ".join(state["asked"]),
        "tried": ", ".join(state["tried"]),
        "observations": [
            *(state.get("walk") or [])[:_WALK_LINES],
            *(
                f"{o.tool}: {json.dumps(payloads[o.key])[:_PAYLOAD_LENGTH]}"
                if o.key in payloads
                else f"{o.tool}: {o.status}: {o.summary}"
                for o in observed
            ),
        ],
        "similar": [past.line() for past in similar],
    }
    role = "critical" if incident.severity is Severity.CRITICAL else "warning"
    schema = _answer_schema(list(remedies), list(runbook.further_readings))
    try:
        answer = await models.ask(role, "diagnose", schema, facts=facts, run=run)
    except ModelsExhausted as error:
        return _nothing(str(error), "none")
    said = answer.value.model_dump()
    cause, reading = said["root_cause"], said["reading"]
    if (over := await dispatcher.why_over(run)) is not None:
        return _nothing(f"{over}; {cause}", answer.model_id)
    if said["remedy"] == "none" and reading != "none":
        diagnosis = Diagnosis(cause, Verdict.NOT_PROVEN, None, reading, answer.model_id)
        return {
            "diagnosis": diagnosis,
            "remedy": None,
            "asked": [*state["asked"], reading],
            "because": f"{answer.model_id} needs {reading}: {cause}",
        }
    if doubts:
        why = f"{', '.join(doubts)} could not be seen and may be the cause instead"
        return _nothing(f"not proven: {why}; {cause}", answer.model_id)
    if said["verdict"] != Verdict.PROVEN or said["remedy"] == "none":
        return _nothing(f"not proven: {cause}", answer.model_id)
    remedy = runbook.remedy(said["remedy"], stage=incident.stage, severity=incident.severity)
    diagnosis = Diagnosis(cause, Verdict.PROVEN, remedy.id, None, answer.model_id)
    return {
        "diagnosis": diagnosis,
        "remedy": remedy,
        "steps_done": 0,
        "step_failed": False,
        "because": f"{answer.model_id}: {cause}; remedy {remedy.id}",
    }


async def _why_over(state: ObserverState, dispatcher: Dispatcher, run: Run) -> str | None:
    """Why nothing more may be read or done, so that no model needs to be asked."""
    last = state["observations"][-1:]
    if state["asked"] and last and last[0].status is CallStatus.REFUSED:
        return f"{last[0].tool} was asked for: {last[0].summary}"
    return await dispatcher.why_over(run)


def _worth_reading(state: ObserverState) -> list[Observation]:
    """All but the looks of a long wait for healing: of those the last ones say it."""
    begin = state["incident"].key("verify", "")
    polls = [o for o in state["observations"] if o.key.startswith(begin)]
    return [o for o in state["observations"] if o not in polls[:-_POLLS]]


def _nothing(why: str, model_id: str) -> dict[str, Any]:
    """No remedy: a person takes over with what was found."""
    diagnosis = Diagnosis(why, Verdict.NOT_PROVEN, None, None, model_id)
    return {"diagnosis": diagnosis, "remedy": None, "because": why}


def _answer_schema(remedies: list[str], readings: list[str]) -> type[BaseModel]:
    """The closed union: nothing outside these lists can be answered."""
    return create_model(
        "DiagnosisAnswer",
        root_cause=(str, Field(max_length=1000)),
        verdict=(Literal["proven", "not_proven"], ...),
        remedy=(cast("Any", Literal)[(*remedies, "none")], ...),
        reading=(cast("Any", Literal)[(*readings, "none")], ...),
    )
