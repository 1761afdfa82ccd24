"""Faults on order: a file says which tool misbehaves and how, and is read again at every call."""

from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError, model_validator

from mcp_servers.backends.durable_files import read_json, write_json
from mcp_servers.pipeline_results import Number

Reader = Literal["check_pipeline_health", "get_stage_metrics", "get_recent_errors", "find_action"]
Remedy = Literal["restart_stage", "retry_failed_jobs", "clear_queue"]
Escalation = Literal["create_incident", "send_slack_alert", "page_oncall"]
Tool = Reader | Remedy | Escalation

# How a call goes wrong, whatever the tool does.
CallFault = Literal[
    "error",  # the tool raises, and nothing happened
    "hang",  # the tool answers nothing for an hour, then raises; nothing happened
    "die_before",  # the server is killed before the action is logged
    "die_after",  # the server is killed once the effect is durable, before it answers
]
# How an action's outcome goes wrong; the call itself succeeds and is recorded under its key.
OutcomeFault = Literal[
    "no_heal",  # the remedy reports back, the stage stays as it was
    "heal_on_second",  # so does the first remedy on each stage; the next one heals
    "refuse",  # the reply's text starts with ERR, and nothing happened
]
CALL_FAULTS: tuple[str, ...] = get_args(CallFault)
OUTCOME_FAULTS: tuple[str, ...] = get_args(OutcomeFault)


class BadFaults(ValueError):
    """The faults file can't be used."""


class Fault(BaseModel):
    model_config = ConfigDict(extra="forbid")

    mode: CallFault | OutcomeFault
    times: PositiveInt | None = None
    stage: str | None = None


class MetricsOverride(BaseModel):
    """Figures that get_stage_metrics reports instead of its own. Null hides a figure."""

    model_config = ConfigDict(extra="forbid")

    status: str | None = None
    throughput_rps: Number = None
    error_rate_pct: Number = None
    p95_latency_ms: Number = None
    queue_depth: Number = None


class FaultPlan(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tools: dict[Tool, Fault] = {}
    metrics: dict[str, MetricsOverride] = {}
    errors: dict[str, list[str]] = {}

    @model_validator(mode="after")
    def _every_mode_fits_its_tool(self) -> "FaultPlan":
        for tool, fault in self.tools.items():
            if fault.mode in ("no_heal", "heal_on_second") and tool not in get_args(Remedy):
                raise ValueError(f"{tool} heals nothing, so it can't have {fault.mode}")
            if fault.mode == "refuse" and tool in get_args(Reader):
                raise ValueError(f"{tool} only reads, so it can't refuse")
        return self


class Faults:
    """The faults in force. How often each fired is kept in a file, so a restart repeats none.

    Delete `faults_fired.json` to arm spent faults again. The caller holds the folder's lock.
    """

    def __init__(self, file: Path, fired_file: Path) -> None:
        self._file = file
        self._fired_file = fired_file

    def plan(self) -> FaultPlan:
        try:
            text = self._file.read_bytes()
        except FileNotFoundError:
            return FaultPlan()
        try:
            return FaultPlan.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the top"
            raise BadFaults(
                f"the faults file {self._file} is wrong at {where}: {first['msg']}"
            ) from error

    def fire(self, tool: Tool, stage: str | None, among: tuple[str, ...]) -> str | None:
        """The fault that strikes this call now, and count it; None for an honest call."""
        fault = self.plan().tools.get(tool)
        if fault is None or fault.mode not in among or fault.stage not in (None, stage):
            return None
        limits = {f"{tool}/{fault.mode}": fault.times}
        if fault.mode == "heal_on_second":
            limits[f"{fault.mode}/{stage}"] = 1
        if all(limit is None for limit in limits.values()):
            return fault.mode
        fired = read_json(self._fired_file) if self._fired_file.exists() else {}
        if any(limit and fired.get(name, 0) >= limit for name, limit in limits.items()):
            return None
        # Counted before it strikes: a fault that kills the server must not kill it for ever.
        write_json(self._fired_file, fired | {name: fired.get(name, 0) + 1 for name in limits})
        return fault.mode
