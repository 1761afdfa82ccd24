"""`observer known-errors` and `observer incidents` with a real daemon and its restart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from observer.cli.app import app
from tests.doubles.openai_server import OpenAIServer
from tests.flows.configs import edited_config
from tests.flows.scenes import (
    NOVEL,
    another,
    diagnosis,
    fresh_lab,
    handle,
    journal_line,
    openai_env,
    spans,
)
from tests.observer_process import WARNING, ObserverProcess

pytestmark = pytest.mark.slow

SMALL = "gpt-4o-mini"
Observer = Callable[..., Result]


def command(url: str) -> Observer:
    """The command line against one daemon."""
    return lambda *words: CliRunner().invoke(app, [*words, "--url", url])


def answer(done: Result) -> Any:
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_a_fix_is_learned_accepted_on_the_command_line_and_known_after_a_restart(
    tmp_path: Path,
) -> None:
    with OpenAIServer() as server:
        server.always(SMALL, diagnosis())
        observer = ObserverProcess(tmp_path / "var", env=openai_env(server))
        with observer.start():
            run = command(observer.url)
            fresh_lab(observer, NOVEL)
            first = handle(observer, another(WARNING))
            assert first["outcome"] == "resolved"
            (proposed,) = answer(run("known-errors", "list", "--status", "proposed", "--json"))[
                "known_errors"
            ]
            learned = proposed["id"]
            assert learned.startswith("learned-")
            assert "lost its lease" in run("known-errors", "show", learned).stdout

            fresh_lab(observer, NOVEL)
            handle(observer, another(WARNING))
            assert len(server.requests) == 2

            assert run("known-errors", "accept", learned).stdout == f"{learned} is accepted\n"
            again = run("known-errors", "accept", learned)
            assert (again.exit_code, "accepted already" in again.stderr) == (1, True)
            assert observer.terminate() == 0

        with observer.start():
            run = command(observer.url)
            fresh_lab(observer, NOVEL)
            third = handle(observer, another(WARNING))
            assert third["outcome"] == "resolved"
            assert len(server.requests) == 2
            assert spans(observer, third["session_id"], "llm_call") == []
            assert f"(known error {learned})" in third["report"]
            assert "Similar: " in third["report"]

            exports(run, tmp_path, learned)
            retires(run, observer, learned)
            searches(run)


def exports(run: Observer, folder: Path, learned: str) -> None:
    """What is in use is printed as a file that `validate` accepts and `import` knows."""
    config = edited_config(folder / "config", {})
    exported = run("known-errors", "export").stdout
    (config / "known_errors.yaml").write_text(exported)
    validated = CliRunner().invoke(app, ["validate", "--config", str(config)])
    assert validated.exit_code == 0, validated.stderr
    assert "occurrence_count: 3" in exported
    taken = answer(run("known-errors", "import", str(config / "known_errors.yaml"), "--json"))
    assert taken == {"proposed": [], "known": ["ke-legacy-id", learned]}

    poison = folder / "poison.yaml"
    poison.write_text(exported.replace("(unexpected field|unknown column) 'legacy_id'", ".*"))
    refused = run("known-errors", "import", str(poison))
    assert refused.exit_code == 1
    assert "poison.yaml:" in refused.stderr
    assert "matches every line" in refused.stderr


def retires(run: Observer, observer: ObserverProcess, learned: str) -> None:
    """From then on it is not used; unknown ids and wrong content types are refused."""
    assert run("known-errors", "retire", learned, "--comment", "no more").exit_code == 0
    fresh_lab(observer, NOVEL)
    session = handle(observer, another(WARNING))
    told = f"{learned} is retired from automatic use: no more"
    line = journal_line(
        observer, session["session_id"], lambda line: line.get("node") == "look_up_known_error"
    )
    assert told in line["because"]
    missing = run("known-errors", "show", "ke-none")
    assert (missing.exit_code, "[404]" in missing.stderr) == (1, True)
    assert run("known-errors", "retire", learned).exit_code == 1
    path = f"{observer.url}/known-errors/{learned}/accept"
    assert httpx.post(path, content="{}", headers={"content-type": "text/plain"}).status_code == 415
    assert httpx.post(path, json={"by": "ada", "as": "root"}).status_code == 422


def searches(run: Observer) -> None:
    """Finished incidents are found by their words; where there is none the exit code says so."""
    found = answer(run("incidents", "search", "elevated rate", "--json"))["incidents"]
    assert len(found) == 4
    assert {one["remedy"] for one in found} == {"retry_failed_jobs"}
    shown = run("incidents", "search", "lease", "--node", "transformation")
    assert shown.stdout.count("retry_failed_jobs") == 4
    assert run("incidents", "search", "lease", "--node", "loading").exit_code == 1
    assert run("incidents", "search", "unheard-of").exit_code == 1
