"""`oncall-agent snapshot`: save what is seen of a cluster, redacted, to be diagnosed later or elsewhere."""

import asyncio
import sys
from datetime import datetime
from pathlib import Path

import click

from bot.commands.looking import TimeParam, check_scope, read_cluster, read_files
from bot.errors import OncallError

SAVED, COULD_NOT_LOOK = 0, 2


@click.command()
@click.option(
    "-o",
    "--output",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File to write, readable by its owner only; compressed when the name ends in .gz.",
)
@click.option("-n", "--namespace", help="Namespace to look in; the default is K8S_NAMESPACE, of files all.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Look in all namespaces.")
@click.option("--from", "source", type=click.Path(path_type=Path), metavar="PATH", help="Read files instead.")
@click.option("--at", type=TimeParam(), help="The time of what files hold; the default is the newest time in them.")
def snapshot(path: Path, namespace: str | None, all_namespaces: bool, source: Path | None, at: datetime | None) -> None:
    """Save a snapshot of the current cluster or of files. It holds no secrets; `diagnose --from` reads it.

    Exit codes: 0 saved, 2 could not look or could not write.
    """
    from integrations.kubernetes.files import save_snapshot

    check_scope(namespace, all_namespaces=all_namespaces)
    if at is not None and source is None:
        raise click.UsageError("--at goes with --from: a live cluster is seen as of now.")
    try:
        if source is not None:
            taken = read_files(source, namespace, at)
        else:
            taken = asyncio.run(read_cluster(namespace, all_namespaces=all_namespaces))
        save_snapshot(taken, path)
    except OncallError as error:
        click.echo(f"{error.message} {error.next_step}".strip(), err=True)
        sys.exit(COULD_NOT_LOOK)
    except OSError as error:
        click.echo(f"{path} cannot be written: {error.strerror or error}.", err=True)
        sys.exit(COULD_NOT_LOOK)
    counted = f"{len(taken.objects)} objects, {len(taken.events)} events, {len(taken.logs)} logs"
    click.echo(f"Saved {counted} as of {taken.taken_at.isoformat()} to {path}.")
    for unread in (item for item in taken.sources if item.status == "error"):
        click.echo(f"Not read: {unread.name}: {unread.detail}", err=True)
