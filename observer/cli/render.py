"""What a terminal gets to see. Text from outside passes `inert`, or it does not get here."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from observer.domain.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_OFF_TERMINAL = 160
LONGEST_WORD = 40
MOMENT = "%Y-%m-%d %H:%M:%S"
GOOD = {"done", "resolved", "acknowledged", "ok", "healthy", "running", "up", "connected"}
BAD = {"failed", "unknown", "suspended", "not ok", "down", "unhealthy"}


def inert(value: object, *, lines: bool = False) -> str:
    """Any value as text that can only be read: no escape sequence, no control character.

    Without `lines` it is one line, so that a message cannot forge the line after it.
    """
    if value is None:
        return ""
    text = value if isinstance(value, str) else _compact(value)
    return printable(text, lines=lines)


def _compact(value: object) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def emit(data: object) -> None:
    """The answer for a program. ASCII escapes keep it inert in a terminal, too."""
    typer.echo(json.dumps(data, indent=2, default=str))


def say(text: object, *, err: bool = False) -> None:
    """One line for a person."""
    typer.echo(inert(text), err=err)


def complain(problem: object) -> None:
    """What went wrong, on stderr, in as many lines as it needs."""
    typer.echo(inert(str(problem), lines=True), err=True)


def console(*, err: bool = False) -> "Console":
    """A console that takes no text for markup. Off a terminal it is wide: lines are for grep."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    return Console(
        file=stream,
        markup=False,
        emoji=False,
        highlight=False,
        width=None if stream.isatty() else WIDTH_OFF_TERMINAL,
    )


def mark(status: object) -> Any:
    """A status in its colour; the word is the same without."""
    from rich.text import Text

    word = inert(status)
    return Text(word, style="green" if word in GOOD else "red" if word in BAD else "yellow")


def marked(status: object, text: object, *, indent: int = 0) -> Any:
    """One line that starts with a status: only the status takes its colour."""
    from rich.text import Text

    word = mark(status)
    gap = " " * max(1, 8 - len(word))
    return Text.assemble(" " * indent, word, gap, inert(text))


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, err: bool = False
) -> None:
    """Print rows under a title; a column named `status` gets its colour. No rows: nothing.

    A word, such as an id, is never broken for want of room: rather the terminal wraps the row.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    texts = [
        [
            mark(cell) if name == "status" else Text(inert(cell))
            for name, cell in zip(columns, row, strict=True)
        ]
        for row in rows
    ]
    for i, column in enumerate(columns):
        words = [*column.split(), *(word for row in texts for word in row[i].plain.split())]
        longest = max(map(cell_len, words), default=0)
        grid.add_column(column, overflow="fold", min_width=min(longest, LONGEST_WORD))
    for row in texts:
        grid.add_row(*row)
    if grid.row_count:
        out = console(err=err)
        narrowest = Measurement.get(out, out.options.update(width=10_000), grid).minimum
        if narrowest > out.width:
            out.width = max(narrowest, WIDTH_OFF_TERMINAL)
        out.print(Text(title, style="bold"))
        out.print(grid, crop=False)
        out.print()


def facts(pairs: Iterable[tuple[str, object]], *, err: bool = False) -> None:
    """Print names and values, one a line; what is not known is left out."""
    known = [(name, value) for name, value in pairs if value is not None]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        say(f"{name:<{width}}  {inert(value)}", err=err)


def when(value: object) -> str:
    """A moment as a person reads it, in UTC; epochs in seconds or milliseconds are taken, too."""
    try:
        if isinstance(value, int | float):
            moment = datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
        else:
            moment = datetime.fromisoformat(inert(value))
    except (ValueError, OverflowError, OSError):
        return inert(value)
    if moment.tzinfo is None:
        return moment.strftime(MOMENT)
    return moment.astimezone(UTC).strftime(MOMENT) + "Z"


def call(name: object, args: object = None) -> str:
    """A tool call as a person writes it: `clear_queue(stage=indexing)`; unknown arguments: none."""
    if not isinstance(args, dict):
        return inert(name)
    shown = ", ".join(f"{inert(key)}={shorten(value, 60)}" for key, value in args.items())
    return f"{inert(name)}({shown})"


def shorten(value: object, width: int) -> str:
    text = inert(value)
    return text if len(text) <= width else f"{text[: width - 3]}..."
