"""A restart in the middle of a fix: the wait is not begun again, the rollback is not done twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from tests.crash.evidence import actions, config_with_dying_tools, doom, until
from tests.flows.scenes import rows, spans
from tests.observer_process import WARNING, ObserverProcess

pytestmark = pytest.mark.slow

WAIT_S = 6
KNOWN = f"""\
errors:
  - id: ke-1
    signature: {{log_pattern: unexpected field, node: transformation}}
    root_cause: x
    severity: low
    fix:
      type: automated
      steps:
        - {{action: wait, duration: {WAIT_S}s}}
        - {{action: retry_failed_jobs, args: {{max_retries: 1}}}}
        - {{action: verify, check: "error_rate_pct < 1", timeout: 100ms}}
        - {{action: escalate_if_failed, message: look at it}}
      rollback:
        - {{action: restart_stage, args: {{reason: undo}}}}
"""


def test_stopped_in_its_wait_and_killed_after_its_rollback_each_is_done_once(
    make_observer: Callable[..., ObserverProcess], tmp_path: Path
) -> None:
    """Cases 1 and 7."""
    config = config_with_dying_tools(tmp_path)
    (config / "known_errors.yaml").write_text(KNOWN)
    observer = make_observer(config=config, env={"OBSERVER__WORKER__GRACE": "300ms"}).start()
    observer.faults({"tools": {"retry_failed_jobs": {"mode": "no_heal"}}})
    doom(observer.data_dir, "restart_stage", "after")
    sent = time.time()
    session = observer.send({**WARNING, "session_id": "undone"})
    until(lambda: _waiting(observer), "the wait has begun")
    assert observer.terminate() == 0
    ended_at = time.time()

    second = make_observer(config=config).start()
    assert second.process is not None
    second.process.wait(60)

    third = make_observer(config=config).start()
    ended = third.wait_for(session)

    assert ended["outcome"] == "escalated"
    assert "rolled back (restart_stage)" in ended["report"]
    done = [a for a in actions(third.data_dir) if "/tell/" not in a["key"]]
    keys = [action["key"].split("/", 3)[3] for action in done]
    assert keys == ["remedy/0/ke-1/1", "rollback/0/ke-1/0"]
    done_at = datetime.fromisoformat(done[0]["at"]).timestamp()
    assert done_at >= max(sent + WAIT_S, ended_at)
    said = {span.get("result_summary"): span for span in spans(third, session)}
    # A process takes longer than a second to start, and that was waited for, too.
    assert said[f"waited {WAIT_S} s"]["latency_ms"] < (WAIT_S - 1) * 1000


def _waiting(observer: ObserverProcess) -> bool:
    """Whether the wait's end is in the checkpoints; `classify` has written that there is none."""
    file = observer.data_dir / "checkpoints.db"
    return rows(file, "SELECT count(*) FROM writes WHERE channel = 'wait_until'") == [(2,)]
