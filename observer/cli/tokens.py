"""Bearer tokens: made, listed and revoked over HTTP, or on disk while the observer is down."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

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
from observer.cli.http import ObserverClient, Unreachable, connect, is_local, path_to
from observer.cli.render import complain, emit, say, table, when
from observer.domain.access import Role

token = typer.Typer(help="Who may come in, and what they may do.", no_args_is_help=True)


@token.callback()
def bearer() -> None:
    """Who may come in, and what they may do."""


@token.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose it is: a person, a dashboard, a program.")],
    role: Annotated[Role, typer.Option(help="What it may do.")],
    tenant: Annotated[
        str | None, typer.Option(help="For this tenant's affairs only; without it, for all.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="DURATION", help="After how long, like 90d or 12h.")
    ] = None,
    url: Url = DEFAULT_URL,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    config: ConfigDir = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Make one and print it, this once. From the first on, every caller needs one."""
    order = {"name": name, "role": role, "tenant_id": tenant, "expires": expires}

    def ask(observer: ObserverClient) -> dict[str, Any]:
        given = {key: value for key, value in order.items() if value is not None}
        return observer.post("/tokens", given).or_refuse()

    def on_disk() -> dict[str, Any]:
        from observer.offline import add_token_offline

        return add_token_offline(order)

    added = said(url, data_dir, config, ask, on_disk)
    if as_json:
        emit(added)
        return
    typer.echo(added["token"])
    say(f"{summary(added)}; it is not shown again: OBSERVER_TOKEN takes it", err=True)


@token.command("list")
def list_all(
    url: Url = DEFAULT_URL,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    config: ConfigDir = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """List all that were ever made, and the day each was last used on."""

    def ask(observer: ObserverClient) -> dict[str, Any]:
        return observer.get("/tokens").or_refuse()

    def on_disk() -> dict[str, Any]:
        from observer.offline import list_tokens_offline

        return list_tokens_offline()

    found = said(url, data_dir, config, ask, on_disk)
    if as_json:
        emit(found)
        return
    columns = ("id", "name", "role", "tenant", "made", "ends", "last used", "counts")
    table("Tokens", columns, [row(one) for one in found["tokens"]])
    if not found["tokens"]:
        complain("There is no token: this machine's users may do everything, others nothing.")


@token.command()
def revoke(
    named: Annotated[str, typer.Argument(metavar="NAME|ID", help="Of `observer token list`.")],
    url: Url = DEFAULT_URL,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    config: ConfigDir = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Let one open nothing from this moment on."""

    def ask(observer: ObserverClient) -> dict[str, Any]:
        return observer.post(path_to("tokens", named, "revoke")).or_refuse()

    def on_disk() -> dict[str, Any]:
        from observer.offline import revoke_token_offline

        return revoke_token_offline(named)

    revoked = said(url, data_dir, config, ask, on_disk)
    if as_json:
        emit(revoked)
    else:
        say(f"{summary(revoked)} opens nothing any more")


def said(
    url: str,
    data_dir: Path,
    config: Path,
    ask: Callable[[ObserverClient], dict[str, Any]],
    on_disk: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """The daemon's answer; while it is down, what its own records say."""
    try:
        with connect(url) as observer:
            return ask(observer)
    except Unreachable:
        # Our own disk holds nothing of an observer on another machine.
        if not is_local(url):
            raise
        settle(data_dir, config)
        return on_disk()


def row(one: dict[str, Any]) -> list[object]:
    ends = one["revoked_at"] or one["expires_at"]
    return [
        one["id"],
        one["name"],
        one["role"],
        one["tenant_id"] or "all",
        when(one["created_at"]),
        "" if ends is None else when(ends),
        one["last_used_on"] or "not yet",
        "yes" if one["counts"] else "revoked" if one["revoked_at"] else "expired",
    ]


def summary(one: dict[str, Any]) -> str:
    """Which one it is, in words."""
    whose = "all tenants" if one["tenant_id"] is None else f"tenant {one['tenant_id']}"
    ends = "" if one["expires_at"] is None else f", until {when(one['expires_at'])}"
    return f"{one['id']} ({one['name']}, {one['role']} for {whose}{ends})"
