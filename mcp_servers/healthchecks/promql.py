"""promql: a condition holds for every sample of a query. No sample, NaN or a part: unknown."""

import operator
import re
from typing import Annotated

from pydantic import BeforeValidator, Field

from mcp_servers.healthchecks.contract import Method, Parameters, healthy, unhealthy, unknown
from mcp_servers.sources import Sources
from mcp_servers.telemetry_results import Health, Series

_CONDITION = re.compile(r"\s*(>=|<=|==|!=|>|<)\s*(-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)\s*%?\s*")
_COMPARE = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


def _checked(value: object) -> object:
    if not isinstance(value, str) or not _CONDITION.fullmatch(value):
        raise ValueError("a condition is a comparison with a number, such as `> 3` or `<= 0.5`")
    return value


class Promql(Parameters):
    query: Annotated[str, Field(min_length=1, max_length=4000)]
    condition: Annotated[str, BeforeValidator(_checked)]


async def check(parameters: Promql, sources: Sources) -> Health:
    found = _CONDITION.fullmatch(parameters.condition)
    assert found is not None  # noqa: S101  the parameters were validated
    holds, threshold = _COMPARE[found[1]], float(found[2])
    metrics = await sources.prometheus.query(parameters.query)
    if metrics.found == "none":
        return unknown("the query found nothing, which is not 0")
    if metrics.omitted:
        return unknown(f"the query found {metrics.total} series, too many to judge")
    numbers = [one.value for one in metrics.series if isinstance(one.value, float)]
    values = {"value": numbers[0]} if len(numbers) == metrics.total == 1 else {}
    if numbers and metrics.total > 1:
        values = {"least": min(numbers), "most": max(numbers)}
    if metrics.partial:
        return unknown(f"the answer is partial: {'; '.join(metrics.warnings)}")
    broken = [
        one
        for one in metrics.series
        if isinstance(one.value, float) and not holds(one.value, threshold)
    ]
    wanted = f"{found[1]} {threshold:g}"
    if broken:
        count = f"{len(broken)} of {metrics.total} values break `{wanted}`"
        return unhealthy(f"{count}: {broken[0].value:g}{_which(broken[0])}", **values)
    if len(numbers) < metrics.total:
        return unknown("a value is no number")
    return healthy(f"{metrics.total} of {metrics.total} values hold `{wanted}`", **values)


def _which(series: Series) -> str:
    """A series among others, by its labels."""
    labels = (f"{name}={text}" for name, text in series.labels.items() if name != "__name__")
    return f" ({', '.join(labels)})"[:200] if series.labels else ""


METHOD = Method(Promql, check)
