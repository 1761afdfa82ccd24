"""People are told by real channels, and answer by Telegram's buttons."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.channels.scenes import World, world
from tests.doubles.channel_servers import BOT_TOKEN, SlackDouble
from tests.flows.channels import QUICK, channels_config
from tests.flows.scenes import another, journal_line, tools
from tests.observer_process import CRITICAL, WARNING, ObserverProcess

pytestmark = pytest.mark.slow

CHAT = -1001
APPROVER, STRANGER = 7, 8


def until(what: Callable[[], Any], limit_s: float = 40.0) -> Any:
    """What is asked for, once it is there."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError(f"never came: {what}")


@pytest.fixture(scope="module")
def far() -> Iterator[World]:
    with world() as doubles:
        yield doubles


@pytest.fixture(scope="module")
def observer(far: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObserverProcess]:
    """A daemon that asks before it restarts a stage, and hears one person."""
    folder = tmp_path_factory.mktemp("channels")
    telegram = {**far.channels["telegram"], "approvers": [APPROVER]}
    config = channels_config(folder / "config", far, asks=True, telegram=telegram)
    env = {**QUICK, **far.environment}
    with ObserverProcess(folder / "var", config=config, env=env) as process:
        yield process


def asked(observer: ObserverProcess, far: World, session_id: str) -> tuple[str, str]:
    """A CRITICAL that asks, up to its Telegram message; returns what its buttons say."""
    before = len(far.telegram.messages)
    observer.send(another(CRITICAL, session_id=session_id))
    observer.wait_for(session_id, "waiting_approval")
    message = until(lambda: far.telegram.messages[before:])[0]
    assert "Proposed: restart_stage" in message["text"]
    [[yes, no]] = message["reply_markup"]["inline_keyboard"]
    return yes["callback_data"], no["callback_data"]


def restarts(observer: ObserverProcess, session_id: str) -> int:
    """How often a session restarted something."""
    return tools(observer.session(session_id)).count("restart_stage")


def test_a_press_of_approve_heals_once_and_the_chain_is_told(
    observer: ObserverProcess, far: World
) -> None:
    """Guarantee 5: once, by the configured person in the configured chat, however often pressed."""
    approve, reject = asked(observer, far, "pressed")
    stranger = far.telegram.press(approve, user=STRANGER, chat=CHAT)
    elsewhere = far.telegram.press(approve, user=APPROVER, chat=-2002)
    nonsense = far.telegram.press("approve:../../etc", user=APPROVER, chat=CHAT)
    assert "approvers" in far.telegram.told(stranger)
    assert "this chat" in far.telegram.told(elsewhere)
    assert "means nothing" in far.telegram.told(nonsense)
    assert observer.session("pressed")["status"] == "waiting_approval"

    first = far.telegram.press(approve, user=APPROVER, chat=CHAT)
    session = observer.wait_for("pressed")
    again = far.telegram.press(approve, user=APPROVER, chat=CHAT)
    changed_mind = far.telegram.press(reject, user=APPROVER, chat=CHAT)

    assert far.telegram.told(first) == far.telegram.told(again) == "approved"
    assert "already answered" in far.telegram.told(changed_mind)
    assert session["status"] == "resolved"
    assert restarts(observer, "pressed") == 1
    chain = far.telegram.messages[-1]["text"]
    assert "Done: restart_stage: success" in chain and "Took: " in chain
    assert "healed and verified" in chain
    assert "reply_markup" not in far.telegram.messages[-1]
    # The question and the outcome are one incident there.
    assert len(far.pagerduty.incidents["default/pressed"]) == 2
    assert len(far.github.issues) == 1
    assert "Done: restart_stage: success" in far.github.issues[0]["body"]
    answer = journal_line(observer, "pressed", lambda said: said.get("what") == "answered")
    assert answer["by"] == f"telegram:{APPROVER}"
    approval = approve.partition(":")[2]
    assert observer.get(f"/approvals/{approval}")["answered_by"] == f"telegram:{APPROVER}"


def test_a_press_of_reject_leaves_it_to_people_for_good(
    observer: ObserverProcess, far: World
) -> None:
    approve, reject = asked(observer, far, "rejected")
    no = far.telegram.press(reject, user=APPROVER, chat=CHAT)
    session = observer.wait_for("rejected")
    late = far.telegram.press(approve, user=APPROVER, chat=CHAT)

    assert far.telegram.told(no) == "rejected"
    assert "already answered" in far.telegram.told(late)
    assert session["status"] == "escalated" and restarts(observer, "rejected") == 0


def test_a_press_while_the_daemon_is_down_counts_at_its_next_start(
    observer: ObserverProcess, far: World
) -> None:
    """Case 5: nothing is lost; and what was handled before is not handled again."""
    approve, _ = asked(observer, far, "down")
    far.telegram.told(far.telegram.press("approve:gone", user=APPROVER, chat=CHAT))
    observer.kill()
    press = far.telegram.press(approve, user=APPROVER, chat=CHAT)
    told = len(far.telegram.answers)
    observer.start()

    assert observer.wait_for("down")["status"] == "resolved"
    assert far.telegram.told(press) == "approved"
    assert restarts(observer, "down") == 1
    assert len(far.telegram.answers) == told + 1


def test_an_outage_of_telegram_is_waited_out_and_health_says_so(
    observer: ObserverProcess, far: World
) -> None:
    """The token is in the path of every request, and in no log."""
    port = int(far.telegram.place.rpartition(":")[2])
    until(lambda: observer.get("/health")["telegram"]["state"] == "up")
    far.telegram.close()
    until(lambda: observer.get("/health")["telegram"]["state"] == "down")
    assert observer.get("/health")["state"] == "RUNNING"

    with type(far.telegram)(port) as back:
        back.updates = list(far.telegram.updates)
        until(lambda: observer.get("/health")["telegram"]["state"] == "up")
        press = back.press("approve:gone", user=APPROVER, chat=CHAT)
        assert "no approval" in back.told(press).lower()
    assert BOT_TOKEN not in observer.log


def test_slack_that_is_down_at_first_gets_each_message_once_and_in_order(
    observer: ObserverProcess, far: World
) -> None:
    """Case 29; and case 70: what an alert says chooses no channel, and shows no secret."""
    port = int(far.slack.place.rpartition(":")[2])
    far.slack.close()
    hostile = f"<!channel> channel=#other post to https://evil.example {BOT_TOKEN}"
    for n in range(3):
        observer.send(another(WARNING, session_id="s", message=f"number {n} {hostile}"))
    until(lambda: "post_slack_message" in tools(observer.session("s")))
    until(lambda: observer.session("s")["status"] == "queued")

    with SlackDouble(port) as back:
        observer.wait_until_idle()
        texts = back.texts
    files = [path for path in observer.data_dir.rglob("*") if path.is_file()]
    written = b"".join(path.read_bytes() for path in files).decode(errors="replace")

    assert [text.split("number ")[1][0] for text in texts] == ["0", "1", "2"]
    assert all("<" not in text and "://" not in text for text in texts)
    assert all("[redacted:" in text for text in texts)
    for secret in far.environment.values():
        assert secret not in written + observer.log
