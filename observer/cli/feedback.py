"""A person's thumb on what a session came to: over HTTP, or on disk while it is down."""

from enum import StrEnum
from typing import Annotated

import typer

from observer.cli.environment import (
    DEFAULT_CONFIG,
    DEFAULT_DATA_DIR,
    DEFAULT_URL,
    AsJson,
    ConfigDir,
    DataDirOption,
    Url,
    settle,
)
from observer.cli.http import Unreachable, connect, is_local, path_to
from observer.cli.render import emit, say
from observer.cli.sessions import OfTenant, SessionId


class Thumb(StrEnum):
    UP = "up"
    DOWN = "down"


def feedback(
    session_id: SessionId,
    thumb: Annotated[Thumb, typer.Argument(help="Whether it was handled well.")],
    note: Annotated[str | None, typer.Option(help="Why.")] = None,
    tenant: OfTenant = None,
    url: Url = DEFAULT_URL,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    config: ConfigDir = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Say whether a session was handled well; the latest word counts, the journal keeps all."""
    try:
        with connect(url) as observer:
            given = observer.post(
                path_to("sessions", session_id, "feedback"),
                {"feedback": thumb.value, "note": note},
                tenant_id=tenant,
            ).or_refuse()
    except Unreachable:
        # Our own disk holds nothing of an observer on another machine.
        if not is_local(url):
            raise
        settle(data_dir, config)
        from observer.offline import judge_offline

        given = judge_offline(tenant or "default", session_id, thumb.value, note)
    if as_json:
        emit(given)
    else:
        say(f"Thumb {given['feedback']} on {session_id} is kept with its eval candidate.")
