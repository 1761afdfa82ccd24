"""The health monitor in the real daemon: what goes in circles ends with a person, and only that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.openai_server import OpenAIServer, Text
from tests.flows.configs import QUICK_CALLS, QUICK_CHECK, edited_config
from tests.flows.scenes import (
    NOVEL,
    REMEDIES,
    another,
    diagnosis,
    fresh_lab,
    journal_line,
    openai_env,
    pages,
    tools,
)
from tests.observer_process import CRITICAL, WARNING, ObserverProcess

pytestmark = pytest.mark.slow

HEALTH = diagnosis("none", verdict="not_proven", reading="overall_health")
ERRORS = diagnosis("none", verdict="not_proven", reading="recent_errors")
HEALS = diagnosis("restart_stage")


class Scene:
    """One daemon whose models are a server's; each test is a tenant of its own."""

    def __init__(self, observer: ObserverProcess, server: OpenAIServer) -> None:
        self.observer = observer
        self.server = server

    def handle(self, tenant: str, event: dict[str, Any] = WARNING) -> dict[str, Any]:
        session = self.observer.send(another(event, tenant_id=tenant))
        return self.observer.wait_for(session, tenant=tenant)

    def opens(self) -> None:
        fresh_lab(self.observer, NOVEL)
        self.server.requests.clear()
        self.server._queues.clear()
        self.server._standing.clear()

    def held(self) -> list[tuple[str, str]]:
        return [(h["tenant_id"], h["cause"]) for h in self.observer.get("/health")["held"]]

    def pages_of(self, tenant: str) -> list[Any]:
        return [p for p in pages(self.observer) if f"tenant '{tenant}'" in p["message"]]

    def until_paged(self, tenant: str) -> None:
        deadline = time.monotonic() + 30
        while not self.pages_of(tenant):
            assert time.monotonic() < deadline, self.observer.log
            time.sleep(0.05)


@pytest.fixture(scope="module")
def _scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("health")
    config = edited_config(folder / "config", {**QUICK_CHECK, "models.yaml": QUICK_CALLS})
    with (
        OpenAIServer() as server,
        ObserverProcess(folder / "var", config=config, env=openai_env(server)) as observer,
    ):
        fresh_lab(observer, NOVEL)
        server.always(None, HEALS)
        scene = Scene(observer, server)
        # The first call imports the provider's library.
        scene.handle("first")
        yield scene


@pytest.fixture
def scene(_scene: Scene) -> Scene:
    _scene.opens()
    return _scene


def test_a_model_that_goes_round_in_circles_ends_with_a_person_and_the_next_event_does_not(
    scene: Scene,
) -> None:
    """Cases 34 and 82: A-B-A-B."""
    scene.server.script("gpt-4o-mini", *[HEALTH, ERRORS] * 3)

    session = scene.handle("circles")

    assert session["outcome"] == "escalated"
    asked = tools(session)[2:-2]
    assert asked == ["check_pipeline_health", "get_recent_errors"] * 2
    assert len(scene.server.requests) == 4
    line = journal_line(
        scene.observer, session["session_id"], lambda line: line["kind"] == "health"
    )
    assert (line["anomaly"], line["then"]) == ("loop", "escalate")
    assert "loop: the same calls come round again" in session["report"]
    scene.opens()
    scene.server.always(None, HEALS)
    assert scene.handle("circles")["outcome"] == "resolved"
    assert scene.held() == []


def test_a_model_may_ask_for_more_than_one_reading(scene: Scene) -> None:
    scene.server.script("gpt-4o-mini", HEALTH, ERRORS, HEALS)

    session = scene.handle("curious")

    assert session["outcome"] == "resolved"
    assert tools(session)[2:5] == ["check_pipeline_health", "get_recent_errors", "restart_stage"]


