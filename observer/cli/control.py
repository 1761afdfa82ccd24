"""Hold the observer, let it go on, start it afresh."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from observer.cli.environment import DEFAULT_URL, AsJson, Url
from observer.cli.http import connect, path_to
from observer.cli.render import emit, say

OneTenant = Annotated[str | None, typer.Option(help="Only this tenant.")]


class Position(StrEnum):
    """Of the kill switch."""

    ON = "on"
    OFF = "off"


def pause(tenant: OneTenant = None, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Stop starting work; events are still taken and kept."""
    order("pause", tenant, url, as_json)


def unpause(tenant: OneTenant = None, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Go on with what was kept."""
    order("unpause", tenant, url, as_json)


def restart(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Let an observer that has FAILED try again."""
    order("restart", None, url, as_json)


def kill_switch(
    position: Annotated[Position, typer.Argument(help="on: no remedy starts any more.")],
    tenant: OneTenant = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Forbid every remedy, or allow them again; looking and telling people go on."""
    body: dict[str, Any] = {"on": position is Position.ON}
    if tenant is not None:
        body["tenant_id"] = tenant
    with connect(url) as observer:
        answer = observer.post(path_to("control", "kill-switch"), body).or_refuse()
    if as_json:
        emit(answer)
        return
    whom = switched_off(answer) or "nobody"
    say(f"kill-switch: on for {whom}" + ("" if answer["changed"] else " (no change)"))


def switched_off(answer: dict[str, Any]) -> str:
    """For whom the kill switch is on, and by what."""
    by = (answer.get("kill_switch_by") or {}).items()
    return ", ".join(f"{whom} (by {what})" for what, named in by for whom in named)


def order(name: str, tenant: str | None, url: str, as_json: bool) -> None:
    """Give the order, and say what the daemon says became of it, not what was asked."""
    body: dict[str, Any] = {} if tenant is None else {"tenant_id": tenant}
    with connect(url) as observer:
        answer = observer.post(path_to("control", name), body).or_refuse()
    if as_json:
        emit(answer)
        return
    state = f"the observer is {answer.get('state', 'as it was')}"
    for held in answer.get("held") or []:
        state += f"; {held['tenant_id']} is held: {held['reason']}"
    say(f"{name}: {state}" + (" (no change)" if answer.get("changed") is False else ""))
