"""What the telemetry tools answer. What is not there is said to be not there; it is never 0."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Value = float | Literal["NaN", "+Inf", "-Inf", "histogram"]
"""A sample. JSON has no number for the words; none of them is a figure to compare."""


class Point(BaseModel):
    timestamp: str
    value: Value


class Series(BaseModel):
    """One series: its latest sample, or its points over the time asked for."""

    labels: dict[str, str]
    value: Value
    timestamp: str
    points: list[Point] | None = None


class Metrics(BaseModel):
    """`found` is none where nothing matched. `values` are the figures with a name of their own:
    by metric name where one series alone has it, by the query itself and as `value` where it found
    a single series; none where the answer is partial, or the series is of the past.
    """

    found: Literal["series", "none"]
    series: list[Series]
    total: int
    omitted: int
    partial: bool
    warnings: list[str]
    values: dict[str, float]


class LogLine(BaseModel):
    timestamp: str | None
    message: str


class LogLines(BaseModel):
    """Newest last. `timestamps` is unknown where lines have none of their own: they may be old.
    `truncated`: there are more in the time asked for.
    """

    source: Literal["loki", "files", "command"]
    timestamps: Literal["known", "unknown"]
    truncated: bool
    lines: list[LogLine]


Status = Literal["healthy", "unhealthy", "unknown"]


class Health(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    status: Status
    reason: str
    values: dict[str, float]
