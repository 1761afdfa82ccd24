"""LangChain's human-in-the-loop response, as people and programs send it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """A shape with no keys but the listed ones."""

    model_config = ConfigDict(extra="forbid")


class EditedAction(Answer):
    """The action as a person wants it."""

    name: str
    args: dict[str, Any]


class Approve(Answer):
    """Do it."""

    type: Literal["approve"]
    message: str | None = Field(default=None, max_length=2000)


class Edit(Answer):
    """Do it with these arguments."""

    type: Literal["edit"]
    edited_action: EditedAction


class Reject(Answer):
    """Leave it to a person."""

    type: Literal["reject"]
    message: str | None = Field(default=None, max_length=2000)


class Resume(Answer):
    """LangChain's HITL response; without decisions, another try of a parked session."""

    decisions: list[Annotated[Approve | Edit | Reject, Field(discriminator="type")]] | None = None
    approval_id: str | None = None
