"""rollout_restart: new pods for one deployment, by an annotation that names the action."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from mcp_servers.actions.contract import CannotTell, Failed, OfNode, Refused, pointer
from mcp_servers.backends.action_records import Record
from mcp_servers.backends.programs import CannotRun, run
from mcp_servers.backends.trouble import SourceTrouble
from mcp_servers.platform_results import RolloutRestarted

OURS = "pipeline-observer/restarted-by"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


@dataclass(frozen=True)
class RestartRollout(OfNode[RolloutRestarted]):
    tool = "rollout_restart"
    answer = RolloutRestarted

    async def before(self) -> dict[str, Any]:
        return {"annotation": (await self._annotations()).get(OURS, "")}

    async def carry_out(self, record: Record) -> RolloutRestarted:
        # The same action writes the same text, which Kubernetes takes for no change.
        wanted = {OURS: _mark(record), RESTARTED_AT: record.at}
        patch = {"spec": {"template": {"metadata": {"annotations": wanted}}}}
        words = await self._kubectl("patch", "--type=merge", f"--patch={json.dumps(patch)}")
        annotations = await self._annotations()
        if annotations.get(OURS) != _mark(record):
            raise Failed(f"kubectl patch changed nothing on {self._deployment()}: {words}")
        return self._restarted(annotations)

    async def seen(self, record: Record) -> RolloutRestarted | None:
        annotations = await self._annotations()
        if annotations.get(OURS) == _mark(record):
            return self._restarted(annotations)
        if annotations.get(OURS, "") == record.before["annotation"]:
            return None
        raise CannotTell(f"{self._deployment()} was restarted by another action since")

    def _restarted(self, annotations: dict[str, str]) -> RolloutRestarted:
        deployment = self._deployment()
        return RolloutRestarted(
            node=self.node,
            deployment=deployment,
            restarted_at=annotations.get(RESTARTED_AT, ""),
            result=f"deployment {deployment} was told to restart its pods",
        )

    def _deployment(self) -> str:
        node = self.world.node(self.node)
        if node.deployment is None:
            raise Refused(f"{self.node} has no deployment")
        return pointer("deployment", node.deployment)

    async def _annotations(self) -> dict[str, str]:
        """The annotations of the deployment's pods, as Kubernetes has them now."""
        said = await self._kubectl("get", "--output=json")
        try:
            template = json.loads(said)["spec"]["template"]
            return dict(template.get("metadata", {}).get("annotations") or {})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceTrouble("kubectl printed no deployment") from error

    async def _kubectl(self, verb: str, *options: str) -> str:
        deployment = self._deployment()
        told = self.world.sections.platform.kubernetes
        if told is None:
            raise Refused("platform.kubernetes is not configured")
        where = [f"--context={told.context}"] if told.context is not None else []
        where += [f"--namespace={told.namespace}", "--request-timeout=6s"]
        try:
            ran = await run([*told.argv, *where, verb, "deployment", deployment, *options])
        except CannotRun as error:
            raise SourceTrouble(str(error)) from error
        if ran.code != 0 and verb == "get":
            raise SourceTrouble(f"kubectl {verb} ended with {ran.code}: {ran.words}")
        return ran.words if ran.code != 0 else ran.out


def _mark(record: Record) -> str:
    return hashlib.sha256(record.key.encode()).hexdigest()[:32]
