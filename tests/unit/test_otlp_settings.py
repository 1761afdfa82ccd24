"""The section `otlp`: off by default; what is wrong is said at once, and never its secret."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from observer.errors import ConfigurationError
from observer.settings import Configuration, load_configuration
from tests.observer_process import ROOT

TOKEN = "hunter2-of-the-receiver"
WHOLE = """
otlp:
  endpoint: "http://127.0.0.1:4318/v1/traces"
  headers_env: {authorization: AN_OTLP_HEADER}
  timeout: 2s
"""


@pytest.fixture(autouse=True)
def no_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AN_OTLP_HEADER", raising=False)


def load(tmp_path: Path, section: str) -> Configuration:
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    with (config / "observer.yaml").open("a") as file:
        file.write(section)
    return load_configuration(config, tmp_path / "var")


def test_it_is_off_unless_written() -> None:
    configuration = load_configuration(ROOT / "config", Path("var"))
    assert (configuration.observer.otlp, configuration.otlp_headers) == (None, {})


def test_a_headers_value_is_a_secret_with_its_scheme_and_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AN_OTLP_HEADER", f"Bearer {TOKEN}")
    configuration = load(tmp_path, WHOLE)
    assert configuration.otlp_headers == {"authorization": f"Bearer {TOKEN}"}
    assert {TOKEN, f"Bearer {TOKEN}"} <= set(configuration.secrets)


@pytest.mark.parametrize(
    ("section", "value", "expected"),
    [
        (WHOLE, None, "otlp.headers_env.authorization: the environment has no AN_OTLP_HEADER"),
        (WHOLE, f"{TOKEN}\u00fc", "a letter that no header has"),
        ("\notlp: {}\n", "x", "otlp.endpoint"),
        ("\notlp: {endpoint: 'ftp://127.0.0.1'}\n", "x", "otlp.endpoint: "),
        ("\notlp: {endpoint: 'http://169.254.169.254/v1/traces'}\n", "x", "link-local"),
        ("\notlp: {endpoint: 'http://127.0.0.1', batch: 0}\n", "x", "otlp.batch: "),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    section: str,
    value: str | None,
    expected: str,
) -> None:
    if value is not None:
        monkeypatch.setenv("AN_OTLP_HEADER", value)
    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, section)
    assert expected in str(refused.value) and "observer.yaml:" in str(refused.value)
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("part", ["opentelemetry.sdk", "opentelemetry.exporter.otlp"])
def test_without_the_extra_the_start_is_refused_and_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setenv("AN_OTLP_HEADER", TOKEN)
    for name in [name for name in sys.modules if name.startswith(part)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, part, None)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"pip install 'pipeline-observer\[otel\]'"):
        load(tmp_path, WHOLE)
