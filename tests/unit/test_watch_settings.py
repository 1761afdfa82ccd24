"""`watch` of observer.yaml: its addresses are secrets, and are checked before anything starts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from observer.errors import ConfigurationError
from observer.settings import Configuration, load_configuration
from tests.flows.configs import edited_config

URL = "https://hooks.example/services/canary-of-the-alarms"
WATCH = """watch:
  alarms: {webhook_url_env: AN_ALARM_WEBHOOK, secret_env: AN_ALARM_SECRET}
  dead_man: {url_env: A_DEAD_MAN, every: 30s}
"""


def loaded(folder: Path, text: str = WATCH) -> Configuration:
    config = edited_config(folder / "config", {})
    file = config / "observer.yaml"
    file.write_text(re.sub(r"(?ms)^watch:.*?(?=^mcp_servers:)", text, file.read_text()))
    return load_configuration(config)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AN_ALARM_WEBHOOK", URL)
    monkeypatch.setenv("AN_ALARM_SECRET", "canary-that-signs")
    monkeypatch.setenv("A_DEAD_MAN", "https://ping.example/canary-of-the-dead-man")


def test_every_secret_is_held_and_masked_and_told_to_nobody(tmp_path: Path) -> None:
    configuration = loaded(tmp_path)
    assert configuration.watch_secrets["AN_ALARM_WEBHOOK"] == URL
    held = {URL, "/services/canary-of-the-alarms", "canary-that-signs", "/canary-of-the-dead-man"}
    assert held <= set(configuration.secrets)
    assert "watch" not in configuration.observer.sections


@pytest.mark.parametrize("name", ["AN_ALARM_WEBHOOK", "AN_ALARM_SECRET", "A_DEAD_MAN"])
def test_a_variable_that_is_not_there_refuses_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(ConfigurationError, match=f"watch.*the environment has no {name}"):
        loaded(tmp_path)


@pytest.mark.parametrize("name", ["AN_ALARM_WEBHOOK", "A_DEAD_MAN"])
@pytest.mark.parametrize("value", ["canary", "http://169.254.169.254/canary", "file:///canary"])
def test_an_address_that_may_not_be_connected_to_is_refused_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as refused:
        loaded(tmp_path)
    assert "holds no address" in str(refused.value) and "canary" not in str(refused.value)


def test_an_address_written_where_its_name_belongs_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        loaded(tmp_path, WATCH.replace("AN_ALARM_WEBHOOK", f'"{URL}"'))
    assert "the name of an environment variable" in str(refused.value)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("heartbeat", ["0s", "2h", "soon"])
def test_a_heartbeat_that_proves_nothing_is_refused(tmp_path: Path, heartbeat: str) -> None:
    with pytest.raises(ConfigurationError, match=r"watch\.heartbeat"):
        loaded(tmp_path, f"watch: {{heartbeat: {heartbeat}}}\n")
