"""What a command line says by name: its options and variables, through `env` and `sh -c`, too."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

_SHELLS = {"sh", "bash", "dash", "ash", "zsh"}
_INTERPRETERS = re.compile(r"(python|pypy)[0-9.]*$|node$|ruby$|perl$|php$")
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.S)
_OPTION = re.compile(r"-{1,2}(?P<name>[A-Za-z][\w.-]*)(?P<given>=(?P<value>.*))?", re.S)
_VARIABLE = re.compile(
    r"\$(?:(?P<plain>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)(?::?[-=?+][^}]*)?\})"
)
_MOST_SHELLS = 5


@dataclass(frozen=True)
class Said:
    """One value and the name it was given; as it was written, for a person to find it again."""

    name: str
    value: str
    written: str


@dataclass(frozen=True)
class CommandLine:
    """What is started, and everything that is said by name."""

    program: str
    said: tuple[Said, ...]


def read_command(argv: Sequence[str], environment: Mapping[str, str]) -> CommandLine:
    """Take a command line and its environment apart. Positional arguments have no name."""
    variables = dict(environment)
    rest = list(argv)
    for _ in range(_MOST_SHELLS):
        before = rest
        rest = _without_env(rest, variables)
        rest = _inside_shell(rest, variables)
        if rest == before:
            break
    said = [Said(name, variables[name], name) for name in sorted(variables)]
    return CommandLine(_program(rest), (*said, *_options(rest[1:])))


def _without_env(argv: list[str], variables: dict[str, str]) -> list[str]:
    """`env A=1 command` and `A=1 command` as the command, with the variables taken in."""
    rest = argv[1:] if argv and PurePosixPath(argv[0]).name == "env" else argv
    if rest and rest[0] == "exec":
        rest = rest[1:]
    while rest and (found := _ASSIGNMENT.fullmatch(rest[0])):
        variables[found["name"]] = found["value"]
        rest = rest[1:]
    return rest


def _inside_shell(argv: list[str], variables: Mapping[str, str]) -> list[str]:
    """The words of the script in `sh -c SCRIPT`; anything else as it is."""
    if len(argv) < 3 or PurePosixPath(argv[0]).name not in _SHELLS:
        return argv
    if not re.fullmatch(r"-[a-z]*c", argv[1]):
        return argv
    try:
        words = shlex.split(argv[2])
    except ValueError:
        return argv
    return [_VARIABLE.sub(lambda found: _value(found, variables), word) for word in words]


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name = found["plain"] or found["braced"]
    return variables.get(name, "${" + name + "}")


def _options(arguments: Sequence[str]) -> list[Said]:
    said: list[Said] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if option := _OPTION.fullmatch(word):
            name = option["name"]
            if option["given"] is not None:
                property_of_java = name.removeprefix("D") if word.startswith("-D") else name
                said.append(Said(property_of_java, option["value"], word.split("=", 1)[0]))
            elif rest and not _OPTION.fullmatch(rest[0]):
                said.append(Said(name, rest.pop(0), word))
        elif pair := _ASSIGNMENT.fullmatch(word):
            said.append(Said(pair["name"], pair["value"], pair["name"]))
        else:
            said.append(Said("", word, "an argument"))
    return said


def _program(argv: Sequence[str]) -> str:
    """What a person calls it: the script or module rather than its interpreter."""
    if not argv:
        return ""
    name = PurePosixPath(argv[0]).name
    if not _INTERPRETERS.fullmatch(name):
        return name
    for before, word in pairwise(argv):
        if before == "-m":
            return word
        if before == "-c":
            break
        if not word.startswith("-"):
            return PurePosixPath(word).name
    return name
