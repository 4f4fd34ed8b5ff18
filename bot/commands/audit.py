"""`oncall-agent audit`: verify, show and export the trail."""

import asyncio
import csv
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TextIO

import click

from bot.domain.base import canonical_json

if TYPE_CHECKING:
    from bot.domain.audit import AuditEvent
    from bot.store.audit import AuditTrail

_COLUMNS = ("seq", "at", "actor", "action", "incident_id", "body", "prev", "hash")


@asynccontextmanager
async def _open_trail() -> AsyncIterator["AuditTrail"]:
    from bot.errors import SettingsError
    from bot.settings import DatabaseSettings, load_group
    from bot.store.audit import AuditTrail, load_audit_key
    from bot.store.database import Database, sqlite_path

    settings = load_group(DatabaseSettings)
    if settings.is_sqlite and not sqlite_path(settings.url).exists():
        raise SettingsError(f"There is no database at {sqlite_path(settings.url)}.", next_step="Check DATABASE_URL.")
    database = Database(settings.url)
    try:
        yield AuditTrail(database, load_audit_key(settings))
    finally:
        await database.close()


@click.group()
def audit() -> None:
    """Verify, show and export the audit trail."""


@audit.command()
@click.option("--checkpoint", metavar="SEQ:HASH", help="A head noted earlier; shows a trail that was rolled back.")
def verify(checkpoint: str | None) -> None:
    """Recompute the whole chain. Exit code 0: intact, 1: tampered with."""

    async def work() -> tuple[str, bool]:
        async with _open_trail() as trail:
            report = await trail.verify()
            if report.first_break is not None:
                return f"The audit trail is broken at row {report.first_break.seq}: {report.first_break.reason}.", False
            if checkpoint is not None and not await _holds(trail, checkpoint):
                return f"The audit trail does not contain the checkpoint {checkpoint}: it was rolled back.", False
            return f"The audit trail is intact: {report.events} events, head {report.events}:{report.head}.", True

    text, intact = asyncio.run(work())
    click.echo(text)
    sys.exit(0 if intact else 1)


async def _holds(trail: "AuditTrail", checkpoint: str) -> bool:
    seq, _, expected = checkpoint.partition(":")
    async for event in trail.events():
        if str(event.seq) == seq:
            return event.hash == expected
    return False


@audit.command()
@click.argument("incident")
def show(incident: str) -> None:
    """Tell the story of one incident: who did what, when and why."""

    async def work() -> list["AuditEvent"]:
        async with _open_trail() as trail:
            return [event async for event in trail.events(incident.upper())]

    events = asyncio.run(work())
    if not events:
        click.echo(f"The trail knows no incident {incident}.", err=True)
        sys.exit(1)
    from rich.console import Console
    from rich.table import Table

    table = Table("seq", "time (UTC)", "who", "what", "details", title=f"Incident {incident.upper()}")
    for event in events:
        details = ", ".join(f"{k}={v}" for k, v in event.body.items() if v not in (None, "", {}, []))
        table.add_row(str(event.seq), event.at.strftime("%Y-%m-%d %H:%M:%S"), event.actor, event.action, details[:200])
    Console(width=None if sys.stdout.isatty() else 200).print(table)


@audit.command()
@click.option("--format", "form", type=click.Choice(["csv", "json", "jsonl"]), default="jsonl", show_default=True)
@click.option("--incident", help="Only this incident.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="A file instead of standard output.")
def export(form: str, incident: str | None, output: str | None) -> None:
    """Write the trail out, oldest first."""

    async def work(stream: TextIO) -> None:
        async with _open_trail() as trail:
            events = trail.events(incident.upper() if incident else None)
            await {"csv": _write_csv, "json": _write_json, "jsonl": _write_lines}[form](events, stream)

    if output is None:
        asyncio.run(work(sys.stdout))
        return
    with open(output, "w", encoding="utf-8", newline="") as stream:  # noqa: PTH123 - click hands over a str
        asyncio.run(work(stream))


async def _write_csv(events: AsyncIterator["AuditEvent"], stream: TextIO) -> None:
    writer = csv.writer(stream)
    writer.writerow(_COLUMNS)
    async for event in events:
        row = event.model_dump(mode="json") | {"body": canonical_json(event.body)}
        # A leading =, +, - or @ would be run as a formula by a spreadsheet.
        writer.writerow([f"'{v}" if isinstance(v, str) and v[:1] in "=+-@" else v for v in (row[c] for c in _COLUMNS)])


async def _write_json(events: AsyncIterator["AuditEvent"], stream: TextIO) -> None:
    stream.write("[")
    separator = "\n"
    async for event in events:
        stream.write(separator + json.dumps(event.model_dump(mode="json"), ensure_ascii=False))
        separator = ",\n"
    stream.write("\n]\n")


async def _write_lines(events: AsyncIterator["AuditEvent"], stream: TextIO) -> None:
    async for event in events:
        stream.write(json.dumps(event.model_dump(mode="json"), ensure_ascii=False) + "\n")
