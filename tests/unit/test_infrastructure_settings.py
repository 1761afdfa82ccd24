"""`telemetry` and `platform` of observer.yaml: checked strictly, told to whom the file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from mcp_servers.healthchecks import METHODS
from mcp_servers.sections import Sections
from observer.domain.redaction import Redactor
from observer.errors import ConfigurationError
from observer.gateway.mcp_sessions import McpSessions
from observer.settings import load_configuration
from observer.settings.infrastructure import Platform, Telemetry
from observer.settings.schema import McpServer
from observer.settings.told import told_sections
from observer.settings.tree import load_tree
from observer.settings.tree_file import Method
from tests.flows.configs import edited_config

WHOLE: dict[str, Any] = {
    "telemetry": {
        "prometheus": {"url": "http://127.0.0.1:9090", "bearer_token_file": "/run/token"},
        "loki": {"url": "https://loki.example:3100/base", "org_id": "a", "container_label": "pod"},
        "kafka": {"default": {"bootstrap_servers": "a:9092, b:9092"}},
        "checks": {"rows": "checks/rows.py"},
    },
    "platform": {
        "supervisor": {"url": "unix:///run/supervisor.sock"},
        "systemd": {"argv": ["systemctl", "--user"]},
        "redis": {"redis_instance": {"url": "rediss://:secret@127.0.0.1:6379/0"}},
        "containers": {"redis": {"argv": ["docker", "exec", "redis"], "restart": ["true"]}},
        "kubernetes": {"context": "prod", "namespace": "pipeline", "argv": ["kubectl"]},
    },
}


def test_what_the_observer_accepts_its_server_accepts() -> None:
    telemetry = Telemetry.model_validate(WHOLE["telemetry"])
    platform = Platform.model_validate(WHOLE["platform"])
    told = {"telemetry": telemetry, "platform": platform}
    dumped = {k: v.model_dump(mode="json", exclude_none=True) for k, v in told.items()}

    sections = Sections.model_validate(dumped)

    assert sections.telemetry.loki is not None
    assert sections.telemetry.loki.container_label == "pod"
    assert sections.platform.containers["redis"].restart == ["true"]
    assert {*told, "nodes"} <= set(Sections.model_fields)
    assert set(Telemetry.model_fields) == set(type(sections.telemetry).model_fields)
    assert set(Platform.model_fields) == set(type(sections.platform).model_fields)


def test_every_method_of_the_tree_is_one_of_the_server() -> None:
    """But for the stages' own figures, which the lab's tool server has."""
    assert {*METHODS, "stage_metrics"} == set(get_args(Method))


@pytest.mark.parametrize(
    ("section", "value", "words"),
    [
        ("telemetry", {"prometeus": {}}, "prometeus"),
        ("telemetry", {"prometheus": {"url": "ftp://a"}}, "begins with"),
        ("telemetry", {"prometheus": {"url": "http://"}}, "no host"),
        ("telemetry", {"prometheus": {"url": "http://a:99999"}}, "no address"),
        ("telemetry", {"prometheus": {"url": "http://169.254.169.254/"}}, "link-local"),
        ("telemetry", {"prometheus": {"url": "http://[fe80::1]/"}}, "link-local"),
        (
            "telemetry",
            {"prometheus": {"url": "http://a", "bearer_token_file": "t", "basic_auth_file": "b"}},
            "not both",
        ),
        ("telemetry", {"log_files": {"pattern": "/var/log/x.log"}}, "{container}"),
        ("telemetry", {"log_command": {"argv": ["{container}"]}}, "{container}"),
        (
            "telemetry",
            {"loki": {"url": "http://a"}, "log_files": {"pattern": "/{container}"}},
            "one of loki",
        ),
        ("telemetry", {"kafka": {"default": {"bootstrap_servers": "a"}}}, "host:port"),
        ("platform", {"supervisor": {"url": "unix://relative.sock"}}, "unix:///"),
        ("platform", {"redis": {"r": {"url": "http://a"}}}, "redis"),
        ("platform", {"containers": {"r": {"argv": ["ssh", "a", "/bin/sh", "-c"]}}}, "a shell"),
        ("platform", {"containers": {"r": {"restart": []}}}, "at least 1"),
        ("platform", {"kubernetes": {"context": "--kubeconfig=x"}}, "pattern"),
    ],
)
def test_a_wrong_section_is_refused(section: str, value: dict[str, Any], words: str) -> None:
    """Case 61: an address of a cloud's credentials is refused, too."""
    model = Telemetry if section == "telemetry" else Platform
    with pytest.raises(ValidationError) as refused:
        model.model_validate(value)
    assert words in str(refused.value)


def test_a_wrong_address_is_named_with_its_line_and_without_its_password(tmp_path: Path) -> None:
    text = 'platform: {supervisor: {url: "htp://user:hunter22@127.0.0.1:9001/RPC2"}}'
    config = edited_config(
        tmp_path / "config", {"observer.yaml": {"mcp_servers:\n": f"{text}\nmcp_servers:\n"}}
    )

    with pytest.raises(ConfigurationError) as refused:
        load_configuration(config)

    words = str(refused.value)
    assert "platform.supervisor.url" in words and "observer.yaml" in words
    assert "***@127.0.0.1:9001" in words and "hunter22" not in words


