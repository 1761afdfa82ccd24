"""What waits for a person, and the person's answer: over HTTP, or on disk while it is down."""

import json
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
from observer.cli.http import Unreachable, connect, is_local, path_to
from observer.cli.render import call, complain, emit, say
from observer.cli.sessions import show_pending
from observer.errors import ConfigurationError

ApprovalId = Annotated[str, typer.Argument(metavar="APPROVAL", help="An id of `approvals`.")]
Comment = Annotated[str | None, typer.Option(help="Why; it is kept with the answer.")]

Decision = dict[str, Any]
# The actions that were proposed; None where no daemon could be asked for them.
Proposed = list[dict[str, Any]] | None


def approvals(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """List what waits for an answer."""
    with connect(url) as observer:
        found = observer.get("/approvals").or_refuse()
    if as_json:
        emit(found)
        return
    show_pending(found["approvals"])
    if not found["approvals"]:
        complain("Nothing waits for an answer.")


def approve(
    approval_id: ApprovalId,
    comment: Comment = None,
    url: Url = DEFAULT_URL,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    config: ConfigDir = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Let the proposed actions happen, as proposed."""
    decision: Decision = {"type": "approve", **({"message": comment} if comment else {})}

    def decide(proposed: Proposed) -> list[Decision]:
        return [decision for _ in proposed or [None]]

    answer(approval_id, decide, "approved", url, data_dir, config, as_json)


def reject(
    approval_id: ApprovalId,
    comment: Comment = None,
    url: Url = DEFAULT_URL,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    config: ConfigDir = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Forbid the proposed actions; a person takes over."""
    decision: Decision = {"type": "reject", "message": comment or "Rejected on the command line."}

    def decide(proposed: Proposed) -> list[Decision]:
        return [decision for _ in proposed or [None]]

    answer(approval_id, decide, "rejected", url, data_dir, config, as_json)


def edit(
    approval_id: ApprovalId,
    args: Annotated[
        str,
        typer.Option(
            metavar="JSON",
            help="The arguments to use instead; for several actions a list with one entry "
            "each, null where it may stay as proposed.",
        ),
    ],
    url: Url = DEFAULT_URL,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    config: ConfigDir = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Let the proposed actions happen with other arguments."""
    wanted = read_args(args)

    def decide(proposed: Proposed) -> list[Decision]:
        if proposed is not None and len(proposed) != len(wanted):
            raise ConfigurationError(
                f"{approval_id} proposes {len(proposed)} actions and --args has {len(wanted)}: "
                "give a list with one entry each, null where it may stay as proposed."
            )
        # Offline the names are not known here; an empty one is filled in from the request.
        names = [one["name"] for one in proposed] if proposed is not None else [""] * len(wanted)
        return [
            {"type": "approve"}
            if new is None
            else {"type": "edit", "edited_action": {"name": name, "args": new}}
            for name, new in zip(names, wanted, strict=True)
        ]

    answer(approval_id, decide, "approved with changes", url, data_dir, config, as_json)


def answer(
    approval_id: str,
    decide: Callable[[Proposed], list[Decision]],
    verb: str,
    url: str,
    data_dir: Path,
    config: Path,
    as_json: bool,
) -> None:
    """Give one answer to the daemon; while it is down, leave it on disk for the next start."""
    try:
        with connect(url) as observer:
            approval = observer.get(path_to("approvals", approval_id)).or_refuse()
            decisions = decide(approval["action_requests"])
            observer.post(
                path_to("sessions", approval["session_id"], "resume"),
                {"approval_id": approval_id, "decisions": decisions},
                tenant_id=approval.get("tenant_id"),
            ).or_refuse()
    except Unreachable:
        # Our own disk holds nothing of an observer on another machine.
        if not is_local(url):
            raise
        settle(data_dir, config)
        from observer.offline import answer_offline

        decisions = decide(None)
        message = answer_offline(approval_id, decisions)
    else:
        asked = approval["action_requests"]
        # One word may speak for all of them; an edited action stands for the asked one.
        said = decisions if len(decisions) == len(asked) else decisions * len(asked)
        meant = [d.get("edited_action", a) for d, a in zip(said, asked, strict=True)]
        actions = ", ".join(call(one.get("name"), one.get("args")) for one in meant)
        message = f"{approval_id} is {verb}: {actions}"
    if as_json:
        emit({"approval_id": approval_id, "decisions": decisions, "message": message})
    else:
        say(message)


def read_args(text: str) -> list[dict[str, Any] | None]:
    """`--args` as one entry per action."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"--args is not JSON: {error}.") from None
    entries = given if isinstance(given, list) else [given]
    if any(not isinstance(one, dict | None) for one in entries):
        raise ConfigurationError('--args takes a JSON object, like {"stage": "indexing"}.')
    if all(one is None for one in entries):
        raise ConfigurationError("--args changes nothing; `observer approve` says the same.")
    return entries
