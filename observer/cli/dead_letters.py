"""Events that were given up after their tries: list them, try one again."""

from typing import Annotated

import typer

from observer.cli.environment import DEFAULT_URL, AsJson, Tenant, Url
from observer.cli.http import connect, path_to
from observer.cli.render import complain, emit, say, table, when
from observer.cli.sessions import pick

LetterId = Annotated[str, typer.Argument(metavar="ID", help="An id of `dead-letters`.")]


def dead_letters(
    tenant: Tenant = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """List the events that were given up, and why, the latest first."""
    with connect(url) as observer:
        found = observer.get("/dead-letters", tenant_id=tenant, limit=limit).or_refuse()
    if as_json:
        emit(found)
        return
    names = ("id", "session_id", "severity", "stage", "message", "attempts", "reason")
    rows = [[*pick(row, *names), when(row.get("given_up_at"))] for row in found["dead_letters"]]
    columns = ("id", "session", "severity", "stage", "message", "tries", "reason", "given up")
    table("Dead letters", columns, rows)
    if not rows:
        complain("Nothing was given up.")


def redeliver(letter_id: LetterId, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Try an event again that was given up."""
    with connect(url) as observer:
        answer = observer.post(path_to("dead-letters", letter_id, "redeliver")).or_refuse()
    if as_json:
        emit(answer)
    else:
        say(f"Event {letter_id} of session {answer.get('session_id')} is tried again.")
