"""The routes of what was learned: known errors and past incidents."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from observer.records.rulings import Status
from observer.web.access import OperatorOfAll, Reader, ReaderOfAll
from observer.web.bodies import Current, JsonBody, body_of, read_body
from observer.web.refusals import REFUSALS

knowledge = APIRouter()


class Word(BaseModel):
    """A person's word on a known error."""

    model_config = ConfigDict(extra="forbid")

    by: Annotated[str, Field(min_length=1, max_length=100)] = "a person"
    comment: Annotated[str, Field(max_length=1000)] = ""


class Import(BaseModel):
    """Known errors in the schema of known_errors.yaml, as text."""

    model_config = ConfigDict(extra="forbid")

    text: str
    name: Annotated[str, Field(min_length=1, max_length=200)] = "known_errors.yaml"
    by: Annotated[str, Field(min_length=1, max_length=100)] = "a person"


@knowledge.get("/known-errors", responses=REFUSALS)
async def known_errors(
    caller: ReaderOfAll, observer: Current, status: Status | None = None
) -> dict[str, Any]:
    """The known errors with their figures: the file's, then what was learned and imported."""
    return {"known_errors": await observer.services.learned.list(status)}


@knowledge.post("/known-errors/import", responses=REFUSALS, openapi_extra=body_of(Import))
async def import_known_errors(
    caller: OperatorOfAll, body: JsonBody, observer: Current
) -> dict[str, Any]:
    """Check known errors as the file is checked and propose them; one that is known stays."""
    order = read_body(Import, body)
    return await observer.services.learned.import_text(
        order.text, order.name, caller.name or order.by
    )


@knowledge.get("/known-errors/{known_error}", responses=REFUSALS)
async def known_error(caller: ReaderOfAll, observer: Current, known_error: str) -> dict[str, Any]:
    """One known error, whatever its status."""
    return await observer.services.learned.show(known_error)


@knowledge.post(
    "/known-errors/{known_error}/accept", responses=REFUSALS, openapi_extra=body_of(Word)
)
async def accept(
    caller: OperatorOfAll, known_error: str, body: JsonBody, observer: Current
) -> dict[str, Any]:
    """Act upon it from now on, as far as autonomy.yaml lets it."""
    word = read_body(Word, body)
    shown = await observer.services.learned.accept(
        known_error, caller.name or word.by, word.comment
    )
    observer.services.drain.wake()
    return shown


@knowledge.post(
    "/known-errors/{known_error}/retire", responses=REFUSALS, openapi_extra=body_of(Word)
)
async def retire(
    caller: OperatorOfAll, known_error: str, body: JsonBody, observer: Current
) -> dict[str, Any]:
    """Do not act upon it any more; it goes on to explain near misses."""
    word = read_body(Word, body)
    shown = await observer.services.learned.retire(
        known_error, caller.name or word.by, word.comment
    )
    observer.services.drain.wake()
    return shown


@knowledge.get("/incidents", responses=REFUSALS)
async def incidents(
    caller: Reader,
    observer: Current,
    search: Annotated[str | None, Field(max_length=1000)] = None,
    node: str | None = None,
    tenant_id: str | None = None,
    limit: Annotated[int, Field(ge=1, le=1000)] = 50,
) -> dict[str, Any]:
    """Finished incidents with some of these words, the best first; without words the latest."""
    found = await observer.services.memory.past.search(
        search, tenant_id=caller.tenant(tenant_id), node=node, limit=limit
    )
    return {"incidents": [{**asdict(past), "line": past.line()} for past in found]}
