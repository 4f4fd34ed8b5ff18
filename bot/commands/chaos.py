"""`oncall-agent chaos`: break things in a namespace of its own, and clean up again."""

import asyncio
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bot.settings import KubernetesSettings
    from integrations.kubernetes.chaos import Chaos
    from integrations.kubernetes.chaos_workloads import Failure

_WHAT = ("1", "2", "3", "4", "5", "all", "random", "clean", "loop")


@click.command()
@click.argument("what", type=click.Choice(_WHAT))
@click.option("--count", type=click.IntRange(1, 100), help="How many to break; for loop: stop after so many.")
@click.option(
    "--interval", type=click.FloatRange(0, min_open=True), default=60.0, show_default=True, help="Seconds, for loop."
)
@click.option("--namespace", default="oncall-chaos", show_default=True, help="A namespace that chaos may create.")
@click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Another kubeconfig.")
@click.option("--context", help="Another context of the kubeconfig.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=120.0,
    show_default=True,
    help="Seconds that a failure has to show.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--i-know", is_flag=True, help="Also in a context that is named like production.")
def chaos(
    what: str,
    count: int | None,
    interval: float,
    namespace: str,
    kubeconfig: Path | None,
    context: str | None,
    timeout: float,
    yes: bool,
    i_know: bool,
) -> None:
    """Break things on purpose, or clean up again.

    \b
    1  pod crash            4  failed deployment
    2  image pull error     5  unavailable service
    3  out of memory        all, random, loop (one every --interval), clean
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its lines
    settings = _settings(kubeconfig, context)
    name, server = describe_context(settings)
    _confirm(what, namespace, name, server, yes=yes, i_know=i_know)
    try:
        failed = asyncio.run(_work(settings, what, count, interval, namespace, timeout))
    except KeyboardInterrupt:  # the loop has cleaned up before this arrives
        sys.exit(130 if what != "loop" else 0)
    sys.exit(1 if failed else 0)


def _settings(kubeconfig: Path | None, context: str | None) -> "KubernetesSettings":
    from bot.settings import KubernetesSettings, load_group

    chosen = {"config_path": kubeconfig, "context": context}
    given = {key: value for key, value in chosen.items() if value is not None}
    return load_group(KubernetesSettings).model_copy(update=given)


def describe_context(settings: "KubernetesSettings") -> tuple[str, str]:
    """Return the name of the context that the client will use and the address of its server, as far as is known."""
    import yaml

    path, wanted = settings.config_path, settings.context
    if path is None and wanted is None and (host := os.environ.get("KUBERNETES_SERVICE_HOST")):
        return "(of the pod's own cluster)", f"https://{host}"
    paths = [path] if path else [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    documents: list[dict[str, Any]] = []
    for file in paths or [Path.home() / ".kube" / "config"]:
        try:
            documents.append(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
        except (OSError, yaml.YAMLError):  # connecting says in a sentence what is wrong with it
            continue
    current = wanted or next((doc["current-context"] for doc in documents if doc.get("current-context")), "")
    chosen = _named(documents, "contexts", current).get("context") or {}
    cluster = _named(documents, "clusters", chosen.get("cluster")).get("cluster") or {}
    return str(current) or "(unknown)", str(cluster.get("server", ""))


def _named(documents: Sequence[dict[str, Any]], section: str, name: Any) -> dict[str, Any]:
    entries = (entry for document in documents for entry in document.get(section) or [])
    return next((entry for entry in entries if entry.get("name") == name), {})


def _confirm(what: str, namespace: str, context: str, server: str, *, yes: bool, i_know: bool) -> None:
    """Say where it happens, and ask. Raise InvalidInput for what looks like production."""
    from bot.errors import InvalidInput
    from integrations.kubernetes.chaos import looks_like_production

    click.echo(f"Context {context}{f' ({server})' if server else ''}, namespace {namespace}")
    if looks_like_production(context, server) and not i_know:
        raise InvalidInput(
            f"The context {context} looks like production, so nothing is broken there.",
            next_step="Choose another one with --context, or add --i-know.",
        )
    if not yes:
        question = "Delete what chaos created there?" if what == "clean" else "Break things there?"
        click.confirm(question, abort=True)


async def _work(
    settings: "KubernetesSettings",
    what: str,
    count: int | None,
    interval: float,
    namespace: str,
    within: float,
) -> bool:
    """Return whether something did not show as it should."""
    from integrations.kubernetes.chaos import Chaos
    from integrations.kubernetes.client import KubernetesClient

    client = await KubernetesClient.connect(settings)
    try:
        breaker = Chaos(client, namespace)
        if what == "clean":
            return await _clean(breaker, namespace)
        await breaker.prepare()
        if what == "loop":
            return await _loop(breaker, namespace, interval, count, within)
        return await _break(breaker, _chosen(what, count or 1), within)
    finally:
        await client.close()


def _chosen(what: str, count: int) -> "list[Failure]":
    from integrations.kubernetes.chaos_workloads import FAILURES

    if what == "random":
        return random.choices(FAILURES, k=count)  # noqa: S311 - no secret depends on it
    wanted = FAILURES if what == "all" else [failure for failure in FAILURES if str(failure.number) == what]
    return [*wanted] * count


async def _break(breaker: "Chaos", failures: "Sequence[Failure]", within: float) -> bool:
    """Break all at the same time, wait until each shows, and print the table."""
    from rich.console import Console
    from rich.table import Table

    from bot.errors import OncallError

    async def one(failure: "Failure") -> tuple[str, str]:
        try:
            broken = await breaker.break_one(failure, within)
            return broken.name, await breaker.wait_until_visible(broken, within)
        except OncallError as error:  # the others go on; the table says what went wrong with this one
            return f"chaos-{failure.name}", f"failed: {error.message}"

    click.echo(f"Breaking {len(failures)}: waiting until it shows, {within:g} s at most ...")
    results = await asyncio.gather(*(one(failure) for failure in failures))
    table = Table("failure", "name", "what can be seen")
    for failure, (name, seen) in zip(failures, results, strict=True):
        table.add_row(f"{failure.number} {failure.name}", name, seen or f"nothing after {within:g} s")
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    return any(not seen or seen.startswith("failed: ") for _, seen in results)


async def _loop(breaker: "Chaos", namespace: str, interval: float, count: int | None, within: float) -> bool:
    """Break one at random every `interval` seconds until Ctrl-C or `count`; clean up in the end."""
    click.echo("Ctrl-C ends the loop and cleans up.")
    failed, done = False, 0
    try:
        while count is None or done < count:
            if done:
                await asyncio.sleep(interval)
            failed |= await _break(breaker, _chosen("random", 1), within)
            done += 1
    finally:
        await _clean(breaker, namespace)
    return failed


async def _clean(breaker: "Chaos", namespace: str) -> bool:
    cleaned = await breaker.clean()
    click.echo(f"Deleted {', '.join(cleaned.deleted) or 'nothing'}.")
    if cleaned.left:
        click.echo(f"The namespace {namespace} stays, because others use it: {', '.join(cleaned.left)}.")
    elif cleaned.namespace_deleted:
        click.echo(f"The namespace {namespace} is being deleted.")
    return False
