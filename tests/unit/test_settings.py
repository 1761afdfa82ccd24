"""Configuration: each mistake refuses the start with its file, line and key, and what to write."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from observer.domain.event import Severity
from observer.domain.remedy import Level
from observer.errors import ConfigurationError
from observer.settings import Configuration, load_configuration

SHIPPED = Path(__file__).parents[2] / "config"
KNOWN = "known_errors.yaml"

# What is wrong: file, text to replace, replacement, the key and the words of the complaint. The
# line that must be named is the one on which `>>>` stands in the replacement.
MISTAKES: dict[str, tuple[str, str, str, str, list[str]]] = {
    "unknown key": (
        "observer.yaml",
        "  max_pending:*",
        ">>>  max_pendng: 1000",
        "queue.max_pendng",
        ["unknown key", "did you mean 'max_pending'?"],
    ),
    "unknown key without a likeness": (
        "observer.yaml",
        "  window: 60s*",
        "  window: 60s\n>>>  zzz: 1",
        "dedupe.zzz",
        ["unknown key", "allowed here: event_ids, window"],
    ),
    "a schedule of seven fields": (
        "observer.yaml",
        "mcp_servers:",
        "triggers:\n  cron:\n    - name: a\n>>>      schedule: '* * * * * * *'\n"
        "      event: {stage: loading, message: m}\nmcp_servers:",
        "triggers.cron.0.schedule",
        ["5 fields", "this one has 7"],
    ),
    "an unknown word in a trigger's message": (
        "observer.yaml",
        "mcp_servers:",
        "triggers:\n  cron:\n>>>    - name: a\n      schedule: '* * * * *'\n"
        "      event: {stage: loading, message: '{{ tik }}'}\nmcp_servers:",
        "triggers.cron.0",
        ["event.message", "did you mean 'tick'?"],
    ),
    "a path that is not absolute": (
        "observer.yaml",
        "mcp_servers:",
        "triggers:\n  files:\n    - name: a\n      pattern: x\n>>>      path: logs/*.log\n"
        "      event: {stage: loading, message: m}\nmcp_servers:",
        "triggers.files.0.path",
        ["must be an absolute path"],
    ),
    "a pattern that is not RE2": (
        "observer.yaml",
        "mcp_servers:",
        "triggers:\n  files:\n    - name: a\n      path: /a.log\n>>>      pattern: '(?=x)'\n"
        "      event: {stage: loading, message: m}\nmcp_servers:",
        "triggers.files.0.pattern",
        ["is not an RE2 pattern"],
    ),
    "a stage from a log line": (
        "observer.yaml",
        "mcp_servers:",
        "triggers:\n  files:\n    - name: a\n      path: /a.log\n      pattern: '(?P<s>.*)'\n"
        ">>>      event: {stage: '{{ s }}', message: m}\nmcp_servers:",
        "triggers.files.0.event.stage",
        ["should match pattern"],
    ),
    "unknown section": (
        "observer.yaml",
        "dedupe:",
        ">>>dedup:",
        "dedup",
        ["did you mean 'dedupe'?"],
    ),
    "wrong type": (
        "observer.yaml",
        "  port:*",
        ">>>  port: ninety",
        "server.port",
        ["valid integer", "found 'ninety'"],
    ),
    "out of range": (
        "observer.yaml",
        "\nconcurrency:*",
        "\n>>>concurrency: 0",
        "concurrency",
        ["greater than or equal to 1"],
    ),
    "missing key": (
        "runbook.yaml",
        "  condition: error_rate_pct < 1\n",
        "",
        "check.condition",
        ["missing"],
    ),
    "missing section": ("runbook.yaml", "act_on:*", "", "act_on", ["missing"]),
    "a list where keys belong": (
        "observer.yaml",
        "remedies:\n  max_tries:*",
        ">>>remedies:\n  - 2",
        "remedies",
        ["valid dictionary"],
    ),
    "unknown time zone": (
        "observer.yaml",
        "  time_zone:*",
        ">>>  time_zone: Europe/Atlantis",
        "budget.time_zone",
        ["invalid timezone: Europe/Atlantis"],
    ),
    "a folder for a time zone": (
        "observer.yaml",
        "  time_zone:*",
        ">>>  time_zone: Europe",
        "budget.time_zone",
        ["invalid timezone: Europe"],
    ),
    "a tenant that no event can name": (
        "observer.yaml",
        "  tenants: {}*",
        ">>>  tenants: {'*': {max_tool_calls_per_day: 1}}",
        "budget.tenants.*",
        ["String should match pattern"],
    ),
    "money of which there is less than none": (
        "observer.yaml",
        "  max_cost_per_day: 5.00*",
        ">>>  max_cost_per_day: -1",
        "budget.max_cost_per_day",
        ["greater than or equal to 0"],
    ),
    "bad duration": (
        "observer.yaml",
        "  window: 60s*",
        ">>>  window: 1 minute",
        "dedupe.window",
        ["'1 minute' is not a duration", "500ms, 8s, 5m or 24h"],
    ),
    "duration of a clock": (
        "observer.yaml",
        "  deadline:*",
        ">>>  deadline: 04:00:00",
        "approvals.deadline",
        ["not a duration"],
    ),
    "duration of nothing": (
        "observer.yaml",
        "  deadline:*",
        ">>>  deadline: 0s",
        "approvals.deadline",
        ["greater than 0"],
    ),
    "endless duration": (
        "autonomy.yaml",
        "{level: approve, blast_radius: 4}",
        f">>>{{level: after_delay, blast_radius: 4, delay: {'9' * 20}d}}",
        "actions.clear_queue.delay",
        ["less than or equal to"],
    ),
    "bad condition": (
        "runbook.yaml",
        "  condition: error_rate_pct < 1",
        ">>>  condition: error_rate_pct is low",
        "check.condition",
        ["is not a condition", "`error_rate_pct > 1`"],
    ),
    "a number for a condition": (
        "runbook.yaml",
        "  condition: error_rate_pct < 1",
        ">>>  condition: 5",
        "check.condition",
        ["valid string", "found 5"],
    ),
    "unknown tool in a reading": (
        "runbook.yaml",
        "  overall_health: {tool: check_pipeline_health}",
        ">>>  overall_health: {tool: check_all}",
        "further_readings.overall_health.tool",
        ["'check_all' has no row in autonomy.yaml", "check_pipeline_health"],
    ),
    "unknown tool in a remedy": (
        "runbook.yaml",
        "{tool: clear_queue, args",
        ">>>{tool: drop_queue, args",
        "remedies.clear_queue.steps.0.tool",
        ["'drop_queue' has no row in autonomy.yaml"],
    ),
    "unknown tool in a rollback": (
        "runbook.yaml",
        '      - {tool: retry_failed_jobs, args: {stage: "{stage}", max_retries: 3}}\n',
        "      - {tool: retry_failed_jobs}\n>>>    rollback: [{tool: forget_jobs}]\n",
        "remedies.retry_failed_jobs.rollback.0.tool",
        ["'forget_jobs' has no row in autonomy.yaml"],
    ),
    "a word that no rollback knows": (
        "runbook.yaml",
        '      - {tool: retry_failed_jobs, args: {stage: "{stage}", max_retries: 3}}\n',
        "      - {tool: retry_failed_jobs}\n"
        '>>>    rollback: [{tool: clear_queue, args: {stage: "{stge}"}}]\n',
        "remedies.retry_failed_jobs.rollback.0.args.stage",
        ["unknown word 'stge'"],
    ),
    "unknown tool in the check": (
        "runbook.yaml",
        "  tool: get_stage_metrics\n",
        ">>>  tool: get_metrics\n",
        "check.tool",
        ["'get_metrics' has no row"],
    ),
    "unknown tool in an escalation": (
        "escalation.yaml",
        '{channel: "#incidents", message: "CRITICAL: {{ summary }}"}',
        '{channel: "#incidents", message: "CRITICAL: {{ summary }}"}\n>>>    - tool: send_fax',
        "outcome.CRITICAL.3.tool",
        ["'send_fax' has no row"],
    ),
    "unknown tool in a known error": (
        KNOWN,
        "- action: retry_failed_jobs",
        ">>>- action: retry_jobs",
        "errors.0.fix.steps.0.action",
        ["'retry_jobs' has no row"],
    ),
    "a page for a warning": (
        "escalation.yaml",
        'send_slack_alert\n      args: {channel: "#data-pipeline", message: "WARNING: {{ s',
        '>>>page_oncall\n      args: {channel: "#data-pipeline", message: "WARNING: {{ s',
        "outcome.WARNING.1.tool",
        ["autonomy.yaml does not let page_oncall run by itself for WARNING"],
    ),
    "a notification that needs an approval": (
        "escalation.yaml",
        'send_slack_alert\n      args: {channel: "#data-pipeline", message: "WARNING: a',
        '>>>clear_queue\n      args: {channel: "#data-pipeline", message: "WARNING: a',
        "approval.WARNING.0.tool",
        ["does not let clear_queue run by itself"],
    ),
    "a play with an unknown remedy": (
        "runbook.yaml",
        "remedy: restart_stage, cause: the stage failed",
        ">>>remedy: reboot, cause: the stage failed",
        "plays.3.remedy",
        ["'reboot' is no remedy", "retry_failed_jobs, restart_stage, clear_queue"],
    ),
    "a known error on an unknown node": (
        KNOWN,
        "      node: transformation",
        ">>>      node: transformer",
        "errors.0.signature.node",
        ["'transformer' is no node of dependency_tree.yaml"],
    ),
    "a pattern with look-around": (
        KNOWN,
        "      log_pattern: \"(unexpected field|unknown column) 'legacy_id'\"",
        '>>>      log_pattern: "(?<=x)y"',
        "errors.0.signature.log_pattern",
        ["not an RE2 pattern (no look-around, no backreferences)"],
    ),
    "a pattern that is too broad": (
        KNOWN,
        "      log_pattern: \"(unexpected field|unknown column) 'legacy_id'\"",
        '>>>      log_pattern: "unexpected field|OOM"',
        "errors.0.signature.log_pattern",
        ["too broad: 'unexpected field|OOM'", "at least 4 characters", "'oom' is all"],
    ),
    "a pattern that matches everything": (
        KNOWN,
        "      log_pattern: \"(unexpected field|unknown column) 'legacy_id'\"",
        '>>>      log_pattern: ".*"',
        "errors.0.signature.log_pattern",
        ["matches every line"],
    ),
    "a known error that is written twice": (
        KNOWN,
        '    first_seen: "2026-04-08"\n    occurrence_count: 0\n',
        '    first_seen: "2026-04-08"\n    occurrence_count: 0\n>>>  - id: ke-legacy-id\n'
        "    signature: {log_pattern: abcd, node: loading}\n    root_cause: x\n"
        "    fix: {type: escalate}\n    severity: low\n",
        "errors.1.id",
        ["'ke-legacy-id' is written twice"],
    ),
    "an automated fix that does nothing": (
        KNOWN,
        "      steps:\n        - action: retry_failed_jobs\n          args: {max_retries: 3}\n"
        "          purpose: run the failed jobs again, now without the retired column\n",
        ">>>      steps:\n",
        "errors.0.fix.steps",
        ["needs a step that does something", "type: escalate"],
    ),
    "patience without an end": (
        "autonomy.yaml",
        "  clear_queue: {level: approve,",
        ">>>  clear_queue: {level: after_delay,",
        "actions.clear_queue.level",
        ["after_delay needs a `delay`", "delay: 5m"],
    ),
    "a word that no notice knows": (
        "escalation.yaml",
        'message: "WARNING: {{ summary }}"',
        'message: ">>>WARNING: {{ sumary }}"',
        "outcome.WARNING.1.args.message",
        ["unknown word 'sumary'", "did you mean 'summary'?"],
    ),
    "a notice that is no template": (
        "escalation.yaml",
        'message: "WARNING: {{ summary }}"',
        'message: ">>>WARNING: {{ summary"',
        "outcome.WARNING.1.args.message",
        ["not a template"],
    ),
    "a word that no call knows": (
        "runbook.yaml",
        '{tool: retry_failed_jobs, args: {stage: "{stage}"',
        '>>>{tool: retry_failed_jobs, args: {stage: "{stge}"',
        "remedies.retry_failed_jobs.steps.0.args.stage",
        ["unknown word 'stge'", "did you mean 'stage'?"],
    ),
    "an unknown level": (
        "autonomy.yaml",
        "{level: approve,",
        ">>>{level: sometimes,",
        "actions.clear_queue.level",
        ["'full', 'after_delay', 'known_pattern', 'approve' or 'never'"],
    ),
    "an unknown severity": (
        "autonomy.yaml",
        "severities: [CRITICAL]",
        ">>>severities: [CRITICAL, FATAL]",
        "actions.page_oncall.severities.1",
        ["'INFO', 'WARNING' or 'CRITICAL'"],
    ),
    "a chain that can end in nothing": (
        "models.yaml",
        '    critical: ["runbook:"]',
        '>>>    critical: ["openai:gpt-4o"]',
        "profiles.runbook.critical",
        ["must end in 'runbook:'"],
    ),
    "a model without a price": (
        "models.yaml",
        '    critical: ["runbook:"]',
        '>>>    critical: ["acme:big-1", "runbook:"]',
        "profiles.runbook.critical",
        ["'acme:big-1' is in no price list", "under `prices`"],
    ),
    "a role without a chain": (
        "models.yaml",
        '    judge: ["runbook:"]\n  openai:',
        "  openai:",
        "profiles.runbook.judge",
        ["missing", "classify, warning, critical, judge"],
    ),
    "a price without an end": (
        "models.yaml",
        "{input: 0, output: 0}",
        ">>>{input: 0, output: 1e999}",
        "prices.runbook:.output",
        ["less than or equal to 1000000"],
    ),
    "a condition without a tool": (
        "runbook.yaml",
        '  tool: get_stage_metrics\n  args: {stage: "{stage}"}\n  condition: error_rate_pct < 1',
        ">>>  condition: error_rate_pct < 1",
        "check.condition",
        ["write `tool`, too"],
    ),
    "a word that the log's reading has not": (
        "runbook.yaml",
        "matching:",
        'logs:\n  tool: get_recent_errors\n>>>  args: {stage: "{contaner}"}\nmatching:',
        "logs.args.stage",
        ["did you mean 'container'?"],
    ),
    "conditions that do not ask": (
        "runbook.yaml",
        "matching:",
        "conditions:\n  tool: get_stage_metrics\n>>>  args: {stage: loading}\nmatching:",
        "conditions.args",
        ["must hold {query}"],
    ),
    "a log's tool that nobody ruled on": (
        "runbook.yaml",
        "matching:",
        'logs:\n>>>  tool: tail\n  args: {container: "{container}"}\nmatching:',
        "logs.tool",
        ["'tail' has no row in autonomy.yaml"],
    ),
    "readings that nobody reads": (
        "runbook.yaml",
        "act_on: event*",
        ">>>act_on: readings",
        "act_on",
        ["needs `walk: [WARNING, CRITICAL]`"],
    ),
    "a play about a node that is not there": (
        "runbook.yaml",
        "  - {severity: WARNING, stage: indexing, remedy: clear_queue,*",
        ">>>  - {severity: WARNING, node: indexin, remedy: clear_queue, cause: x}",
        "plays.0.node",
        ["is no node of dependency_tree.yaml"],
    ),
    "a play that says node and stage": (
        "runbook.yaml",
        "  - {severity: WARNING, stage: indexing, remedy: clear_queue,*",
        ">>>  - {severity: WARNING, node: a, stage: b, remedy: clear_queue, cause: x}",
        "plays.0",
        ["write one of them"],
    ),
    "a play that is for no such node": (
        "runbook.yaml",
        "    purpose: an excessive queue whose items may be lost\n",
        "    purpose: an excessive queue\n    for: [kafka_topic]\n",
        "plays.0.remedy",
        ["never proposed for indexing, which is stage"],
    ),
    "a promise that cannot be compared": (
        "dependency_tree.yaml",
        "      threshold: 60s\n",
        ">>>      threshold: soon\n      query: max(age_seconds)\n",
        "metrics.pipeline_freshness.sla.threshold",
        ["cannot be compared", "write for example 60s"],
    ),
    "two transports for a tool server": (
        "observer.yaml",
        "    look_up: find_action",
        "    url: http://127.0.0.1:1/mcp\n    look_up: find_action",
        "mcp_servers.pipeline",
        ["either `command` (stdio) or `url` (HTTP)"],
    ),
    "a key that is written twice": (
        "autonomy.yaml",
        "  clear_queue:",
        "  restart_stage: {level: full, blast_radius: 1}\n  clear_queue:",
        "restart_stage",
        ["written twice"],
    ),
    "a file that is no mapping": (
        "known_errors.yaml",
        "errors:\n",
        "",
        "(top level)",
        ["must be a mapping"],
    ),
    "a field of a tool without a reason": (
        "redaction.yaml",
        "      overall: {keep: a word of a fixed list}",
        "      >>>overall: {}",
        "tools.check_pipeline_health.result.overall",
        ["one of keep, hash and drop"],
    ),
    "a field of a tool that is kept and dropped": (
        "redaction.yaml",
        "      overall: {keep: a word of a fixed list}",
        "      >>>overall: {keep: a word, drop: a word}",
        "tools.check_pipeline_health.result.overall",
        ["one of keep, hash and drop"],
    ),
    "a field's treatment that nobody knows": (
        "redaction.yaml",
        "      overall: {keep: a word of a fixed list}",
        "      overall: {>>>kept: a word of a fixed list}",
        "tools.check_pipeline_health.result.overall.kept",
        ["did you mean 'keep'"],
    ),
    "a tool in redaction.yaml that is another's misspelling": (
        "redaction.yaml",
        "  restart_stage:\n",
        "  >>>restart_stages:\n",
        "tools.restart_stages",
        ["did you mean 'restart_stage'"],
    ),
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("OBSERVER", "OPENAI")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    shutil.copytree(SHIPPED, tmp_path / "config")
    return tmp_path / "config"


def edit(config: Path, file: str, old: str, new: str) -> int | None:
    """Change one place; returns the line (from 1) on which `>>>` stood.

    A `*` at the end of `old` stands for the rest of its line: values may be tuned freely.
    """
    path = config / file
    text = path.read_text()
    pattern = re.escape(old.removesuffix("*")) + (".*" if old.endswith("*") else "")
    found = re.findall(pattern, text)
    assert len(found) == 1, f"{old!r} stands {len(found)} times in {file}"
    before, _, after = text.partition(found[0])
    edited = before + new + after
    path.write_text(edited.replace(">>>", ""))
    return edited[: edited.index(">>>")].count("\n") + 1 if ">>>" in edited else None


def complaints(config: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as refusal:
        load_configuration(config)
    return str(refusal.value).splitlines()


def test_the_shipped_configuration_is_valid_and_means_what_it_says() -> None:
    found = load_configuration(SHIPPED)
    assert found.profile == "runbook"
    assert found.autonomy["clear_queue"].level is Level.APPROVE
    assert found.autonomy["page_oncall"].severities == (Severity.CRITICAL,)
    assert found.observer.dedupe.window > 1
    assert [known.id for known in found.known_errors] == ["ke-legacy-id"]
    assert found.webhook_secrets == ()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_reported_with_file_line_key_and_a_way_out(config: Path, mistake: str) -> None:
    file, old, new, key, words = MISTAKES[mistake]
    line = edit(config, file, old, new)
    (complaint,) = complaints(config)
    path, found_line, rest = complaint.removeprefix(f"{config}/").split(":", 2)
    assert path == file
    assert rest.startswith(f" {key}: "), complaint
    assert all(word in rest for word in words), complaint
    if line is not None:
        assert int(found_line) == line, complaint


@pytest.mark.parametrize(
    "file",
    [
        *sorted(path.name for path in SHIPPED.glob("*.yaml")),
        "prompts/classify.md",
        "prompts/diagnose.md",
    ],
)
@pytest.mark.parametrize("how", ["gone", "not text"])
def test_a_file_that_cannot_be_read_is_named(config: Path, file: str, how: str) -> None:
    if how == "gone":
        (config / file).unlink()
    else:
        (config / file).write_bytes(b"\xff\xfe")
    (complaint,) = complaints(config)
    assert complaint.startswith(f"{config / file}: cannot be read")


def test_every_file_of_the_configuration_is_read() -> None:
    assert {path.name for path in SHIPPED.glob("*.yaml")} == {
        "observer.yaml",
        "models.yaml",
        "runbook.yaml",
        "autonomy.yaml",
        "escalation.yaml",
        "dependency_tree.yaml",
        "known_errors.yaml",
        "redaction.yaml",
    }


def test_several_mistakes_in_several_files_are_reported_at_once(config: Path) -> None:
    edit(config, "observer.yaml", "  port:*", "  port: ninety\n  prt: 1")
    edit(config, "models.yaml", "  max_answer_bytes:*", "  max_answer_bytes: many")
    (config / "escalation.yaml").unlink()
    files = [line.removeprefix(f"{config}/").partition(":")[0] for line in complaints(config)]
    assert sorted(files) == ["escalation.yaml", "models.yaml", "observer.yaml", "observer.yaml"]


def test_several_contradictions_between_files_are_reported_at_once(config: Path) -> None:
    edit(config, KNOWN, "      node: transformation", "      node: nowhere")
    edit(config, "runbook.yaml", "remedy: clear_queue,", "remedy: reboot,")
    edit(config, "models.yaml", '    critical: ["runbook:"]', '    critical: ["acme:x"]')
    assert len(complaints(config)) == 4


def test_a_check_without_a_tool_needs_what_else_could_prove_healing(config: Path) -> None:
    edit(
        config,
        "runbook.yaml",
        '  tool: get_stage_metrics\n  args: {stage: "{stage}"}\n  condition: error_rate_pct < 1\n',
        "",
    )

    found = "\n".join(complaints(config))

    assert "check_health is asked, which has no row in autonomy.yaml" in found
    assert "the stage_metrics of indexing is this check: write `tool` and `condition`" in found
    assert "nothing says how to read this; add `conditions` to runbook.yaml" in found
    assert "known_errors.yaml:" in found


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert complaints(tmp_path / "gone") == [f"{tmp_path}/gone: no such configuration directory"]


def test_an_unknown_profile_lists_the_known_ones(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBSERVER_MODELS", "gpt9")
    (complaint,) = complaints(config)
    assert complaint.startswith(f"{config}/models.yaml:3: profiles: OBSERVER_MODELS names 'gpt9'")
    assert complaint.endswith("profiles here: runbook, openai, mixed")


def test_an_unpriced_model_is_refused_in_profiles_that_are_not_used_too(config: Path) -> None:
    """Case 37."""
    edit(config, "models.yaml", '["openai:gpt-4o", "runbook:"]\n    judge: ["openai:gpt-4o-mini"',
         '["openai:gpt-99", "runbook:"]\n    judge: ["openai:gpt-4o-mini"')  # fmt: skip
    (complaint,) = complaints(config)
    assert "profiles.openai.critical: 'openai:gpt-99' is in no price list" in complaint


def test_the_window_of_recent_lines_is_a_quarter_of_an_hour_unless_written(config: Path) -> None:
    edit(config, "runbook.yaml", "matching:\n  window: 15m\n", "")
    assert load_configuration(config).runbook.matching.window == 900
    runbook = config / "runbook.yaml"
    runbook.write_text(runbook.read_text() + "matching: {window: 1h}\n")
    assert load_configuration(config).runbook.matching.window == 3600


def test_a_price_of_ones_own_makes_an_unknown_model_usable(config: Path) -> None:
    """Case 37."""
    edit(config, "models.yaml", '    critical: ["runbook:"]', '    critical: ["a:b", "runbook:"]')
    edit(config, "models.yaml", "prices:\n", 'prices:\n  "a:b": {input: 1, output: 2.5}\n')
    assert load_configuration(config).models.prices["a:b"].output == 2.5


class TestEnvironment:
    """Every key of observer.yaml as OBSERVER__SECTION__KEY."""

    @pytest.fixture
    def loaded(self, config: Path, monkeypatch: pytest.MonkeyPatch):
        def load(**variables: str) -> Configuration:
            for name, value in variables.items():
                monkeypatch.setenv(name, value)
            return load_configuration(config)

        return load

    @pytest.fixture
    def refused(self, config: Path, monkeypatch: pytest.MonkeyPatch):
        def refuse(**variables: str) -> str:
            for name, value in variables.items():
                monkeypatch.setenv(name, value)
            (complaint,) = complaints(config)
            return complaint

        return refuse

    def test_overrides_one_key_and_leaves_its_neighbours(self, loaded) -> None:
        queue = loaded(OBSERVER__QUEUE__MAX_PENDING="50").observer.queue
        assert (queue.max_pending, queue.critical_reserve) == (50, 100)

    def test_takes_durations_and_reaches_into_tool_servers(self, loaded) -> None:
        settings = loaded(
            OBSERVER__DEDUPE__WINDOW="5m", OBSERVER__MCP_SERVERS__PIPELINE__TIMEOUT="500ms"
        ).observer
        assert settings.dedupe.window == 300.0
        assert settings.mcp_servers["pipeline"].timeout == 0.5
        assert settings.mcp_servers["pipeline"].look_up == "find_action"

    def test_a_bad_value_is_reported_as_one_from_the_environment(self, refused) -> None:
        complaint = refused(OBSERVER__QUEUE__MAX_PENDING="many")
        assert "queue.max_pending: " in complaint
        assert "found 'many'" in complaint
        assert "from an OBSERVER__ environment variable" in complaint

    def test_an_unknown_key_is_reported_with_what_was_meant(self, refused) -> None:
        complaint = refused(OBSERVER__QUEUE__MAX_PENDNG="5")
        assert "queue.max_pendng: unknown key; did you mean 'max_pending'?" in complaint

    def test_an_unknown_section_is_reported_and_not_ignored(self, refused) -> None:
        complaint = refused(OBSERVER__QUEU__MAX_PENDING="5")
        assert complaint == (
            "environment: OBSERVER__QUEU: unknown section; did you mean OBSERVER__QUEUE?"
        )

    def test_a_section_that_is_no_json_is_reported(self, refused) -> None:
        assert "OBSERVER__ environment variable" in refused(OBSERVER__QUEUE="{oops")

    def test_several_webhook_secrets_stand_between_commas(self, loaded) -> None:
        found = loaded(OBSERVER_WEBHOOK_SECRET=" old-secret , new-secret,, ")
        assert found.webhook_secrets == ("old-secret", "new-secret")
        assert {"old-secret", "new-secret"} <= set(found.secrets)

    def test_the_secrets_that_redaction_names_are_held_to_be_masked(self, loaded) -> None:
        assert "sk-canary-1" in loaded(OPENAI_API_KEY="sk-canary-1").secrets

    def test_a_variable_with_a_telling_name_is_held_whoever_put_it_there(self, loaded) -> None:
        told = {
            "WAREHOUSE_PASSWORD": "canary-word-1",
            "X_TOKEN": "short",
            "TOKENS_USED": "12345678",
        }
        found = loaded(**told).secrets
        assert "canary-word-1" in found and "short" not in found and "12345678" not in found
