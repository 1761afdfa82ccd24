"""A daemon whose people are told by real channels, and asked by Telegram."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.channels.scenes import World
from tests.flows.configs import QUICK_CHECK, edited_config

QUICK = {
    "OBSERVER__QUEUE__POLLING_INTERVAL": "100ms",
    "OBSERVER__WORKER__RETRY_DELAYS": '["200ms", "200ms"]',
}
ROWS = """\
actions:
  post_slack_message: {level: full, blast_radius: 2, severities: [WARNING, CRITICAL]}
  page_pagerduty: {level: full, blast_radius: 3, severities: [CRITICAL]}
  send_telegram_message: {level: full, blast_radius: 2, severities: [WARNING, CRITICAL]}
  open_github_issue: {level: full, blast_radius: 2, severities: [WARNING, CRITICAL]}
  post_webhook: {level: full, blast_radius: 2, severities: [WARNING, CRITICAL]}
  find_notification: {level: full, blast_radius: 1}
"""
SERVER = """\
mcp_servers:
  notifications:
    command: [python, -m, mcp_servers.notification_tools, --data-dir, "{data_dir}/notifications"]
    look_up: find_notification
    sections: [channels]
"""
ESCALATION = """\
outcome:
  WARNING:
    - {tool: post_slack_message, args: {message: "{{ severity }}: {{ chain }}"}}
  CRITICAL:
    - tool: open_github_issue
      args: {title: "{{ headline }}", body: "{{ report }}", incident_key: "{{ incident_key }}"}
    - tool: page_pagerduty
      args: {summary: "{{ summary }}", severity: CRITICAL, incident_key: "{{ incident_key }}"}
    - tool: send_telegram_message
      args: {message: "{{ chain }}", approval_id: "{{ approval_id }}"}
approval:
  CRITICAL:
    - tool: page_pagerduty
      args: {summary: "{{ question }}", severity: CRITICAL, incident_key: "{{ incident_key }}"}
    - tool: send_telegram_message
      args: {message: "{{ chain }}", approval_id: "{{ approval_id }}"}
"""


def channels_config(folder: Path, world: World, *, asks: bool = False, **changed: Any) -> Path:
    """The shipped configuration with these channels; with `asks`, a restart needs a person."""
    section = yaml.safe_dump({"channels": {**world.channels, **changed}})
    autonomy = {"actions:\n": ROWS}
    if asks:
        restart = "restart_stage: {level: %s, blast_radius: 3}"
        autonomy[restart % "full"] = restart % "approve"
    config = edited_config(
        folder,
        {
            **QUICK_CHECK,
            "observer.yaml": {"mcp_servers:\n": section + SERVER},
            "autonomy.yaml": autonomy,
        },
    )
    (config / "escalation.yaml").write_text(ESCALATION)
    return config
