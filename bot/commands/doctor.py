"""`oncall-agent doctor`: checks every connection and permission and says what to do about each failure."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from bot.domain.redaction import redact
from bot.errors import NotFound, OncallError
from bot.settings import (
    ApprovalSettings,
    ClaudeSettings,
    DatabaseSettings,
    KubernetesSettings,
    PagerDutySettings,
    Settings,
    SlackSettings,
)

if TYPE_CHECKING:
    from integrations.kubernetes.client import KubernetesClient

State = Literal["ok", "failed", "skipped"]
_MARKS: Final[dict[State, tuple[str, str]]] = {
    "ok": ("✔", "green"),
    "failed": ("✘", "red"),
    "skipped": ("-", "yellow"),
}
_TIMEOUT_SECONDS: Final = 10.0
_READS: Final = (
    "list pods", "get pods/log", "list events", "list services", "list endpointslices.discovery.k8s.io",
    "list deployments.apps", "list replicasets.apps", "list horizontalpodautoscalers.autoscaling",
    "list resourcequotas", "list nodes",
)  # fmt: skip
_CLUSTER_WIDE: Final = frozenset({"nodes", "namespaces", "persistentvolumes", "storageclasses"})


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one check; `next_step` says what to do about a failure."""

    name: str
    state: State
    detail: str
    next_step: str = ""


class Skip(Exception):  # noqa: N818 - it is no error: there is nothing to check
    """What would be checked is not configured."""


class Failed(OncallError):  # noqa: N818 - it reads as a state, like its siblings in bot.errors
    """A check that found something a person has to mend."""


Check = Callable[[], Awaitable[str]]


async def run_check(name: str, check: Check, timeout_seconds: float = _TIMEOUT_SECONDS) -> Result:
    """Run one check. It never raises: whatever goes wrong is its result, without secrets."""
    try:
        async with asyncio.timeout(timeout_seconds):
            return Result(name, "ok", redact(await check()))
    except Skip as reason:
        return Result(name, "skipped", str(reason))
    except TimeoutError:
        return Result(
            name, "failed", f"No answer within {timeout_seconds:g} s.", "Check the address and the network between."
        )
    except OncallError as error:
        return Result(name, "failed", redact(error.message), redact(error.next_step))
    except Exception as error:  # noqa: BLE001 - a defect of one check must not hide the results of the others
        return Result(name, "failed", f"The check itself failed ({type(error).__name__}).", "Please report this.")


async def examine(settings: Settings, timeout_seconds: float = _TIMEOUT_SECONDS) -> list[Result]:
    """Run all checks at once and return their results in a fixed order."""
    async with AsyncExitStack() as stack:
        checks: dict[str, Check] = {"database": lambda: check_database(settings.database)}
        checks |= await _slack_checks(settings, stack)
        checks |= {
            "PagerDuty": lambda: check_pagerduty(settings.pagerduty),
            "PagerDuty webhook": lambda: check_webhook(settings.pagerduty),
            "Claude": lambda: check_claude(settings.claude),
            "Kubernetes": lambda: check_kubernetes(settings.kubernetes),
        }
        return list(await asyncio.gather(*(run_check(n, c, timeout_seconds) for n, c in checks.items())))


async def check_database(settings: DatabaseSettings) -> str:
    from sqlalchemy.exc import SQLAlchemyError

    from bot.store.database import sqlite_path
    from bot.store.migrate import revisions

    if settings.is_sqlite and not (path := sqlite_path(settings.url)).exists():
        folder = next((parent for parent in path.absolute().parents if parent.exists()), None)
        return f"SQLite; the file does not exist yet and will be made in {folder}."
    try:
        present, newest = await asyncio.to_thread(revisions, settings.url)
    except (SQLAlchemyError, OSError) as error:
        raise Failed(
            f"It cannot be opened ({type(error).__name__}).", next_step="Check DATABASE_URL and that the server runs."
        ) from error
    if present != newest:
        raise Failed(f"Its schema is at {present}, the newest is {newest}.", next_step="Run oncall-agent migrate.")
    return f"{'SQLite' if settings.is_sqlite else 'PostgreSQL'}, schema {present}."


# -- Slack -------------------------------------------------------------------------------------------------------------


