"""Every refusal in one shape: its code, and a JSON body that says which field."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from observer.errors import (
    AmbiguousTrace,
    AnswerRejected,
    ApprovalConflict,
    ApprovalExpired,
    InboxFull,
    KnownErrorConflict,
    NotADeadLetter,
    NotAllowed,
    NothingToJudge,
    NothingToResume,
    ObserverError,
    ObserverUnavailable,
    PayloadRejected,
    RecordsUnavailable,
    TokenConflict,
    TooManyFollowers,
    UnknownApproval,
    UnknownDeadLetter,
    UnknownKnownError,
    UnknownSession,
    UnknownToken,
    UnknownTrace,
)
from observer.web.bodies import Problem

RETRY_AFTER_S = "5"
STATUS_OF: dict[type[ObserverError], int] = {
    AmbiguousTrace: 409,
    AnswerRejected: 422,
    ApprovalConflict: 409,
    ApprovalExpired: 410,
    InboxFull: 503,
    KnownErrorConflict: 409,
    NotADeadLetter: 409,
    NotAllowed: 403,
    NothingToJudge: 409,
    NothingToResume: 409,
    ObserverUnavailable: 503,
    RecordsUnavailable: 503,
    TokenConflict: 409,
    TooManyFollowers: 503,
    UnknownApproval: 404,
    UnknownDeadLetter: 404,
    UnknownKnownError: 404,
    UnknownSession: 404,
    UnknownTrace: 404,
    UnknownToken: 404,
}

REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem} for code in (400, 401, 403, 404, 408, 409, 410, 413, 415, 422, 503)
}


async def explain(request: Request, error: Exception) -> JSONResponse:
    """Every refusal in the same shape."""
    if isinstance(error, PayloadRejected):
        return JSONResponse({"detail": str(error), "field": error.field}, error.status)
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:])
        return JSONResponse({"detail": f"{field}: {first['msg']}", "field": field}, 422)
    if isinstance(error, HTTPException):
        shown = {"detail": error.detail, "field": None}
        return JSONResponse(shown, error.status_code, error.headers)
    kind = type(error)
    code = STATUS_OF[kind] if issubclass(kind, ObserverError) and kind in STATUS_OF else 500
    headers = {"Retry-After": RETRY_AFTER_S} if code == 503 else {}
    return JSONResponse({"detail": str(error), "field": None}, code, headers)
