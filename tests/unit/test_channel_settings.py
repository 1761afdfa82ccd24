"""`channels` of observer.yaml: its secrets come from the environment, and nowhere else from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mcp_servers.sections import Sections
from observer.errors import ConfigurationError
from observer.gateway.mcp_sessions import McpSessions
from observer.settings import load_configuration
from observer.settings.channels import Channels
from observer.settings.schema import McpServer
from tests.flows.configs import edited_config

WHOLE: dict[str, Any] = {
    "slack": {"token_env": "A_SLACK_TOKEN", "channel": "#data-pipeline"},
    "pagerduty": {"routing_key_env": "A_PAGERDUTY_KEY", "api_url": "https://pd.example"},
    "telegram": {"token_env": "A_TELEGRAM_TOKEN", "chat_id": -1001, "approvers": [7, "8"]},
    "github": {"repo": "acme/pipeline", "token_env": "A_GITHUB_TOKEN"},
    "webhook": {"url": "https://hook.example/in", "token_env": "A_HOOK_TOKEN"},
}
TEXT = "channels: {slack: {webhook_url_env: A_SLACK_WEBHOOK}}\n"
URL = "https://hooks.slack.com/services/T0/B0/canary"


def config_with(folder: Path, text: str = TEXT) -> Path:
    edit = {"mcp_servers:\n": f"{text}mcp_servers:\n"}
    return edited_config(folder / "config", {"observer.yaml": edit})


def test_what_the_observer_accepts_its_server_accepts() -> None:
    channels = Channels.model_validate(WHOLE)

    told = Sections.model_validate(
        {"channels": channels.model_dump(mode="json", exclude_none=True)}
    )

    assert told.channels.telegram is not None and channels.telegram is not None
    assert told.channels.telegram.chat_id == "-1001"
    assert told.channels.telegram.approvers == channels.telegram.approvers == ["7", "8"]
    for name, field in Channels.model_fields.items():
        ours, theirs = (getattr(c, name) for c in (channels, told.channels))
        assert set(type(ours).model_fields) == set(type(theirs).model_fields), field
        assert ours.model_dump() == theirs.model_dump()


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        ({"slck": {}}, "slck"),
        ({"slack": {}}, "webhook_url_env, or token_env"),
        ({"slack": {"token_env": "T"}}, "channel belongs to"),
        ({"slack": {"webhook_url_env": "W", "channel": "#a"}}, "channel belongs to"),
        ({"slack": {"webhook_url_env": "W", "token_env": "T", "channel": "#a"}}, "webhook_url_env"),
        (
            {"pagerduty": {"routing_key_env": "K", "api_url": "http://169.254.169.254"}},
            "link-local",
        ),
        ({"telegram": {"token_env": "T", "chat_id": ""}}, "chat_id"),
        ({"telegram": {"token_env": "T", "chat_id": True}}, "chat_id"),
        ({"telegram": {"token_env": "T", "chat_id": "@name"}}, "chat_id"),
        ({"telegram": {"token_env": "T", "chat_id": "1", "approvers": ["a b"]}}, "approvers"),
        ({"github": {"repo": "acme/../x", "token_env": "T"}}, "repo"),
        ({"github": {"repo": "acme/..", "token_env": "T"}}, "repo"),
        ({"webhook": {"url": "ftp://a"}}, "begins with"),
        ({"webhook": {"url": "http://[::ffff:169.254.169.254]/"}}, "link-local"),
    ],
)
def test_a_wrong_channel_is_refused(channels: dict[str, Any], words: str) -> None:
    """Case 61."""
    with pytest.raises(ValidationError) as refused:
        Channels.model_validate(channels)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "the environment has no A_SLACK_WEBHOOK"),
        ("", "the environment has no A_SLACK_WEBHOOK"),
        ("https://hooks.slack.com/canary\nx-evil: 1", "a line break"),
        ("canary", "holds no address"),
        ("http://169.254.169.254/canary", "holds no address that may be connected to"),
    ],
)
def test_a_secret_that_is_missing_or_none_refuses_the_start_and_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, words: str
) -> None:
    """Cases 48 and 61: named are the file, the key and the variable."""
    monkeypatch.delenv("A_SLACK_WEBHOOK", raising=False)
    if value is not None:
        monkeypatch.setenv("A_SLACK_WEBHOOK", value)

    with pytest.raises(ConfigurationError) as refused:
        load_configuration(config_with(tmp_path))

    said = str(refused.value)
    assert "observer.yaml" in said and "channels.slack.webhook_url_env" in said
    assert words in said and "canary" not in said


def test_a_secret_written_where_its_name_belongs_is_not_shown(tmp_path: Path) -> None:
    """Case 48: the likeliest mistake of all."""
    text = TEXT.replace("A_SLACK_WEBHOOK", f'"{URL}"')
    with pytest.raises(ConfigurationError) as refused:
        load_configuration(config_with(tmp_path, text))
    assert "the name of an environment variable" in str(refused.value)
    assert "canary" not in str(refused.value)


def test_every_secret_is_held_and_none_is_told_in_the_sections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 70: a server gets the named variables, and only where it has the section."""
    monkeypatch.setenv("A_SLACK_WEBHOOK", f"{URL}\n")
    monkeypatch.setenv("SOME_OTHER", "stays")
    configuration = load_configuration(config_with(tmp_path))
    sections = configuration.observer.sections

    def environment(*names: str) -> dict[str, str]:
        server = McpServer.model_validate({"command": ["python"], "sections": list(names)})
        held = McpSessions({"one": server}, "unused", sections).servers["one"]
        return held._connection["env"]  # type: ignore[typeddict-item]

    assert {URL, "/services/T0/B0/canary"} <= set(configuration.secrets)
    assert configuration.channel_secrets == {"A_SLACK_WEBHOOK": URL}
    told = environment("channels")
    assert set(told) == {"OBSERVER_SECTIONS", "A_SLACK_WEBHOOK"}
    assert "A_SLACK_WEBHOOK" in told["OBSERVER_SECTIONS"]
    assert "canary" not in told["OBSERVER_SECTIONS"]
    assert set(environment("telemetry", "platform")) == {"OBSERVER_SECTIONS"}
