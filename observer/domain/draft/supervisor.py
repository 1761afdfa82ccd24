"""What supervisord runs: its programs, each process with its group, command and environment."""

from __future__ import annotations

from dataclasses import dataclass

from observer.domain.draft.supervisor_ini import (
    PLACEHOLDER,
    Section,
    Sections,
    Setting,
    expand,
    pairs,
    words,
)
from observer.errors import ConfigurationError

_PROGRAMS = ("program:", "fcgi-program:")
_OTHERS = ("rpcinterface:", "ctlplugin:", "group:", *_PROGRAMS)
_PLAIN = {"supervisord", "supervisorctl", "unix_http_server", "inet_http_server", "include"}
_MOST_PROCESSES = 1000
_FALSE = {"no", "false", "off", "0"}


@dataclass(frozen=True, eq=False)  # each is itself only; a hash of all its text would be slow
class Process:
    """One process of one supervisord, with what its configuration tells of it."""

    name: str
    group: str
    program: str
    supervisor: int
    command: str
    argv: tuple[str, ...]
    environment: dict[str, str]
    shared: dict[str, str]
    """What [supervisord] gives to every process: no evidence that this one uses it."""
    logfile: str | None = None
    todos: tuple[str, ...] = ()


@dataclass(frozen=True)
class Supervised:
    """All of one supervisord's processes, and the sections that are no part of a pipeline."""

    processes: tuple[Process, ...]
    skipped: tuple[tuple[str, str], ...]
    shared: dict[str, str]


def supervised(sections: Sections, supervisor: int = 1) -> Supervised:
    """Read one supervisord's whole configuration.

    Raises:
        ConfigurationError: supervisord could not run it, with file, line and what to write.
    """
    shared: dict[str, str] = {}
    main = sections.get("supervisord")
    if main is not None and (setting := main.settings.get("environment")):
        shared = pairs(setting, expand(setting, {}))
    found: dict[tuple[str, str], Process] = {}
    for group, section in _members(sections):
        for process in _processes(section, group, shared, supervisor):
            found.setdefault((process.group, process.name), process)
    in_order = tuple(found[key] for key in sorted(found))
    return Supervised(in_order, tuple(_skipped(sections)), shared)


def _members(sections: Sections) -> list[tuple[str, Section]]:
    """Every program with its group; one that no group names is a group of its own."""
    members: list[tuple[str, Section]] = []
    grouped: set[str] = set()
    for section in sections.values():
        if not section.name.startswith("group:"):
            continue
        group = _name(section)
        setting = section.settings.get("programs")
        listed = expand(setting, {}).split(",") if setting and setting.value else []
        for program in (name.strip() for name in listed):
            named = [prefix + program for prefix in _PROGRAMS if prefix + program in sections]
            if len(named) != 1:
                wrong = "is both a program and an fcgi-program" if named else "does not exist"
                raise (setting or _nothing(section)).refuse(
                    f"[{section.name}] names {program or 'an empty program'}, which {wrong};"
                    f" write a [program:{program or 'NAME'}], or take it out of `programs`"
                )
            grouped.add(named[0])
            members.append((group, sections[named[0]]))
    for section in sections.values():
        if section.name.startswith(_PROGRAMS) and section.name not in grouped:
            members.append((_name(section), section))
    return members


def _name(section: Section) -> str:
    name = section.name.split(":", 1)[1].strip()
    if not name or any(character in name for character in " :/"):
        raise ConfigurationError(
            f"{section.file}:{section.line}: [{section.name}] has no usable name; write letters,"
            " digits, - and _ only"
        )
    return name


def _nothing(section: Section) -> Setting:
    return Setting("", section.file, section.line, "")


def _processes(
    section: Section, group: str, shared: dict[str, str], supervisor: int
) -> list[Process]:
    settings = section.settings
    command = settings.get("command")
    if command is None:
        raise _nothing(section).refuse(f"[{section.name}] has no `command`; write what it starts")
    facts: dict[str, str | int] = {f"ENV_{key}": value for key, value in shared.items()}
    facts |= {"program_name": _name(section), "group_name": group}
    todos: list[str] = []
    count = _count(settings.get("numprocs"), 1, facts, todos)
    first = _count(settings.get("numprocs_start"), 0, facts, todos)
    naming = settings.get("process_name") or Setting("%(program_name)s", *_place(section), "")
    if count > _MOST_PROCESSES:
        raise settings["numprocs"].refuse(f"`numprocs` is over {_MOST_PROCESSES}")
    if count > 1 and "%(process_num)" not in naming.value:
        raise naming.refuse(
            "several processes would have one name; write"
            " process_name = %(program_name)s_%(process_num)02d"
        )
    if (autostart := settings.get("autostart")) and autostart.value.lower() in _FALSE:
        todos.append("autostart is off: is it part of the pipeline at all?")
    processes: list[Process] = []
    for number in range(first, first + count):
        known = facts | {"process_num": number, "numprocs": count}
        environment: dict[str, str] = {}
        if given := settings.get("environment"):
            environment = pairs(given, expand(given, known))
        text = expand(command, known | {f"ENV_{key}": v for key, v in environment.items()})
        logfile = settings.get("stdout_logfile")
        processes.append(
            Process(
                name=expand(naming, known).strip(),
                group=group,
                program=_name(section),
                supervisor=supervisor,
                command=text,
                argv=words(command, text),
                environment=environment,
                shared=shared,
                logfile=expand(logfile, known) if logfile else None,
                todos=tuple(todos),
            )
        )
    return processes


def _place(section: Section) -> tuple[str, int]:
    return section.file, section.line


def _count(
    setting: Setting | None, usual: int, facts: dict[str, str | int], todos: list[str]
) -> int:
    if setting is None:
        return usual
    text = expand(setting, facts).strip()
    if PLACEHOLDER.search(text):
        todos.append(f"how many processes are there? {text} is known to supervisord only")
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise setting.refuse("is no count; write a whole number")
    return int(text)


def _skipped(sections: Sections) -> list[tuple[str, str]]:
    skipped: list[tuple[str, str]] = []
    for name in sorted(sections):
        if name.startswith("eventlistener:"):
            skipped.append((name, "listens to supervisord's own events; no part of a pipeline"))
        elif name not in _PLAIN and not name.startswith(_OTHERS):
            skipped.append((name, "is no section of supervisord's"))
    return skipped
