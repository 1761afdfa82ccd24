"""The night of docs/three-am.md, played by the real daemon: two tenants, a failing tool, a crash,
and after it another model and another prompt.

`python -m tests.docs.night FOLDER` plays it into FOLDER/var.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.doubles.openai_server import OpenAIServer
from tests.flows.configs import QUICK_CHECK, edited_config
from tests.flows.scenes import NOVEL, diagnosis, fresh_lab, openai_env
from tests.observer_process import APPROVAL, WARNING, ObserverProcess

SMALL, LARGE = "gpt-4o-mini", "gpt-4o"
OTHER_MODEL = {
    f'classify: ["openai:{SMALL}", "runbook:"]\n    warning: ["openai:{SMALL}", "runbook:"]': (
        f'classify: ["openai:{SMALL}", "runbook:"]\n    warning: ["openai:{LARGE}", "runbook:"]'
    )
}
OTHER_PROMPT = {"You are the on-call engineer of a data pipeline.": "You are on call."}
LATENCY_MS = 400
"""The models are slower than every tool."""


def play(folder: Path) -> Path:
    """Play it; returns the data directory, which no daemon holds any more."""
    before = edited_config(folder / "before", QUICK_CHECK)
    after = edited_config(
        folder / "after",
        {**QUICK_CHECK, "models.yaml": OTHER_MODEL, "prompts/diagnose.md": OTHER_PROMPT},
    )
    data_dir = folder / "var"
    with OpenAIServer(latency_ms=LATENCY_MS) as server:
        env = openai_env(server)
        doomed = ObserverProcess(
            data_dir, config=before, env=env, program="tests.doubles.doomed_daemon"
        )
        with doomed:
            server.script(SMALL, diagnosis("restart_stage"))
            _warning(doomed, "acme-1", "acme", NOVEL)
            nothing_fits = diagnosis("none", verdict="not_proven", cause="its API is ill")
            server.script(SMALL, diagnosis("restart_stage"), nothing_fits)
            _warning(
                doomed,
                "globex-1",
                "globex",
                {**NOVEL, "tools": {"restart_stage": {"mode": "error"}}},
            )
            _cut_short(doomed, server)
        with ObserverProcess(data_dir, config=after, env=env) as survivor:
            survivor.wait_for("queue-1", "resolved")
            server.script(LARGE, diagnosis("restart_stage"))
            _warning(survivor, "acme-2", "acme", NOVEL)
            survivor.wait_until_idle()
            assert survivor.terminate() == 0, survivor.log
    return data_dir


def _warning(observer: ObserverProcess, session: str, tenant: str, faults: dict) -> None:
    fresh_lab(observer, faults)
    observer.send({**WARNING, "session_id": session, "tenant_id": tenant})
    observer.wait_for(session, tenant=tenant)


def _cut_short(observer: ObserverProcess, server: OpenAIServer) -> None:
    """An approved action, and a kill -9 between the approval and the action."""
    fresh_lab(observer)
    server.script(SMALL, diagnosis("clear_queue", cause="the queue is too deep"))
    observer.send({**APPROVAL, "session_id": "queue-1"})
    observer.wait_for("queue-1", "waiting_approval")
    order = {"tool": "Ledger.intend", "when": "before"}
    (observer.data_dir / "doom.json").write_text(json.dumps(order))
    assert observer.answer("queue-1", {"type": "approve"}).status_code == 202
    assert observer.process is not None
    observer.process.wait(30)


if __name__ == "__main__":
    print(play(Path(sys.argv[1])))
