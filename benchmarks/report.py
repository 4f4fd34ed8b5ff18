"""The table for people and the file for machines."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, Verdict

_STYLE = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.SHOWN: "dim"}


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def make_table(figures: Sequence[Figure]) -> Table:
    """Return the table: a line a figure, with the median of its samples, their range, its goal and its verdict."""
    table = Table(title="Ratios to a baseline that ran beside it", title_justify="left", expand=False)
    for column in ("figure", "median", "min - max", "goal", ""):
        table.add_column(column, no_wrap=True, justify="left" if column == "figure" else "right")
    table.add_column("measured")
    table.add_column("beside it")
    for figure in figures:
        spread = f"{_number(min(figure.samples))} - {_number(max(figure.samples))}" if figure.samples else "-"
        verdict = f"[{_STYLE[figure.verdict]}]{figure.verdict.value}[/]"
        goal = str(figure.goal) if figure.goal else ""
        median = f"{_number(figure.median)} {figure.unit}"
        table.add_row(figure.name, median, spread, goal, verdict, figure.measured, figure.baseline)
    return table


def show(figures: Sequence[Figure], seconds: float) -> None:
    """Print the table; wide enough to be read in a log as well."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(make_table(figures))
    failed = [figure.name for figure in figures if figure.verdict is Verdict.FAIL]
    console.print(
        f"{len(figures)} figures in {seconds:.0f} s. " + (f"Missed: {', '.join(failed)}." if failed else "None missed.")
    )


def write(path: Path, figures: Sequence[Figure], seconds: float) -> None:
    """Write everything as JSON, with the machine's outline."""
    document = {
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "seconds": round(seconds, 1),
        "figures": [figure.as_json() for figure in figures],
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
