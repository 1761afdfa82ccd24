"""The roll-up of costs as one picture: a bar a day, or a group, that needs nothing but itself."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from observer.cli.svg_text import fitted, wide
from observer.domain.costs import By, CostSum, total, usd
from observer.domain.printable import printable

_WIDTH = 860
_MARGIN = 16
_MOST_LEFT = 300
_BAR, _LEGEND_LINE, _HEAD = 26, 20, 56
_COLOURS = 8
_OTHERS = "all others"


@dataclass(frozen=True)
class Bar:
    """One bar: its label, and what each series adds to it."""

    label: str
    parts: list[tuple[str, int]]

    @property
    def nano(self) -> int:
        """The whole bar."""
        return sum(nano for _, nano in self.parts)


def costs_svg(sums: Sequence[CostSum], by: Collection[By], title: str) -> str:
    """An SVG document that reads well on a light and on a dark page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("observer.cli"), autoescape=True, undefined=StrictUndefined
    )
    amount = f": ${usd(total(sums).cost_nano)}"
    return environment.get_template("costs.svg.j2").render(
        title=f"{title}{amount}",
        shown=f"{fitted(title, _WIDTH - 2 * _MARGIN - wide(amount, bold=True), bold=True)}{amount}",
        width=_WIDTH,
        **_picture(sums, by),
    )


def _picture(sums: Sequence[CostSum], by: Collection[By]) -> dict[str, Any]:
    series = _series(sums, by)
    styles = {name: f"s{i}" for i, name in enumerate(series) if name != _OTHERS}
    bars = _bars(sums, by, series)
    most = max((bar.nano for bar in bars), default=0)
    top = _HEAD + _LEGEND_LINE * len(series)
    left = _MARGIN + min(_MOST_LEFT, max((wide(bar.label) for bar in bars), default=0.0)) + 8
    amounts = 6 + max((wide(f"${usd(bar.nano)}") for bar in bars), default=0.0)
    drawn: list[dict[str, Any]] = []
    for i, bar in enumerate(bars):
        x, parts = left, list[dict[str, Any]]()
        for name, nano in bar.parts:
            width = (_WIDTH - left - amounts - _MARGIN) * nano / most if most else 0.0
            parts.append(
                {
                    "style": styles.get(name, "others"),
                    "x": round(x, 2),
                    "width": round(width, 2),
                    "title": f"{bar.label} {name}: ${usd(nano)}",
                }
            )
            x += width
        y = top + 4 + i * _BAR
        drawn.append(
            {
                "label": fitted(bar.label, _MOST_LEFT),
                "y": y,
                "parts": parts,
                "end": round(x, 2),
                "usd": usd(bar.nano),
            }
        )
    legend = [
        {
            "style": styles.get(name, "others"),
            "label": fitted(name, _WIDTH - 34 - 2 * _MARGIN - wide(f"${usd(nano)}")),
            "whole": name,
            "usd": usd(nano),
            "y": _HEAD + _LEGEND_LINE * i,
        }
        for i, (name, nano) in enumerate(series.items())
    ]
    return {
        "bars": drawn,
        "legend": legend,
        "left": round(left, 2),
        "top": top,
        "height": top + 16 + _BAR * len(bars),
    }


def _series(sums: Sequence[CostSum], by: Collection[By]) -> dict[str, int]:
    """What a day's bar is made of, the dearest first; without days a bar has one part."""
    if By.DAY not in by:
        return {}
    costs = Counter[str]()
    for one in sums:
        costs[_name(one)] += one.cost_nano
    ordered = sorted(costs.items(), key=lambda item: (-item[1], item[0]))
    if len(ordered) <= _COLOURS:
        return dict(ordered)
    rest = sum(nano for _, nano in ordered[_COLOURS:])
    return {**dict(ordered[:_COLOURS]), _OTHERS: rest}


def _bars(sums: Sequence[CostSum], by: Collection[By], series: dict[str, int]) -> list[Bar]:
    if By.DAY not in by:
        dearest = sorted(sums, key=lambda one: -one.cost_nano)
        return [Bar(_name(one), [(_name(one), one.cost_nano)]) for one in dearest]
    by_day: dict[str, Counter[str]] = {}
    for one in sums:
        name = _name(one)
        day = by_day.setdefault(one.group[By.DAY], Counter())
        day[name if name in series else _OTHERS] += one.cost_nano
    return [
        Bar(day, [(name, parts[name]) for name in series if name in parts])
        for day, parts in sorted(by_day.items())
    ]


def _name(one: CostSum) -> str:
    parts = (one.group[by] for by in By if by in one.group and by is not By.DAY)
    # XML takes no control character, however it is escaped.
    return " / ".join(map(printable, parts)) or "all"
