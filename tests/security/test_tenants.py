"""Every route against a token of another tenant, and against each role: made from the routes.

A new route is picked up by itself. One that this test cannot call fails it, and says what is
missing: an id for its path in `World.ids`, or what to send in `BODIES`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import pytest

import server
from observer.domain.access import Role
from observer.web.access import DOCUMENTATION, OPEN, doors
from tests.crash.evidence import config_with
from tests.observer_process import APPROVAL, WARNING, ObserverProcess
from tests.stack.part import wait_until

pytestmark = pytest.mark.slow

OWN, OTHER = "alpha", "bravo"
CANARY = "canary-of-bravo"
NOBODYS = "nobody-has-this-id"
DOORS = doors(server.app)
GUARDED = sorted(set(DOORS) - OPEN - DOCUMENTATION)
READS = [door for door in GUARDED if door.startswith("GET ")]
WRITES = [door for door in GUARDED if not door.startswith("GET ")]
SPEC = server.app.openapi()["paths"]
APPROVE = {"decisions": [{"type": "approve"}]}
BODIES: dict[str, list[Any]] = {
    "POST /sessions/{session_id}/resume": [APPROVE, {}],
    "POST /sessions/{session_id}/feedback": [{"feedback": "up"}],
    "POST /data/delete": [{"tenant_id": OTHER, "dry_run": True}, {"tenant_id": OTHER}],
    "POST /dead-letters/{dead_letter_id}/redeliver": [None],
    "POST /control/kill-switch": [{}, {"tenant_id": OTHER}, {"on": False, "tenant_id": OTHER}],
    "POST /control/{command}": [{}, {"tenant_id": OTHER}],
    "POST /known-errors/import": [{"text": "errors: []"}],
    "POST /known-errors/{known_error}/accept": [{}],
    "POST /known-errors/{known_error}/retire": [{}],
    "POST /tokens": [{"name": "x", "role": "admin"}],
    "POST /tokens/{token}/revoke": [None],
}
"""What to send to each route that changes something."""
COMMANDS = ("pause", "unpause")
"""`restart` with a tenant is wrong for everybody."""


@dataclass
class World:
    """A daemon with two tenants, and a token for every sort of caller."""

    observer: ObserverProcess
    ids: dict[str, list[str]] = field(default_factory=dict)
    """What may stand in a path, by its name: the other tenant's."""
    tokens: dict[str, str] = field(default_factory=dict)

    def call(self, who: str | None, door: str, **request: Any) -> httpx.Response:
        method, _, path = door.partition(" ")
        headers = {"authorization": f"Bearer {self.tokens[who]}"} if who is not None else {}
        return httpx.request(
            method, self.observer.url + path, headers=headers, timeout=30, **request
        )

    def paths(self, door: str) -> list[tuple[str, list[str]]]:
        """The route with the other tenant's ids filled in, and which those are."""
        found: list[tuple[str, list[str]]] = [(door, [])]
        for name in re.findall(r"{(\w+)}", door):
            if name not in self.ids:
                pytest.fail(f"{door}: say in `World.ids` which `{name}` of tenant {OTHER} there is")
            found = [
                (path.replace(f"{{{name}}}", quote(one, safe="")), [*used, one])
                for path, used in found
                for one in self.ids[name]
            ]
        return found

    def state_of_the_other(self) -> dict[str, Any]:
        """What a call of somebody else's must leave as it is."""
        asked = self.call("admin", f"GET /approvals?tenant_id={OTHER}").json()
        given_up = self.call("admin", f"GET /dead-letters?tenant_id={OTHER}").json()
        health = self.call("admin", "GET /health").json()
        tokens = self.call("admin", "GET /tokens").json()["tokens"]
        deletions = self.call("admin", "GET /data/deletions").json()
        return {
            "asked": asked,
            "given up": given_up,
            "held": health["held"],
            "kill switch": health["kill_switch"],
            "deletions": deletions,
            "tokens": [(token["id"], token["counts"]) for token in tokens],
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("tenants")
    config = config_with(folder, tools="tests.doubles.poisoned_tools")
    env = {
        "OBSERVER__WORKER__RETRY_DELAYS": '["10ms"]',
        "OBSERVER__WORKER__UNDELIVERED_FOR": "1ms",
    }
    pipeline = folder / "var" / "pipeline"
    pipeline.mkdir(parents=True)
    (pipeline / "poison").touch()
    with ObserverProcess(folder / "var", config=config, env=env) as observer:
        world = World(observer)
        live_through_a_night(world)
        yield world


def live_through_a_night(world: World) -> None:
    """Give the other tenant one of everything, and each sort of caller a token."""
    observer = world.observer
    for tenant, name in ((OTHER, "bravo"), (OWN, "alpha")):
        about = {"tenant_id": tenant, "message": f"{WARNING['message']} canary-of-{name}"}
        observer.send({**WARNING, **about, "session_id": f"ended-of-{name}"})
        observer.wait_for(f"ended-of-{name}", tenant=tenant)
    about = {"tenant_id": OTHER, "message": f"{APPROVAL['message']} {CANARY}"}
    observer.send({**APPROVAL, **about, "session_id": "asked-of-bravo"})
    observer.wait_for("asked-of-bravo", "waiting_approval", tenant=OTHER)
    poison = {"tenant_id": OTHER, "message": f"job poison-0 {CANARY}", "stage": "validation"}
    observer.send({**WARNING, **poison, "session_id": "dead-of-bravo"})
    observer.wait_for("dead-of-bravo", "failed", tenant=OTHER)
    assert observer.order("pause", tenant_id=OTHER).status_code == 200
    assert observer.order("kill-switch", on=True, tenant_id=OTHER).status_code == 200
    order = {"tenant_id": OTHER, "older_than_s": 86400.0}
    assert httpx.post(f"{observer.url}/data/delete", json=order, timeout=30).status_code == 202
    wait_until(lambda: observer.get("/data/deletions")["done"], "what is a day old is deleted")
    [known_error, *_] = observer.get("/known-errors")["known_errors"]
    session = observer.session("ended-of-bravo", tenant=OTHER)
    [approval] = observer.get("/approvals")["approvals"]
    wait_until(lambda: observer.get("/dead-letters")["dead_letters"], "the poison is given up")
    [letter] = observer.get("/dead-letters")["dead_letters"]

    def add(name: str, role: str, tenant: str | None = None) -> str:
        order = {"name": name, "role": role} | ({"tenant_id": tenant} if tenant else {})
        answer = world.call("admin" if world.tokens else None, "POST /tokens", json=order)
        assert answer.status_code == 201, answer.text
        world.tokens[name] = answer.json()["token"]
        return answer.json()["id"]

    add("admin", "admin")
    for role in Role:
        if role is not Role.ADMIN:
            add(role, role)
    add("of-alpha", "admin", OWN)
    token = add("reader-of-bravo", "viewer", OTHER)
    world.ids |= {
        "session_id": ["ended-of-bravo", "asked-of-bravo"],
        "approval_id": [approval["id"]],
        "dead_letter_id": [letter["id"]],
        "trace_id": [run["trace_id"] for run in session["runs"]],
        "trace_or_session": ["ended-of-bravo", session["runs"][0]["trace_id"]],
        "known_error": [known_error["id"]],
        "command": list(COMMANDS),
        "token": [token],
    }


def queries_of(door: str) -> set[str]:
    """The names of a route's query parameters."""
    method, _, path = door.partition(" ")
    parameters = SPEC[path][method.lower()].get("parameters", [])
    return {one["name"] for one in parameters if one["in"] == "query"}


def without(text: str, *sent: str) -> str:
    """The answer without what the caller said itself."""
    for one in sent:
        text = text.replace(one, "")
    return text


def tells_nothing(world: World, answer: httpx.Response, *sent: str) -> None:
    text = without(answer.text, *sent)
    secrets = [OTHER, *world.ids["approval_id"], *world.ids["trace_id"]]
    assert [secret for secret in secrets if secret in text] == [], text


@pytest.mark.parametrize("door", READS)
def test_a_tenants_token_reads_nothing_of_another(world: World, door: str) -> None:
    """Case 46."""
    whole = any(needs.whole for needs in DOORS[door])
    for path, used in world.paths(door):
        plain = world.call("of-alpha", path)
        assert plain.status_code in ((403,) if whole else (200, 404)), (path, plain.text)
        tells_nothing(world, plain, *used)
        if used and not whole:
            assert plain.status_code == 404, plain.text
            unknown = world.call("of-alpha", path.replace(used[0], NOBODYS))
            told = without(plain.text, used[0]), without(unknown.text, NOBODYS)
            assert (plain.status_code, told[0]) == (unknown.status_code, told[1])
        if "tenant_id" in queries_of(door):
            named = world.call("of-alpha", path, params={"tenant_id": OTHER})
            assert named.status_code == 403, (path, named.text)
            tells_nothing(world, named, *used)


@pytest.mark.parametrize("door", [d for d in READS if not any(n.whole for n in DOORS[d])])
def test_what_it_may_not_read_is_there(world: World, door: str) -> None:
    """Or the test before this one would prove nothing."""
    params = {"tenant_id": OTHER} if "tenant_id" in queries_of(door) else {}
    # The first id is of what has ended: nobody waits for its stream.
    path, _ = world.paths(door)[0]
    answer = world.call("admin", path, params=params)
    assert answer.status_code == 200, answer.text
    assert OTHER in answer.text


@pytest.mark.parametrize("door", WRITES)
def test_a_tenants_token_changes_nothing_of_another(world: World, door: str) -> None:
    """Case 46. Case 58."""
    if door not in BODIES:
        pytest.fail(f"{door}: say in `BODIES` what to send to it")
    before = world.state_of_the_other()
    for path, used in world.paths(door):
        for body in BODIES[door]:
            content = {} if body is None else {"json": body}
            answers = [world.call("of-alpha", path, **content)]
            if "tenant_id" in queries_of(door):
                named = world.call("of-alpha", path, params={"tenant_id": OTHER}, **content)
                assert named.status_code == 403, (path, named.text)
                answers.append(named)
            for answer in answers:
                assert answer.status_code in (403, 404), (path, body, answer.text)
                tells_nothing(world, answer, *used)
    assert world.state_of_the_other() == before


def test_an_answer_to_anothers_question_is_one_to_no_question(world: World) -> None:
    """Case 58."""
    path = "POST /sessions/ended-of-alpha/resume"
    answers = [
        world.call("of-alpha", path, json={**APPROVE, "approval_id": one})
        for one in (world.ids["approval_id"][0], NOBODYS)
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    told = [without(a.text, NOBODYS, *world.ids["approval_id"]) for a in answers]
    assert told[0] == told[1]


def test_its_own_affairs_are_open_to_it(world: World) -> None:
    listed = world.call("of-alpha", "GET /sessions").json()["sessions"]
    assert [session["session_id"] for session in listed] == ["ended-of-alpha"]
    own = world.call("of-alpha", "GET /sessions/ended-of-alpha").json()
    assert own["tenant_id"] == OWN
    held = world.call("of-alpha", "POST /control/pause", json={"tenant_id": OWN}).json()
    assert [(hold["tenant_id"], hold["reason"]) for hold in held["held"]] == [
        (OWN, "paused by of-alpha")
    ]
    world.call("of-alpha", "POST /control/unpause", json={"tenant_id": OWN})
    switch = world.call("of-alpha", "POST /control/kill-switch", json={"tenant_id": OWN}).json()
    assert switch["kill_switch"] == [OWN]
    assert switch["kill_switch_by"] == {"command": [OWN], "file": []}
    world.call("of-alpha", "POST /control/kill-switch", json={"tenant_id": OWN, "on": False})


@pytest.mark.parametrize("door", GUARDED)
def test_without_a_token_nothing_is_reached(world: World, door: str) -> None:
    for path, _ in world.paths(door):
        answer = world.call(None, path)
        assert answer.status_code == 401, (path, answer.text)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("door", GUARDED)
def test_a_role_reaches_what_the_table_says(world: World, door: str, role: Role) -> None:
    """Case 58."""
    admitted = all(needs.admits(role) for needs in DOORS[door])
    path, _ = world.paths(door)[0]
    if not admitted:
        body = {"json": BODIES[door][0]} if door in WRITES else {}
        assert world.call(role, path, **body).status_code == 403
    elif door in READS:
        params = {"tenant_id": OTHER} if "tenant_id" in queries_of(door) else {}
        assert world.call(role, path, params=params).status_code == 200


def test_answering_takes_an_approver_and_picking_up_an_operator(world: World) -> None:
    """Case 58."""
    path, query = "POST /sessions/asked-of-bravo/resume", {"tenant_id": OTHER}
    assert world.call("operator", path, params=query, json=APPROVE).status_code == 403
    assert world.call("approver", path, params=query).status_code == 403
    nothing_parked = world.call("operator", path, params=query)
    assert nothing_parked.status_code == 409, nothing_parked.text
    answered = world.call("approver", path, params=query, json=APPROVE)
    assert answered.status_code == 202, answered.text
    approval = world.call("viewer", f"GET /approvals/{world.ids['approval_id'][0]}").json()
    assert approval["status"] == "answered"
    journal = world.observer.data_dir / "journal"
    wait_until(lambda: answered_by(journal) == ["approver"], "who answered is in the journal")


def answered_by(journal: Any) -> list[str]:
    lines = [json.loads(line) for day in journal.iterdir() for line in day.open()]
    return [line["by"] for line in lines if line.get("what") == "answered"]


def test_a_revoked_token_opens_nothing_from_that_moment_on(world: World) -> None:
    assert world.call("reader-of-bravo", "GET /sessions").status_code == 200
    [token] = world.ids["token"]
    assert world.call("admin", f"POST /tokens/{token}/revoke").status_code == 200
    answer = world.call("reader-of-bravo", "GET /sessions")
    assert answer.status_code == 401
    assert "unknown, expired or revoked" in answer.json()["detail"]


def test_no_token_stands_in_any_file_or_in_what_the_daemon_printed(world: World) -> None:
    """Case 48."""
    files = [path for path in world.observer.data_dir.rglob("*") if path.is_file()]
    written = b"".join(path.read_bytes() for path in files) + world.observer.log.encode()
    assert CANARY.encode() in written
    for token in world.tokens.values():
        assert token.encode() not in written
