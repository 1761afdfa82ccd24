"""A command as people write it, taken apart into words: nothing of it is ever a shell's."""

from __future__ import annotations

import re
import shlex

_PIECE = re.compile(
    r"""(?P<escaped>\\.) | '[^']*' | "(?P<quoted>(?:\\.|[^"\\])*)" | (?P<plain>.)""",
    re.VERBOSE | re.DOTALL,
)
_NEEDS_A_SHELL = re.compile(r"[|&;<>()`\n]|\$[A-Za-z0-9_({@*#?!$-]")
_EXPANDED_IN_QUOTES = re.compile(r"\\\n|`|\$[A-Za-z0-9_({@*#?!$-]")


class NoPlainCommand(ValueError):
    """This text is no command, or means something to a shell only."""


def split_command(text: str) -> list[str]:
    """The words of a command, with quotes as in a shell.

    Raises:
        NoPlainCommand: it is empty, a quote is not closed, or only a shell could do what it says.
    """
    text = text.strip()
    plain = ""
    for piece in _PIECE.finditer(text):
        plain += piece["plain"] or ("\n" if piece["escaped"] == "\\\n" else " ")
        if found := _EXPANDED_IN_QUOTES.search(piece["quoted"] or ""):
            raise _needs_a_shell(found[0])
    if found := _NEEDS_A_SHELL.search(plain):
        raise _needs_a_shell(found[0])
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise NoPlainCommand(f"no command: {str(error).lower()}") from error
    if not words:
        raise NoPlainCommand("no command: it is empty")
    return words


def _needs_a_shell(what: str) -> NoPlainCommand:
    return NoPlainCommand(
        f"{what!r} needs a shell, and there is none; write one program with its arguments, "
        "or quote what is meant literally"
    )
