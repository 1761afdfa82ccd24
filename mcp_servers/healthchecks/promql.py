"""promql: a condition holds for every sample of a query. No sample, NaN or a part: unknown."""

import operator
import re
from typing import Annotated

from pydantic import BeforeValidator, Field

from mcp_servers.healthchecks.contract import Method, Parameters, healthy, unhealthy, unknown
from mcp_servers.sources import Sources
from mcp_servers.telemetry_results import Health

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
    broken = [number for number in numbers if not holds(number, threshold)]
    wanted = f"{found[1]} {threshold:g}"
    if broken:
        return unhealthy(
            f"{len(broken)} of {metrics.total} values break `{wanted}`: {broken[0]:g}", **values
        )
    if len(numbers) < metrics.total:
        return unknown("a value is no number")
    return healthy(f"{metrics.total} of {metrics.total} values hold `{wanted}`", **values)


METHOD = Method(Promql, check)
