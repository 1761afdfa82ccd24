"""The console script: every command by name, and the one place where a failure gets its exit code.

Exit codes: 0 done; 1 it ran and the answer is no; 2 wrong usage or configuration.
"""

import gc
import io
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from observer.cli.approvals import approvals, approve, edit, reject
from observer.cli.control import kill_switch, pause, restart, unpause
from observer.cli.costs import costs
from observer.cli.data import data
from observer.cli.dead_letters import dead_letters, redeliver
from observer.cli.demo import demo
from observer.cli.environment import read_dotenv
from observer.cli.evals import evals
from observer.cli.feedback import feedback
from observer.cli.incidents import incidents
from observer.cli.init import init
from observer.cli.journal import journal
from observer.cli.known_errors import known_errors
from observer.cli.ledger import ledger
from observer.cli.render import complain
from observer.cli.send import send
from observer.cli.serve import serve
from observer.cli.sessions import resume, session, sessions
from observer.cli.status import status
from observer.cli.tokens import token
from observer.cli.trace import trace
from observer.cli.traces import traces
from observer.cli.tree import tree
from observer.cli.validate import validate
from observer.errors import ConfigurationError, DataDirLocked, DataDirUnusable, ObserverError

# In the order of `observer --help`. A new command is its function and its name here.
COMMANDS = [
    serve,
    demo,
    send,
    status,
    sessions,
    session,
    approvals,
    approve,
    reject,
    edit,
    resume,
    trace,
    traces,
    dead_letters,
    redeliver,
    feedback,
    costs,
    ledger,
    init,
    validate,
    pause,
    unpause,
    kill_switch,
    restart,
]

NOT_SET_UP = (ConfigurationError, DataDirLocked, DataDirUnusable)


class ObserverCommands(TyperGroup):
    """Reads `.env` before any option falls back on the environment; turns errors into prose."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: Any) -> Any:
        try:
            read_dotenv()
            return super().invoke(ctx)
        except ObserverError as error:
            complain(error)
            raise typer.Exit(2 if isinstance(error, NOT_SET_UP) else 1) from None


# Plain help and plain errors: the Rich ones cost a third of the start-up time, and the Rich
# traceback prints local variables, secrets among them.
app = typer.Typer(
    cls=ObserverCommands,
    help="An on-call agent for data pipelines.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(journal, name="journal")
app.add_typer(tree, name="tree")
app.add_typer(known_errors, name="known-errors")
app.add_typer(incidents, name="incidents")
app.add_typer(token, name="token")
app.add_typer(evals, name="evals")
app.add_typer(data, name="data")


@app.callback()
def observer() -> None:
    """An on-call agent for data pipelines: it investigates, fixes, asks and proves."""


def main() -> None:
    """Run one command; a character that the terminal cannot show must not end it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # What was imported stays to the end: to look through it then takes a third of a short command.
    gc.freeze()
    app()


if __name__ == "__main__":
    main()
