"""supervisord's INI dialect: what each setting says, and in which file and line it stands.

supervisord reads its files with the standard library's parser; so do we, with its choices: `;` and
`#` after a blank start a comment, a section written twice is one, the last value of a key wins.
"""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from observer.errors import ConfigurationError

_FORMAT = re.compile(
    r"%(?:%|\((?P<name>[^()]*)\)(?P<form>[-#0 +]{0,5}\d{0,3}(?:\.\d{0,3})?[a-zA-Z]))"
)
_MACHINE = "host_node_name"
PLACEHOLDER = re.compile(r"\$\{\w+\}")
"""What stands in a value for a variable that only supervisord's own environment knows."""


@dataclass(frozen=True)
class Setting:
    """One `name = value` and where it was written."""

    value: str
    file: str
    line: int
    here: str

    def refuse(self, message: str) -> ConfigurationError:
        """What is wrong with it, on one line. A value that may hold a password is never quoted."""
        return ConfigurationError(f"{self.file}:{self.line}: {' '.join(message.split())}")


@dataclass(frozen=True)
class Section:
    """One `[section]` with its settings."""

    name: str
    file: str
    line: int
    settings: Mapping[str, Setting]


Sections = dict[str, Section]


def parse(file: str, here: str, text: str) -> Sections:
    """The sections of one file; `here` is its directory.

    Raises:
        ConfigurationError: it is not in supervisord's dialect.
    """
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    try:
        parser.read_string(text, source=file)
    except configparser.MissingSectionHeaderError as error:
        raise ConfigurationError(
            f"{file}:{error.lineno}: stands before any section; write a section first, for example"
            " [program:NAME]"
        ) from None
    except configparser.ParsingError as error:
        line = error.errors[0][0] if error.errors else 1
        raise ConfigurationError(
            f"{file}:{line}: is no setting; write `name = value`, or indent it to continue the"
            " setting above"
        ) from None
    lines = _lines(text)
    sections: Sections = {}
    for name in parser.sections():
        first = lines.get((name, ""), 1)
        settings = {
            key: Setting(value, file, lines.get((name, key), first), here)
            for key, value in parser.items(name)
        }
        sections[name] = Section(name, file, first, settings)
    return sections


def _lines(text: str) -> dict[tuple[str, str], int]:
    """The line of every section's head and every key, as far as a look at the line tells."""
    found: dict[tuple[str, str], int] = {}
    section = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if head := configparser.RawConfigParser.SECTCRE.match(line.strip()):
            section = head["header"]
            found.setdefault((section, ""), number)
        elif key := configparser.RawConfigParser.OPTCRE.match(line.strip()):
            found[section, key["option"].rstrip().lower()] = number
    return found


def join(files: Iterable[Sections]) -> Sections:
    """Several files as one configuration, as `[include]` makes them."""
    joined: Sections = {}
    for sections in files:
        for name, section in sections.items():
            before = joined.get(name, section)
            settings = {**before.settings, **section.settings}
            joined[name] = Section(name, before.file, before.line, settings)
    return joined


def expand(setting: Setting, facts: Mapping[str, str | int]) -> str:
    """The value with its `%(name)s` filled in; an unknown `%(ENV_X)s` becomes `${X}`.

    Raises:
        ConfigurationError: a name or a form that supervisord does not know, either.
    """
    filled: list[str] = []
    position = 0
    for found in _FORMAT.finditer(setting.value):
        filled.append(_literal(setting, setting.value[position : found.start()]))
        filled.append(_fill(setting, found, facts))
        position = found.end()
    filled.append(_literal(setting, setting.value[position:]))
    return "".join(filled)


def _literal(setting: Setting, text: str) -> str:
    if "%" in text:
        raise setting.refuse("a % stands alone; write %% for the character, %(name)s for a value")
    return text


def _fill(setting: Setting, found: re.Match[str], facts: Mapping[str, str | int]) -> str:
    name = found["name"]
    if name is None:
        return "%"
    if name in facts or name == "here":
        value = facts.get(name, setting.here)
        try:
            return f"%{found['form']}" % value
        except (ValueError, TypeError, OverflowError):
            raise setting.refuse(f"%({name}){found['form']} fits no such value; write s") from None
    if name == _MACHINE or re.fullmatch(r"ENV_\w+", name):
        return "${" + name.removeprefix("ENV_") + "}"
    known = ", ".join(sorted({"here", _MACHINE, "ENV_NAME"} | set(facts)))
    raise setting.refuse(f"names something unknown; supervisord can fill in {known}")


def pairs(setting: Setting, text: str) -> dict[str, str]:
    """What an expanded `environment` says: KEY="value",KEY2='v,2'.

    Raises:
        ConfigurationError: it is not such a list.
    """
    lexer = shlex.shlex(text)
    lexer.wordchars += "/.+-():" + "${}"  # supervisord's, and those of an unknown value
    try:
        tokens = list(lexer)
    except ValueError:
        raise setting.refuse("a quotation mark in `environment` is never closed") from None
    found: dict[str, str] = {}
    for start in range(0, len(tokens), 4):
        match tokens[start : start + 3]:
            case [key, "=", value]:
                found[key] = value.strip("'\"")
            case _:
                raise setting.refuse(
                    '`environment` is no list of pairs; write KEY="value",KEY2="value 2", each'
                    " value in quotes"
                )
    return found


def words(setting: Setting, text: str) -> tuple[str, ...]:
    """An expanded `command` as the arguments that supervisord starts it with.

    Raises:
        ConfigurationError: it is empty, or a quotation mark is open.
    """
    try:
        argv = tuple(shlex.split(text))
    except ValueError:
        raise setting.refuse("a quotation mark in `command` is never closed") from None
    if not argv:
        raise setting.refuse("`command` is empty; write what is to be started")
    return argv
