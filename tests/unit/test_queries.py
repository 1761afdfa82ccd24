"""Case 75: words of an event inside a query."""

from __future__ import annotations

import ast

from hypothesis import given
from hypothesis import strategies as st

from observer.domain.event import Severity
from observer.domain.queries import in_query
from observer.domain.runbook import CallTemplate

HOSTILE = 'x"} or vector(1) #'


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_value_means_itself_between_quotes_and_can_end_none(value: str) -> None:
    """Case 75: nothing but letters, digits, `_` and escapes is left, and it reads back whole."""
    word = in_query(value)

    assert set(word) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_\\")
    assert ast.literal_eval(f'"{word}"') == value


def test_templates_quote_what_they_fill_into_a_query_at_any_depth() -> None:
    """Case 75: also in the parameters of a check; other arguments are filled in as they are."""
    template = CallTemplate(
        tool="check_health",
        args={
            "method": "promql",
            "parameters": {"query": 'up{stage="{stage}"}', "container": "{stage}", "max": 3},
            "tags": ["{stage}", "{severity}"],
        },
    )
    args = template.fill(stage=HOSTILE, severity=Severity.WARNING).args

    assert '"' not in args["parameters"]["query"].removeprefix('up{stage="').removesuffix('"}')
    assert args["parameters"]["container"] == HOSTILE
    assert args["parameters"]["max"] == 3
    assert args["tags"] == [HOSTILE, "WARNING"]
