"""What earlier incidents were, what fixed them, and how alike they are to a new one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from observer.domain.track_record import day

MOST_SIMILAR = 3
_MOST_WORDS = 20
_LONGEST_WORD = 40
_LONGEST_TEXT = 2000
_SAID_LENGTH = 120
_LEAST_ALIKE = 1 / 3
_WORD = re.compile(r"\w{3,}")


@dataclass(frozen=True)
class PastIncident:
    """One finished incident, and how what was done last has fared on its node."""

    tenant_id: str
    session_id: str
    node: str
    severity: str
    message: str
    cause: str
    walk: str
    remedy: str
    """What was done last; empty where nothing was."""
    outcome: str
    ended_at: float
    """Unix time."""
    held: int = 0
    tried: int = 0
    """Of how many of the latest times that it was done there, and how often it held."""

    @property
    def subject(self) -> str:
        """What it was, on one line: the world's own words."""
        return " ".join((self.cause or self.message).split())[:_SAID_LENGTH]

    @property
    def ending(self) -> str:
        """What was done, and how often that held."""
        if not self.remedy:
            return "healed by itself" if self.outcome == "resolved" else "a person took over"
        held = f"{self.remedy} held {self.held} of {self.tried}"
        return held if self.outcome == "resolved" else f"a person took over; {held}"

    def line(self) -> str:
        """The same for people and prompts."""
        return f"{day(self.ended_at)} {self.node}: {self.subject}; {self.ending}"


@lru_cache(maxsize=4096)
def words_of(text: str) -> tuple[str, ...]:
    """The words that tell texts apart: no numbers, each once, not too many."""
    found = _WORD.findall(text[:_LONGEST_TEXT].casefold())
    plain = (word for word in found if not any(c.isdigit() for c in word))
    return tuple(dict.fromkeys(word[:_LONGEST_WORD] for word in plain))[:_MOST_WORDS]


def query_of(words: Iterable[str]) -> str:
    """Any of some words, for FTS5: each in quotes, so that none is read as an operator."""
    return " OR ".join(f'"{word}"' for word in words)


def most_similar(message: str, candidates: Iterable[PastIncident]) -> list[PastIncident]:
    """The few that share most words with a message, the latest first among equals.

    What shares less than a third of them is not similar; what reads the same is told once.
    """
    wanted = set(words_of(message))
    ranked: list[tuple[int, float, PastIncident]] = []
    for past in candidates:
        shared = len(wanted & set(words_of(f"{past.message} {past.cause}")))
        if shared and shared >= _LEAST_ALIKE * len(wanted):
            ranked.append((shared, past.ended_at, past))
    ranked.sort(key=lambda one: one[:2], reverse=True)
    distinct: dict[tuple[str, str], PastIncident] = {}
    for _, _, past in ranked:
        distinct.setdefault((past.subject, past.ending), past)
    return list(distinct.values())[:MOST_SIMILAR]