def wanted_scopes(manifest: Path | None = None) -> frozenset[str]:
    """Return the bot scopes of manifest.yml: the given one, or the one that was shipped."""
    import yaml

    from bot.manifest import find_manifest

    found = manifest or find_manifest()
    if found is None or not found.is_file():
        raise Skip("manifest.yml was not found, so scopes are not compared.")
    scopes = yaml.safe_load(found.read_text(encoding="utf-8"))["oauth_config"]["scopes"]["bot"]
    return frozenset(str(scope) for scope in scopes)


async def _slack_checks(settings: Settings, stack: AsyncExitStack) -> dict[str, Check]:
    from integrations.slack.client import make_client, make_session

    client = make_client(settings.slack, await stack.enter_async_context(make_session()))
    return {
        "Slack bot token": lambda: check_bot_token(client),
        "Slack app token": lambda: check_app_token(client, settings.slack),
        "Slack scopes": lambda: check_scopes(client),
        "Slack channel": lambda: check_channel(client, settings.slack.incident_channel),
        "approvers": lambda: check_approvers(client, settings.approval),
    }


async def check_bot_token(client: Any) -> str:
    from integrations.slack.errors import translated

    async with translated():
        answer = await client.auth_test()
    return f"{answer.get('user')} in {answer.get('team')}."


async def check_app_token(client: Any, settings: SlackSettings) -> str:
    from integrations.slack.errors import translated

    async with translated():
        await client.apps_connections_open(app_token=settings.app_token.get_secret_value())
    return "Socket Mode can be opened."


async def check_scopes(client: Any) -> str:
    from integrations.slack.errors import translated

    wanted = wanted_scopes()
    async with translated():
        answer = await client.auth_test()
    headers = {str(name).lower(): value for name, value in answer.headers.items()}
    if "x-oauth-scopes" not in headers:
        raise Skip("The server does not say which scopes the token has.")
    granted = {scope.strip() for scope in headers["x-oauth-scopes"].split(",")}
    if missing := sorted(wanted - granted):
        raise Failed(
            f"The token lacks {', '.join(missing)}.",
            next_step="Add them under OAuth & Permissions (or paste manifest.yml) and install the app again.",
        )
    return f"All {len(wanted)} are granted."


async def check_channel(client: Any, wanted: str) -> str:
    from integrations.slack.errors import translated

    name = wanted.removeprefix("#")
    cursor = ""
    async with translated():
        for _ in range(50):  # 50 pages of 200 channels
            page = await client.conversations_list(
                types="public_channel,private_channel", exclude_archived=True, limit=200, cursor=cursor
            )
            for channel in page.get("channels") or ():
                if name in {channel.get("id"), channel.get("name")}:
                    if channel.get("is_member"):
                        return f"The bot is in #{channel.get('name')}."
                    raise Failed(
                        f"The bot is not in #{channel.get('name')}.",
                        next_step="Invite it there with /invite.",
                    )
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
    raise Failed(
        f"There is no channel {wanted} that the bot can see.",
        next_step="Set INCIDENT_CHANNEL, or invite the bot when the channel is private.",
    )


async def check_approvers(client: Any, settings: ApprovalSettings) -> str:
    from integrations.slack.errors import translated

    if not settings.approvers:
        raise Failed("Nobody may approve.", next_step="Set APPROVERS to Slack user ids (U...) or group ids (S...).")
    unknown: list[str] = []
    groups: set[str] = set()
    async with translated():
        if any(approver.startswith("S") for approver in settings.approvers):
            answer = await client.usergroups_list()
            groups = {group["id"] for group in answer.get("usergroups") or ()}
        for approver in settings.approvers:
            if approver.startswith("S"):
                unknown += [] if approver in groups else [approver]
                continue
            try:
                async with translated():
                    user = (await client.users_info(user=approver)).get("user") or {}
            except NotFound:
                user = {"deleted": True}
            unknown += [approver] if user.get("deleted") else []
    if unknown:
        raise Failed(
            f"Slack knows no active {', '.join(unknown)}.", next_step="Use ids (from a profile's menu), not names."
        )
    return f"{len(settings.approvers)} resolve."


# -- the others --------------------------------------------------------------------------------------------------------


