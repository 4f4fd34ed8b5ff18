"""`oncall-agent diagnose`: say what is wrong in the current cluster. Exit codes: 0 healthy, 1 findings, 2 no look."""

import asyncio
import json
import sys

import click

from bot.domain.entity import ObjectRef
from bot.domain.finding import Diagnosis
from bot.errors import InvalidInput, OncallError

HEALTHY, FINDINGS, COULD_NOT_LOOK = 0, 1, 2


@click.command()
@click.argument("target", required=False, metavar="[KIND/NAME]")
@click.option("-n", "--namespace", help="Namespace to look in; the default is K8S_NAMESPACE.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Look in all namespaces.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def diagnose(target: str | None, namespace: str | None, all_namespaces: bool, output: str) -> None:
    """Diagnose the current cluster, one namespace of it, or one object (such as deployment/web)."""
    try:
        diagnosis = asyncio.run(_look(target, namespace, all_namespaces=all_namespaces))
    except OncallError as error:
        click.echo(f"{error.message} {error.next_step}".strip(), err=True)
        sys.exit(COULD_NOT_LOOK)
    if output == "json":
        click.echo(json.dumps(diagnosis_json(diagnosis), indent=2, ensure_ascii=False))
    else:
        click.echo(render_text(diagnosis))
    sys.exit(exit_code(diagnosis))


async def _look(target: str | None, namespace: str | None, *, all_namespaces: bool) -> Diagnosis:
    from bot import clock
    from bot.settings import KubernetesSettings, load_group
    from integrations.kubernetes.client import KubernetesClient
    from integrations.kubernetes.diagnosis import diagnose as judge
    from integrations.kubernetes.reading import ClusterReader

    settings = load_group(KubernetesSettings)
    place = None if all_namespaces else namespace or settings.namespace
    focus = _parse_target(target, place) if target else None
    client = await KubernetesClient.connect(settings)
    try:
        await client.version()
        if focus is not None:
            await client.get(focus)
        reader = ClusterReader(client, source_timeout_seconds=max(30.0, settings.source_timeout_seconds))
        snapshot, _ = await reader.read(place, clock.now(), lambda *_: None, focus)
    finally:
        await client.close()
    return judge(snapshot, focus)


def _parse_target(text: str, namespace: str | None) -> ObjectRef:
    from integrations.kubernetes.kinds import kind_named

    kind, _, name = text.partition("/")
    if not name or "/" in name:
        raise InvalidInput(f"{text!r} is not kind/name, such as deployment/web.")
    found = kind_named(kind)
    if found.namespaced and namespace is None:
        raise InvalidInput(f"{found.name} {name} lives in a namespace: use -n instead of -A.")
    return ObjectRef(kind=found.name, name=name, namespace=namespace if found.namespaced else None)


def diagnosis_json(diagnosis: Diagnosis) -> dict[str, object]:
    """Return the documented form, see docs/diagnosis.md; keys that it does not name are left out."""
    document: dict[str, object] = diagnosis.model_dump(mode="json")
    return {name: document[name] for name in ("taken_at", "healthy", "findings", "abstentions", "sources")}


def exit_code(diagnosis: Diagnosis) -> int:
    """Return 0, 1 or 2; 2 when nothing was found only because sources could not be read."""
    if diagnosis.findings or diagnosis.abstentions:
        return FINDINGS
    return HEALTHY if diagnosis.healthy else COULD_NOT_LOOK


def render_text(diagnosis: Diagnosis) -> str:
    """Return what a person reads in a terminal."""
    lines: list[str] = []
    for found in diagnosis.findings:
        mark = f"{found.severity.value.upper():8}" if found.root else "  symptom"
        lines.append(f"{mark} {found.key}  {found.entity}  ({found.confidence:.0%} sure)")
        lines.append(f"         {found.summary}")
        lines += [f"         evidence: {c.entity} {c.pointer} = {_short(c.value)}" for c in found.evidence[:4]]
        for offered in found.actions:
            lines.append(f"         action:   {offered.action} {offered.target} {json.dumps(offered.params)}")
            lines.append(f"                   {offered.reason}")
        if found.person_decides:
            lines.append(f"         a person decides: {found.person_decides}")
        if found.explains:
            lines.append(f"         explains: {', '.join(found.explains)}")
    lines += [f"NOT SURE {item.entity}  {item.reason}" for item in diagnosis.abstentions]
    lines += [f"NOT READ {item.name}: {item.detail}" for item in diagnosis.sources if item.status == "error"]
    if diagnosis.healthy:
        lines.append("Nothing is wrong.")
    return "\n".join(lines)


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 120 else f"{text[:119]}…"