def test_three_empty_answers_end_with_a_person_and_the_next_event_is_unaffected(
    scene: Scene,
) -> None:
    """Cases 35 and 82: two at classify, the third at diagnose."""
    scene.server.always("gpt-4o-mini", Text("{}"))

    unclear = {"stage": "transformation", "message": "Worker 7 behaves oddly since noon."}
    session = scene.handle("silent", unclear)

    assert session["outcome"] == "escalated"
    assert not set(tools(session)) & set(REMEDIES)
    line = journal_line(
        scene.observer,
        session["session_id"],
        lambda line: line["kind"] == "health" and "seen" in line,
    )
    assert line["anomaly"] == "empty"
    scene.opens()
    scene.server.always(None, HEALS)
    assert scene.handle("silent")["outcome"] == "resolved"


def test_the_second_run_without_progress_freezes_its_tenant_pages_and_outlives_a_kill(
    scene: Scene,
) -> None:
    """Cases 33 and 82, with a kill -9 between the first and the second."""
    observer = scene.observer
    scene.server.always(None, HEALTH)
    first = scene.handle("acme")
    assert (first["outcome"], scene.held()) == ("escalated", [])
    assert tools(first).count("check_pipeline_health") == 3
    observer.kill()
    observer.start()

    second = scene.handle("acme")

    assert second["outcome"] == "escalated"
    scene.until_paged("acme")
    assert scene.held() == [("acme", "no_progress")]
    (page,) = scene.pages_of("acme")
    assert "observer unpause --tenant acme" in page["message"]
    anomalies = observer.get("/health")["anomalies"]
    assert (anomalies[0]["tenant_id"], anomalies[0]["anomaly"]) == ("acme", "stuck")
    alarm = observer.get("/sessions?tenant_id=acme")["sessions"][0]
    told = observer.wait_for(alarm["session_id"], tenant="acme")
    assert told["outcome"] == "escalated"
    done = [t["tool_name"] for t in told["transitions"] if t["status"] == "done"]
    assert done == ["create_incident", "page_oncall", "send_slack_alert"]

    # The others go on; of the frozen one a warning waits, and a CRITICAL only tells people.
    scene.opens()
    scene.server.always(None, HEALS)
    assert scene.handle("globex")["outcome"] == "resolved"
    waiting = observer.send(another(tenant_id="acme"))
    critical = scene.handle("acme", CRITICAL)
    asked = len(scene.server.requests)
    assert critical["outcome"] == "escalated"
    assert "page_oncall" in tools(critical)
    assert not set(tools(critical)) & set(REMEDIES)
    assert observer.session(waiting, tenant="acme")["status"] == "suspended"
    assert not [r for r in scene.server.requests[:asked] if r["model"] == "gpt-4o"]

    assert observer.order("unpause", tenant_id="acme").status_code == 200
    assert observer.wait_for(waiting, tenant="acme")["outcome"] == "resolved"
    assert scene.held() == []
    assert len(scene.pages_of("acme")) == 1


def test_fifty_warnings_of_one_stage_at_once_are_fifty_healthy_runs(tmp_path: Path) -> None:
    """Case 79: each calls the same tools with the same arguments; nothing is ever held."""
    env = {"OBSERVER__CONCURRENCY": "4", "OBSERVER__QUEUE__POLLING_INTERVAL": "100ms"}
    config = edited_config(tmp_path / "config", QUICK_CHECK)
    with ObserverProcess(tmp_path / "var", config=config, env=env) as observer:
        sessions = [observer.send(another(session_id=f"w-{n}")) for n in range(50)]
        states, deadline = set(), time.monotonic() + 120
        while time.monotonic() < deadline:
            health = observer.get("/health")
            states.add(health["state"])
            if health["inbox"]["queued"] == health["inbox"]["running"] == 0:
                break
            time.sleep(0.1)

        ended = [observer.session(session) for session in sessions]

        assert {session["outcome"] for session in ended} == {"resolved"}
        assert all(len(session["transitions"]) >= 4 for session in ended)
        assert states == {"RUNNING"}
        assert (health["held"], health["anomalies"]) == ([], [])