async def check_pagerduty(settings: PagerDutySettings) -> str:
    from integrations.pagerduty.client import PagerDuty

    if settings.api_token is None:
        raise Skip("PAGERDUTY_API_TOKEN is not set: nothing is written back to PagerDuty.")
    pagerduty = PagerDuty(settings)
    try:
        works = await pagerduty.check()
        if settings.from_email is None:
            return f"{works} PAGERDUTY_FROM_EMAIL is not set: only people with a PagerDuty account can write."
        if await pagerduty.find_user(settings.from_email) is None:
            raise Failed(
                "PAGERDUTY_FROM_EMAIL is no user of this account.",
                next_step="Set it to the e-mail of a PagerDuty user.",
            )
        return works
    finally:
        await pagerduty.close()


async def check_webhook(settings: PagerDutySettings) -> str:
    if settings.webhook_secret is None:
        raise Failed(
            "PAGERDUTY_WEBHOOK_SECRET is not set: every webhook is refused.",
            next_step="Copy the secret that PagerDuty shows when the subscription is made.",
        )
    return "A signing secret is set."


async def check_claude(settings: ClaudeSettings) -> str:
    if settings.api_key is None:
        raise Skip("ANTHROPIC_API_KEY is not set: analyses are rule-based.")
    from integrations.claude.models import list_models

    known = await list_models(settings, timeout_seconds=_TIMEOUT_SECONDS)
    if settings.model not in known:
        raise Failed(
            f"The key works, but there is no model {settings.model}.",
            next_step=f"Set CLAUDE_MODEL to one of {', '.join(sorted(known)[:8])}.",
        )
    return f"The key works; {settings.model} is there."


async def check_kubernetes(settings: KubernetesSettings) -> str:
    if not settings.enabled:
        raise Skip("K8S_ENABLED is false: no cluster is looked at.")
    from integrations.kubernetes.actions.catalogue import KubernetesRemediator
    from integrations.kubernetes.client import KubernetesClient

    cluster = await KubernetesClient.connect(settings)
    try:
        version = await cluster.version()
        armed = {spec.name: spec.verbs for spec in KubernetesRemediator(cluster, settings).specs()}
        needs = dict.fromkeys(_READS, "looking")
        if settings.destructive_enabled:
            needs |= {verb: name for name in settings.enabled_actions for verb in armed.get(name, ())}
        missing = await _missing(cluster, needs, settings.namespace)
    finally:
        await cluster.close()
    if missing:
        raise Failed(
            f"Kubernetes {version}, but in {settings.namespace} it may not: {'; '.join(missing)}.",
            next_step="Grant these to the bot's ServiceAccount (deploy/ has the role), or narrow K8S_ENABLED_ACTIONS.",
        )
    acting = "actions are armed" if settings.destructive_enabled else "actions are shown as commands only"
    if settings.destructive_actions_allowed:
        acting += ", destructive ones included"
    return f"Kubernetes {version}; all {len(needs)} permissions in {settings.namespace}; {acting}."


async def _missing(cluster: "KubernetesClient", needs: dict[str, str], namespace: str) -> list[str]:
    async def ask(permission: str, purpose: str) -> str | None:
        verb, _, what = permission.partition(" ")
        what, _, subresource = what.partition("/")
        resource, _, group = what.partition(".")
        allowed = await cluster.can_i(
            verb,
            resource,
            group=group,
            namespace=None if resource in _CLUSTER_WIDE else namespace,
            subresource=subresource,
        )
        return None if allowed else f"{permission} (for {purpose})"

    answers = await asyncio.gather(*(ask(permission, purpose) for permission, purpose in needs.items()))
    return [answer for answer in answers if answer is not None]


# -- the command -------------------------------------------------------------------------------------------------------


def show(results: list[Result], output: str) -> None:
    """Print the results for a person, or as JSON."""
    if output == "json":
        click.echo(json.dumps({"ok": is_well(results), "checks": [asdict(r) for r in results]}, ensure_ascii=False))
        return
    width = max(len(result.name) for result in results)
    for result in results:
        mark, colour = _MARKS[result.state]
        click.echo(f"{click.style(mark, fg=colour)} {result.name:<{width}}  {result.state}: {result.detail}")
        if result.next_step:
            click.echo(f"  {'':<{width}}  -> {result.next_step}")


def is_well(results: list[Result]) -> bool:
    """Whether nothing failed; what is not configured does not count."""
    return all(result.state != "failed" for result in results)


@click.command()
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="How to print the results.")
def doctor(output: str) -> None:
    """Check every connection, scope and permission. Exit code 0: all well, 1: something failed, 2: settings."""
    from bot import settings

    results = asyncio.run(examine(settings.load()))
    show(results, output)
    sys.exit(0 if is_well(results) else 1)
