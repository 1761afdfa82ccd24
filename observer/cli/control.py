"""Hold the observer, let it go on, start it afresh."""

from typing import Annotated, Any

import typer

from observer.cli.environment import DEFAULT_URL, AsJson, Url
from observer.cli.http import connect, path_to
from observer.cli.render import emit, say

OneTenant = Annotated[str | None, typer.Option(help="Only this tenant; else all of it.")]


def pause(tenant: OneTenant = None, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Stop starting work; events are still taken and kept."""
    order("pause", "Paused", tenant, url, as_json)


def unpause(tenant: OneTenant = None, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Go on with what was kept."""
    order("unpause", "Running again", tenant, url, as_json)


def restart(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Let an observer that has FAILED try again."""
    order("restart", "Restarted", None, url, as_json)


def order(name: str, done: str, tenant: str | None, url: str, as_json: bool) -> None:
    body: dict[str, Any] = {} if tenant is None else {"tenant_id": tenant}
    with connect(url) as observer:
        answer = observer.post(path_to("control", name), body).or_refuse()
    if as_json:
        emit(answer)
    else:
        say(f"{done}." if tenant is None else f"{done}: tenant {tenant}.")
