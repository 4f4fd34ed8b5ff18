"""`python -m benchmarks`: run what was asked for, print the table, fail when a goal is missed."""

import asyncio
import sys
import time
from pathlib import Path

import click

from benchmarks import report
from benchmarks.catalogue import BENCHMARKS
from benchmarks.figures import Effort, Figure, Verdict


async def _run(names: tuple[str, ...], effort: Effort) -> list[Figure]:
    figures: list[Figure] = []
    for name in names:
        click.echo(f"{name} ...", err=True)
        figures += await BENCHMARKS[name](effort)
    return figures


@click.command()
@click.option("--quick", is_flag=True, help="Under half a minute, with wider ranges.")
@click.option("--only", multiple=True, type=click.Choice(list(BENCHMARKS)), help="Run this one (may be repeated).")
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Also write the figures here.")
def main(quick: bool, only: tuple[str, ...], file: Path | None) -> None:
    """Measure the product against plain baselines that run beside it."""
    started = time.perf_counter()
    figures = asyncio.run(_run(only or tuple(BENCHMARKS), Effort.quick() if quick else Effort.full()))
    seconds = time.perf_counter() - started
    report.show(figures, seconds)
    if file is not None:
        report.write(file, figures, seconds)
    sys.exit(any(figure.verdict is Verdict.FAIL for figure in figures))


if __name__ == "__main__":
    main()
