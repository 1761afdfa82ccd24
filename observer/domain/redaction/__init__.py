"""Takes out secrets and what is personal before anything is written; ids for an audit stay."""

from observer.domain.redaction.fields import FieldPolicy, Treatment
from observer.domain.redaction.redactor import MASK, Redacted, Redactor

__all__ = ["MASK", "FieldPolicy", "Redacted", "Redactor", "Treatment"]
