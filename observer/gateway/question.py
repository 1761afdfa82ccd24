"""One question to the models of a role, and the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from observer.domain.calls import Run
from observer.settings import Prompt

T = TypeVar("T", bound=BaseModel)


@dataclass
class Question(Generic[T]):
    """What every model of the chain is asked, and how long that has gone badly."""

    prompt: Prompt
    message: HumanMessage
    schema: type[T]
    run: Run
    failing_since: float | None = None
    """When its first try failed, by the clock of the tries."""


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A checked answer and who gave it."""

    value: T
    model_id: str


class Skipped(Exception):
    """A model is not asked; the message says why."""