def test_a_server_is_told_the_sections_it_names_and_no_others() -> None:
    def environment(sections: list[str]) -> dict[str, str]:
        server = McpServer.model_validate({"command": ["python"], "sections": sections})
        held = McpSessions({"one": server}, "unused", WHOLE).servers["one"]
        return held._connection["env"]  # type: ignore[typeddict-item]

    assert environment([]) == {}
    assert set(environment(["platform"])) == {"OBSERVER_SECTIONS"}
    assert "rediss://" in environment(["platform"])["OBSERVER_SECTIONS"]
    assert "loki" not in environment(["platform"])["OBSERVER_SECTIONS"]


def test_a_server_by_address_can_be_told_no_sections() -> None:
    with pytest.raises(ValidationError, match="told to a `command` only"):
        McpServer.model_validate({"url": "http://127.0.0.1:1/mcp", "sections": ["platform"]})


def test_sections_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValidationError):
        McpServer.model_validate({"command": ["x"], "sections": ["webhook_secrets"]})


@pytest.mark.parametrize("name", ["url", "host", "address"])
def test_an_alert_cannot_choose_where_a_check_connects_to(tmp_path: Path, name: str) -> None:
    """Case 61: the stage of an alert is no part of an address."""
    look = f'{{tool: check_pipeline_health, args: {{parameters: {{{name}: "{{stage}}:80"}}}}}}'
    config = edited_config(
        tmp_path / "config",
        {"runbook.yaml": {"    - - {tool: check_pipeline_health}\n": f"    - - {look}\n"}},
    )

    with pytest.raises(ConfigurationError, match="must not choose where to connect to"):
        load_configuration(config)


TREE = """
metrics:
  freshness:
    description: How old the data is
    sla: {threshold: 60s, window: ALWAYS}
    depends_on:
      - node: consumer
        type: process
        container: app
        supervisor_group: writers
        supervisor_process: consumer
        notes: Writes to Redis
        depends_on:
          - {node: cache, type: infrastructure}
          - {node: store, type: infrastructure, limits: {maxclients: 400, activedefrag: "yes"}}
          - {node: unit, type: process, systemd_unit: app.service}
          - {node: pods, type: process, deployment: app}
          - {node: feed, type: external}
          - {node: topic, type: kafka_topic, topic: entity}
"""


def test_a_server_is_told_of_each_node_that_something_can_be_done_about(tmp_path: Path) -> None:
    platform = "platform: {redis: {cache: {url: 'redis://127.0.0.1:1'}}}"
    config = edited_config(
        tmp_path / "config", {"observer.yaml": {"mcp_servers:\n": f"{platform}\nmcp_servers:\n"}}
    )
    (tmp_path / "dependency_tree.yaml").write_text(TREE)

    nodes = told_sections(load_configuration(config).observer, load_tree(tmp_path))["nodes"]

    assert nodes == {
        "consumer": {
            "type": "process",
            "container": "app",
            "supervisor_group": "writers",
            "supervisor_process": "consumer",
        },
        "cache": {"type": "infrastructure"},
        "store": {
            "type": "infrastructure",
            "limits": {"maxclients": 400, "activedefrag": "yes"},
        },
        "unit": {"type": "process", "systemd_unit": "app.service"},
        "pods": {"type": "process", "deployment": "app"},
        "feed": {"type": "external"},
    }
    assert Sections.model_validate({"nodes": nodes}).nodes["unit"].systemd_unit == "app.service"


def test_sections_too_long_for_an_environment_are_refused_at_start() -> None:
    nodes = {f"node_{i}": {"type": "process", "container": "c" * 100} for i in range(1000)}
    server = McpServer.model_validate({"command": ["python"], "sections": ["nodes"]})
    with pytest.raises(ConfigurationError, match="a process can be told 120000"):
        McpSessions({"one": server}, "unused", {"nodes": nodes})


@pytest.mark.parametrize(
    ("section", "text", "held"),
    [
        ("platform", "{supervisor: {url: 'http://u:hunter22-a@h:1/RPC2'}}", "hunter22-a"),
        ("platform", "{redis: {r: {url: 'rediss://:hunter22%2Fb@h:1'}}}", "hunter22/b"),
        ("platform", "{redis: {r: {url: 'rediss://:hunter22%2Fb@h:1'}}}", "hunter22%2Fb"),
        ("telemetry", "{prometheus: {url: 'http://u:hunter22-c@h'}}", "hunter22-c"),
        ("telemetry", "{prometheus: {url: 'http://u:hunter22@h'}}", "dTpodW50ZXIyMg=="),
        ("telemetry", "{loki: {url: 'https://u:hunter22-d@h'}}", "hunter22-d"),
        ("platform", "{supervisor: {url: 'unix://u:hunter22-e@/run/s.sock'}}", "hunter22-e"),
    ],
)
def test_a_password_in_an_address_is_one_of_the_secrets_that_are_masked(
    tmp_path: Path, section: str, text: str, held: str
) -> None:
    """Case 48: whatever a tool server says, the observer's own records hold no such password."""
    config = edited_config(
        tmp_path / "config",
        {"observer.yaml": {"mcp_servers:\n": f"{section}: {text}\nmcp_servers:\n"}},
    )
    secrets = load_configuration(config).secrets

    assert held in secrets
    assert held not in Redactor(list(secrets)).text(f"it said {held}.")
