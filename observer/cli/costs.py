"""What the models cost, read from observer.db where it is: the daemon may run or not."""

import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from observer.cli.csv_file import STDOUT, write_csv
from observer.cli.environment import (
    DEFAULT_CONFIG,
    DEFAULT_DATA_DIR,
    AsJson,
    ConfigDir,
    DataDirOption,
    Tenant,
)
from observer.cli.output_file import writing
from observer.cli.render import complain, emit, say, table
from observer.domain.costs import USUAL, By

if TYPE_CHECKING:
    from observer.domain.costs import CostSum

BARS = "of the dearest"
WIDEST_BAR = 30
GAP = 3

Since = Annotated[str, typer.Option(help="From when: 7d or 24h ago, or 2026-11-22.")]
Until = Annotated[str | None, typer.Option(help="Until when, in the same words; else until now.")]
Grouping = Annotated[
    list[By] | None, typer.Option("--by", help="May be repeated; else tenant, feature, day.")
]


def costs(
    since: Since = "7d",
    until: Until = None,
    tenant: Tenant = None,
    by: Grouping = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Also into this file; `-` is stdout, alone.")
    ] = None,
    svg_file: Annotated[Path | None, typer.Option("--svg", help="Also as a picture.")] = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    config: ConfigDir = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Where the bill went: what models cost, by tenant, feature and day, to the nano-dollar."""
    from observer.cli.costs_svg import costs_svg
    from observer.domain.costs import columns, stretch_of, total
    from observer.records.cost_sums import sums_in
    from observer.records.data_dir import DataDir
    from observer.settings.zone import budget_zone

    wanted, zone = tuple(by or USUAL), budget_zone(config)
    try:
        stretch = stretch_of(since, until, now_ms=round(time.time() * 1000), zone=zone)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    sums = sums_in(DataDir(data_dir), stretch, wanted, zone=zone, tenant_id=tenant)
    if csv_file is not None:
        write_csv(csv_file, columns(wanted), (one.as_json() for one in sums))
    if svg_file is not None:
        title = f"What models cost by {', '.join(one for one in By if one in wanted)}"
        with writing(svg_file) as out:
            out.write(costs_svg(sums, wanted, title))
    if csv_file == STDOUT:
        return
    if as_json:
        found = {"time_zone": zone.key, "costs": [one.as_json() for one in sums]}
        emit({**found, "total": total(sums).as_json()})
        return
    show(sums, wanted)
    for file in filter(None, (csv_file, svg_file)):
        complain(f"written: {file}")


def show(sums: "Sequence[CostSum]", by: Collection[By]) -> None:
    """A table; on a terminal each row has its bar."""
    from observer.domain.costs import columns, total

    if not sums:
        complain("No model was asked in this time.")
        return
    every = total(sums)
    names = [name for name in columns(by) if name != "cost_nano"]
    rows = [[one.as_json()[name] for name in names] for one in sums]
    room = room_for_bars([names, *rows]) if sys.stdout.isatty() else 0
    if room >= len(BARS):
        most = max(one.cost_nano for one in sums)
        for row, one in zip(rows, sums, strict=True):
            row.append(bar(one.cost_nano, most, min(room, WIDEST_BAR)))
        names.append(BARS)
    table("Costs", names, rows)
    tokens = f"{every.input_tokens:,} tokens in, {every.output_tokens:,} out"
    say(f"total: ${every.as_json()['cost_usd']} for {every.calls:,} calls, {tokens}")


def room_for_bars(rows: "Sequence[Sequence[object]]") -> int:
    """What a line of the terminal has left beside these columns."""
    import shutil

    widths = (max(len(str(cell)) for cell in column) + GAP for column in zip(*rows, strict=True))
    return shutil.get_terminal_size().columns - sum(widths)


def bar(nano: int, most: int, widest: int) -> str:
    """As long as its share of the longest; what costs anything is seen."""
    if not nano:
        return ""
    return "█" * max(1, round(widest * nano / most))
