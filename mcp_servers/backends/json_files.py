"""The lab's pipeline in three JSON files: what each tool reports, and what each action changes."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from mcp_servers.backends.action_folder import ActionFolder
from mcp_servers.backends.action_log import Change
from mcp_servers.faults import CALL_FAULTS, Faults, Tool
from mcp_servers.pipeline_results import (
    ErrorLine,
    FoundAction,
    IncidentCreated,
    OncallPaged,
    PipelineHealth,
    QueueCleared,
    RecentErrors,
    Restarted,
    Retried,
    SlackAlertSent,
    StageMetrics,
)

HEALTHY = {
    "throughput_rps": 3420,
    "error_rate_pct": 0.1,
    "p95_latency_ms": 120,
    "queue_depth": 45,
}
DEGRADED = {
    "throughput_rps": 340,
    "error_rate_pct": 3.2,
    "p95_latency_ms": 1240,
    "queue_depth": 8420,
}
ERRORS = [
    ErrorLine(timestamp="14:23:12", message="Deserialization failed: unexpected field 'legacy_id'"),
    ErrorLine(timestamp="14:22:51", message="Schema validation: unknown column 'legacy_id'"),
]


class JsonFilesPipeline:
    def __init__(
        self,
        folder: Path,
        faults_file: Path | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._faults = Faults(faults_file or folder / "faults.json", folder / "faults_fired.json")
        self._folder = ActionFolder(folder, self._faults, now)
        self._now = now

    def call_fault(self, tool: Tool, stage: str | None) -> str | None:
        """How this call is meant to go wrong, by order of the faults file."""
        with self._folder.opened():
            return self._faults.fire(tool, stage, CALL_FAULTS)

    def health(self) -> PipelineHealth:
        with self._folder.opened():
            stages = self._folder.stages()
        healthy = sum(status == "healthy" for status in stages.values())
        return PipelineHealth(
            stages=stages,
            healthy_count=healthy,
            total_count=len(stages),
            overall="healthy" if healthy == len(stages) else "degraded",
        )

    def stage_metrics(self, stage: str) -> StageMetrics:
        with self._folder.opened():
            return self._measure(stage)

    def recent_errors(self, stage: str, minutes: int) -> RecentErrors:
        with self._folder.opened():
            self._folder.status(stage)
            ordered = self._faults.plan().errors.get(stage)
        errors = ERRORS
        if ordered is not None:
            just_now = f"{self._now():%H:%M:%S}"
            errors = [ErrorLine(timestamp=just_now, message=message) for message in ordered]
        return RecentErrors(stage=stage, minutes=minutes, errors=errors)

    def find_action(self, key: str) -> FoundAction:
        with self._folder.opened():
            logged = self._folder.log.find(key)
        if logged is None:
            return FoundAction(found=False)
        return FoundAction(found=True, action=logged.action, result=logged.result)

    def restart_stage(self, stage: str, reason: str, *, once: str) -> Restarted:
        def decide(fault: str | None) -> tuple[Restarted, Change | None]:
            if fault == "refuse":
                text = f"ERR stage '{stage}' refused to restart"
                return Restarted(stage=stage, result=text, restart_id=None), None
            text = f"Stage '{stage}' restarted successfully."
            restart_id = f"rs-{self._folder.log.count('restart_stage') + 1}"
            restarted = Restarted(stage=stage, result=text, restart_id=restart_id)
            return restarted, None if fault else self._folder.heal(stage)

        args = {"stage": stage, "reason": reason}
        return self._folder.act("restart_stage", stage, args, once, decide, Restarted)

    def retry_failed_jobs(self, stage: str, max_retries: int, *, once: str) -> Retried:
        def decide(fault: str | None) -> tuple[Retried, Change | None]:
            if fault == "refuse":
                text = f"ERR stage '{stage}' takes no retries"
                nothing = Retried(stage=stage, retried=0, succeeded=0, still_failing=0, result=text)
                return nothing, None
            change = self._folder.heal(stage)
            status = self._folder.status(stage)
            # A stage that is down, not just degraded, fails its jobs again.
            succeeded = 0 if fault or status not in ("healthy", "degraded") else 36
            retried = Retried(
                stage=stage,
                retried=42,
                succeeded=succeeded,
                still_failing=42 - succeeded,
                result=f"{succeeded} of 42 retried jobs succeeded.",
            )
            return retried, change if succeeded and status == "degraded" else None

        args = {"stage": stage, "max_retries": max_retries}
        return self._folder.act("retry_failed_jobs", stage, args, once, decide, Retried)

    def clear_queue(self, stage: str, reason: str, *, once: str) -> QueueCleared:
        def decide(fault: str | None) -> tuple[QueueCleared, Change | None]:
            if fault == "refuse":
                text = f"ERR the queue of stage '{stage}' is locked"
                nothing = QueueCleared(stage=stage, cleared_items=0, result=text, clear_id=None)
                return nothing, None
            change = self._folder.heal(stage)
            depth = int(self._measure(stage).queue_depth or 0)
            text = f"Cleared {depth} items from the queue of stage '{stage}'."
            clear_id = f"cq-{self._folder.log.count('clear_queue') + 1}"
            cleared = QueueCleared(stage=stage, cleared_items=depth, result=text, clear_id=clear_id)
            return cleared, None if fault else change

        args = {"stage": stage, "reason": reason}
        return self._folder.act("clear_queue", stage, args, once, decide, QueueCleared)

    def create_incident(
        self, title: str, severity: str, description: str, affected_stage: str, *, once: str
    ) -> IncidentCreated:
        args = {
            "title": title,
            "severity": severity,
            "description": description,
            "affected_stage": affected_stage,
        }

        def decide(fault: str | None) -> tuple[IncidentCreated, Change | None]:
            if fault:
                text = "ERR the ticket system refused the incident"
                return IncidentCreated(incident_id=None, status="refused", result=text), None
            change = self._folder.append("incidents.json", "INC", args, at="created_at")
            incident_id = change.item["id"]
            text = f"Incident {incident_id} created."
            return IncidentCreated(incident_id=incident_id, status="created", result=text), change

        return self._folder.act(
            "create_incident", affected_stage, args, once, decide, IncidentCreated
        )

    def send_slack_alert(self, channel: str, message: str, *, once: str) -> SlackAlertSent:
        args = {"channel": channel, "message": message}

        def decide(fault: str | None) -> tuple[SlackAlertSent, Change | None]:
            if fault:
                text = f"ERR Slack refused the alert to {channel}"
                return SlackAlertSent(channel=channel, delivered=False, result=text), None
            text = f"Alert delivered to {channel}."
            sent = SlackAlertSent(channel=channel, delivered=True, result=text)
            alert = {"type": "slack", **args}
            return sent, self._folder.append("alerts.json", "AL", alert, at="sent_at")

        return self._folder.act("send_slack_alert", channel, args, once, decide, SlackAlertSent)

    def page_oncall(self, service: str, message: str, *, once: str) -> OncallPaged:
        args = {"service": service, "message": message}

        def decide(fault: str | None) -> tuple[OncallPaged, Change | None]:
            if fault:
                text = f"ERR PagerDuty refused the page for {service}"
                return OncallPaged(service=service, page_id=None, result=text), None
            page_id = f"PD-{self._folder.log.count('page_oncall') + 1:05d}"
            text = f"On-call for {service} paged."
            paged = OncallPaged(service=service, page_id=page_id, result=text)
            alert = {"type": "pagerduty", **args}
            return paged, self._folder.append("alerts.json", "AL", alert, at="sent_at")

        return self._folder.act("page_oncall", service, args, once, decide, OncallPaged)

    def _measure(self, stage: str) -> StageMetrics:
        status = self._folder.status(stage)
        override = self._faults.plan().metrics.get(stage)
        ordered = override.model_dump(exclude_unset=True) if override else {}
        status = ordered.get("status") or status
        # The lab knows two sets of figures; a stage that is down must not look well.
        figures = HEALTHY if status == "healthy" else DEGRADED
        return StageMetrics(**{**figures, **ordered, "stage": stage, "status": status})
