"""`oncall-agent simulate`: realistic alerts for a running bot, one or a storm, with the figures at the end."""

import asyncio
import itertools
import random
import sys
import time
from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from bot.errors import InvalidInput, SettingsError

if TYPE_CHECKING:
    from sandbox.scenarios.catalogue import Scenario
    from sandbox.scenarios.firing import Outcome, Shot, Summary

_PATH = "/webhook/pagerduty"


@click.group()
def simulate() -> None:
    """Send realistic alerts to a running bot."""


@simulate.command()
@click.option("--type", "kind", default="database", show_default=True, metavar="FAMILY|SCENARIO", help="What to send.")
@click.option("--batch", type=click.IntRange(1, 10_000), default=1, show_default=True, help="How many alerts.")
@click.option("--all", "everything", is_flag=True, help="Every scenario, --batch times each.")
@click.option("--stress", type=click.FloatRange(min=0.1), metavar="SECONDS", help="Keep sending for so long.")
@click.option("--rate", type=click.FloatRange(min=0.1), default=20.0, show_default=True, help="Alerts a second.")
@click.option("--concurrency", type=click.IntRange(1, 512), default=32, show_default=True, help="Open requests.")
@click.option("--url", help="The bot's webhook. Default: API_HOST, API_PORT and /webhook/pagerduty.")
@click.option("--secret", help="The webhook's signing secret. Default: PAGERDUTY_WEBHOOK_SECRET.")
@click.option("--i-own-this-server", "owned", is_flag=True, help="Allow --stress against another machine.")
@click.option("--list", "listed", is_flag=True, help="Show the scenarios and send nothing.")
def alert(
    *,
    kind: str,
    batch: int,
    everything: bool,
    stress: float | None,
    rate: float,
    concurrency: int,
    url: str | None,
    secret: str | None,
    owned: bool,
    listed: bool,
) -> None:
    """Send signed PagerDuty webhooks. Exit code 0: all were taken, 1: some were not."""
    if listed:
        _show_scenarios()
        return
    target = _find_target(url)
    if stress is not None and not owned and not _is_loopback(target):
        raise InvalidInput(
            f"--stress is for this machine, and {urlsplit(target).hostname} is another one.",
            next_step="Add --i-own-this-server if it is yours.",
        )
    scenarios = _find_scenarios("all" if everything else kind)
    key = _find_secret(secret)
    count = len(scenarios) * batch if everything else batch
    shots = _plan(scenarios, count, stress, rate)
    total = max(1, round(stress * rate)) if stress is not None else count
    summary, errors = asyncio.run(_run(target, key, shots, total, concurrency))
    _show_summary(summary, errors)
    sys.exit(0 if summary.taken == summary.count else 1)


def _find_target(url: str | None) -> str:
    """Return the webhook's address. Raise SettingsError or InvalidInput."""
    if url is not None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidInput(
                f"{url} is not an http or https address.", next_step="Write it out: http://host:port/..."
            )
        return url if parts.path.strip("/") else f"{url.rstrip('/')}{_PATH}"
    from bot.settings import ApiSettings, load_group

    settings = load_group(ApiSettings)
    if settings.port == 0:
        raise SettingsError("API_PORT is 0, so the bot's port is not known here.", next_step="Give --url.")
    # An address that means "all interfaces" is no address to connect to.
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 - it is replaced
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}{_PATH}"


def _find_secret(secret: str | None) -> str:
    if secret is not None:
        return secret
    from bot.settings import PagerDutySettings, load_group

    found = load_group(PagerDutySettings).webhook_secret
    if found is None:
        raise SettingsError("PAGERDUTY_WEBHOOK_SECRET is not set.", next_step="Set it, or give --secret.")
    return found.get_secret_value().split(",")[0].strip()  # while a secret is replaced there are two


def _find_scenarios(wanted: str) -> "list[Scenario]":
    from sandbox.scenarios.catalogue import FAMILIES, find_scenarios

    try:
        return find_scenarios(wanted)
    except KeyError:
        known = ", ".join(FAMILIES)
        raise InvalidInput(
            f"There is no scenario or family {wanted!r}.", next_step=f"Families: {known}; scenarios: --list."
        ) from None


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        # Names may resolve to anything, at any time; only this one is promised to stay here.
        return host == "localhost"


def _plan(scenarios: "list[Scenario]", count: int, stress: float | None, rate: float) -> "Iterator[Shot]":
    from sandbox.scenarios.alerts import build_webhook
    from sandbox.scenarios.alerts.cluster import build_node_alerts
    from sandbox.scenarios.firing import Shot, pace

    dice = random.Random()  # noqa: S311 - it varies alerts, it protects nothing

    def bodies() -> Iterator[dict[str, Any]]:
        if all(scenario.family == "storm" for scenario in scenarios):
            # A storm is many alerts about one node, not one alert each about many.
            for service, draft in build_node_alerts(dice, max(count, round((stress or 0) * rate))):
                yield build_webhook(draft, service)
        for scenario in itertools.cycle(scenarios):
            yield build_webhook(scenario.build(dice), scenario.service)

    if stress is not None:
        return pace(bodies(), seconds=stress, rate=rate)
    return (Shot(0.0, body) for body in itertools.islice(bodies(), count))


async def _run(
    url: str, secret: str, shots: "Iterator[Shot]", total: int, concurrency: int
) -> "tuple[Summary, list[str]]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from sandbox.scenarios.firing import fire, summarise

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    started = time.perf_counter()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(f"Alerts to {urlsplit(url).netloc}", total=total)

        def advance(_outcome: "Outcome") -> None:
            progress.advance(bar)

        outcomes = await fire(url, secret, shots, concurrency=concurrency, on_outcome=advance)
    errors = sorted({f"HTTP {o.status}" if o.status else o.error for o in outcomes if not o.is_taken})
    return summarise(outcomes, time.perf_counter() - started), errors


def _show_summary(summary: "Summary", errors: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="How the alerts were taken", show_header=False)
    rows = (
        ("sent", f"{summary.count}"),
        ("taken (2xx)", f"{summary.taken}"),
        ("refused", f"{summary.refused}"),
        ("unanswered", f"{summary.unanswered}"),
        ("p50", f"{summary.p50:.1f} ms"),
        ("p95", f"{summary.p95:.1f} ms"),
        ("p99", f"{summary.p99:.1f} ms"),
        ("max", f"{summary.longest:.1f} ms"),
        ("rate", f"{summary.rate:.1f} a second"),
    )
    for name, value in rows:
        table.add_row(name, value)
    console = Console(width=None if sys.stdout.isatty() else 100)
    console.print(table)
    for error in errors[:5]:
        console.print(f"Not taken: {error}", markup=False)


def _show_scenarios() -> None:
    from rich.console import Console
    from rich.table import Table

    from sandbox.scenarios.catalogue import SCENARIOS

    table = Table("family", "scenario", "what breaks", title="Scenarios")
    for scenario in SCENARIOS.values():
        table.add_row(scenario.family, scenario.name, scenario.description)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
