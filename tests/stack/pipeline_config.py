"""The shipped `stack` example with the stack's addresses, and with durations that fit a test."""

from __future__ import annotations

from pathlib import Path

from tests.observer_process import ROOT

EXAMPLE = ROOT / "observer" / "examples" / "stack"

RULES = {
    'group="primary"}) > 60': 'group="primary"}) > 3',
    "max(kafka_consumer_group_lag) > 10000": "max(kafka_consumer_group_lag) > 80",
    "for: 1m": "for: 2s",
    "for: 5m": "for: 4s",
}

"""The promise of 60 s is one of 3 s here, and everything else is shorter alike."""
SHORT = {
    "observer.yaml": {"lookback: 1m": "lookback: 3s"},
    "runbook.yaml": {
        "settle: 30s": "settle: 300ms",
        "{timeout: 2m, interval: 5s}": "{timeout: 8s, interval: 300ms}",
        "idle_for: 5m": "idle_for: 1s",
    },
    "autonomy.yaml": {"delay: 5m": "delay: 2s", "times: 3,": "times: 30,"},
    "known_errors.yaml": {
        "idle_for: 5m": "idle_for: 1s",
        "timeout: 60s": "timeout: 5s",
        "duration: 60s": "duration: 1s",
        "rate > 0 in 1m": "rate > 0 in 3s",
        "timeout: 120s": "timeout: 3s",
        "interval: 10s": "interval: 300ms",
        "interval: 15s": "interval: 300ms",
        "> 23000000000": "> 23000000",
        "in 1m": "in 3s",
        "28gb": "32mb",
    },
    "dependency_tree.yaml": {
        "window: PRIMARY_BUSINESS_HOURS": "window: ALWAYS",
        '"< 60s"': '"< 3s"',
        "lag_threshold: 10000": "lag_threshold: 50",
        '"< 10000"': '"< 80"',
        "max_age: 30s": "max_age: 3s",
        "[1m]": "[3s]",
        "30gb": "40mb",
    },
}


def edit(path: Path, changes: dict[str, str]) -> None:
    """Write other words where these stand; each must stand there."""
    text = path.read_text()
    for old, new in changes.items():
        assert old in text, f"{path.name} has no {old!r}"
        text = text.replace(old, new)
    path.write_text(text)


def rules(folder: Path) -> Path:
    """The example's alert rules, scaled: 3 s are a promise of 60 s."""
    path = folder / "rules.yaml"
    path.write_text((EXAMPLE / "prometheus_rules.yaml").read_text())
    edit(path, RULES)
    return path


def edit_all(folder: Path, changes: dict[str, dict[str, str]]) -> None:
    """Edit several files of a directory."""
    for name, words in changes.items():
        edit(folder / name, words)


def tell_people(folder: Path, github: str) -> None:
    """Take the comments off: every incident is an issue at a GitHub of the test's own."""
    told = f"  github: {{repo: acme/pipeline, token_env: GITHUB_TOKEN, api_url: '{github}'}}"
    edit(folder / "observer.yaml", {"# channels:\n": f"channels:\n{told}\n"})
    path = folder / "observer.yaml"
    before, server, after = path.read_text().partition("  # notifications:\n")
    lines = (server + after).splitlines(keepends=True)
    ours = [line.replace("# ", "", 1) for line in lines[:4]]
    path.write_text("".join([before, *ours, *lines[4:]]))
    issue = """
    - tool: open_github_issue
      args: {title: "{{ headline }}", body: "{{ report }}", incident_key: "{{ incident_key }}"}
"""
    (folder / "escalation.yaml").write_text(f"outcome:\n  WARNING:{issue}  CRITICAL:{issue}")
