"""Taking the snapshot that a command was asked for: from the current cluster or from files."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.domain.entity import ObjectRef
from bot.errors import InvalidInput

if TYPE_CHECKING:
    from integrations.kubernetes.snapshot import Snapshot


class TimeParam(click.ParamType[datetime]):
    """A time as ISO 8601; without an offset it is UTC."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            time = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2026-05-04T03:20:00Z.", param, ctx)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def check_scope(namespace: str | None, *, all_namespaces: bool) -> None:
    """Raise UsageError (exit code 2) when a command was asked for one namespace and for all of them."""
    if namespace and all_namespaces:
        raise click.UsageError("Use either -n or -A.")


def read_files(path: Path, namespace: str | None, at: datetime | None) -> "Snapshot":
    """Read files, `-` for standard input. Raise InvalidInput when there is nothing to look at."""
    from integrations.kubernetes.files import read_snapshot

    if str(path) == "-":
        snapshot = read_snapshot(sys.stdin.buffer, at=at, namespace=namespace)
    elif path.exists():
        snapshot = read_snapshot(path, at=at, namespace=namespace)
    else:
        raise InvalidInput(f"{path} does not exist.")
    if namespace is not None and not any(key[1] == namespace for key in (*snapshot.objects, *snapshot.metrics)):
        raise InvalidInput(f"There is nothing of the namespace {namespace} in {path}.")
    return snapshot


async def read_cluster(namespace: str | None, *, all_namespaces: bool, target: str | None = None) -> "Snapshot":
    """Read the current cluster: one namespace (by default K8S_NAMESPACE) or all. Raise OncallError when it is away."""
    from bot import clock
    from bot.settings import KubernetesSettings, load_group
    from integrations.kubernetes.client import KubernetesClient
    from integrations.kubernetes.reading import ClusterReader

    settings = load_group(KubernetesSettings)
    place = None if all_namespaces else namespace or settings.namespace
    focus = parse_target(target, place) if target else None
    client = await KubernetesClient.connect(settings)
    try:
        await client.version()
        if focus is not None:
            await client.get(focus)
        reader = ClusterReader(client, source_timeout_seconds=max(30.0, settings.source_timeout_seconds))
        snapshot, _ = await reader.read(place, clock.now(), lambda *_: None, focus, whole=True)
    finally:
        await client.close()
    return snapshot


def default_namespace(namespace: str | None, *, all_namespaces: bool) -> str | None:
    """Return the namespace in which a live cluster is looked at, None for all of them."""
    from bot.settings import KubernetesSettings, load_group

    return None if all_namespaces else namespace or load_group(KubernetesSettings).namespace


def parse_target(text: str, namespace: str | None) -> ObjectRef:
    """Read `kind/name`. Raise InvalidInput when it is none, or lives in a namespace and none was given."""
    from integrations.kubernetes.kinds import kind_named

    kind, _, name = text.partition("/")
    if not name or "/" in name:
        raise InvalidInput(f"{text!r} is not kind/name, such as deployment/web.")
    found = kind_named(kind)
    if found.namespaced and namespace is None:
        raise InvalidInput(f"{found.name} {name} lives in a namespace: use -n instead of -A.")
    return ObjectRef(kind=found.name, name=name, namespace=namespace if found.namespaced else None)


def find_target(snapshot: "Snapshot", text: str, namespace: str | None) -> ObjectRef:
    """Find `kind/name` in a snapshot, in any namespace. Raise InvalidInput when it is not there, or there twice."""
    wanted = parse_target(text, namespace or "any")
    places = sorted(
        key[1]
        for key in snapshot.objects
        if key[0] == wanted.kind and key[2] == wanted.name and namespace in {None, key[1]}
    )
    if wanted.namespace is None:
        places = [""] if snapshot.get(wanted.kind, None, wanted.name) else []
    if not places:
        raise InvalidInput(f"There is no {wanted.kind} {wanted.name} in the files.")
    if len(places) > 1:
        raise InvalidInput(f"{wanted.kind} {wanted.name} is in {', '.join(places)}: say which with -n.")
    return wanted.model_copy(update={"namespace": places[0] or None})
