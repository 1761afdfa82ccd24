"""What several formats share: names of ours from labels of theirs, severities, one refusal."""

from __future__ import annotations

import re

from pydantic import ValidationError

from observer.domain.event import NAME_LIMIT, Severity
from observer.errors import PayloadRejected

_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "page": Severity.CRITICAL,
    "error": Severity.CRITICAL,
    "warning": Severity.WARNING,
    "info": Severity.INFO,
    "none": Severity.INFO,
}


def severity_of(word: str) -> Severity | None:
    """A source's own word for it; None where it says nothing that we know."""
    return _SEVERITIES.get(word.lower())


def plain_name(text: str) -> str:
    """A text as a name of ours: its other characters become `_`."""
    return re.sub(r"[^A-Za-z0-9_.:-]", "_", text).lstrip("-.:")[:NAME_LIMIT] or "unknown"


def rejection(error: ValidationError) -> PayloadRejected:
    """The refusal that names the first field that is wrong."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "(body)"
    return PayloadRejected(f"{field}: {first['msg']}", field=field)
