"""Containers that cannot be created: missing configuration, volumes, permissions, sandboxes."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from bot.domain.alert import Severity
from bot.domain.finding import Citation, Finding, SuggestedAction
from integrations.kubernetes.diagnosis.changes import describe_change, rollback_action
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.containers import ContainerView, containers
from integrations.kubernetes.diagnosis.findings import Judged, action, clip, finding, is_ready, outage, ready_text
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import is_network_agent, name_of, namespace_of, spec_of
from integrations.kubernetes.snapshot import Object

_CREATE_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_STARTING = frozenset({"ContainerCreating", "PodInitializing"})
_MISSING = re.compile(r"(?P<kind>secret|configmap)s? \\?\"(?P<name>[^\"\\]+)\\?\" not found", re.IGNORECASE)
_MISSING_KEY = re.compile(
    r"couldn't find key (?P<key>\S+) in (?P<kind>ConfigMap|Secret) (?:(?P<ns>[^/\s]+)/)?(?P<name>[^\s\"]+)"
)
_NOT_RUNNABLE = re.compile(r"exec:? .*(?:not found|permission denied|no such file)|executable file not found")
_BAD_ITEM = re.compile(r"references non-existent (?:config|secret) key: (?P<key>\S+)")
_EVENT_RULES = (
    ("mount.missing_ref", ("FailedMount",), re.compile(r"not found|references non-existent", re.IGNORECASE)),
    ("mount.attach", ("FailedAttachVolume",), re.compile(r"Multi-Attach|attach", re.IGNORECASE)),
    ("oom.init", ("FailedCreatePodSandBox", "Failed"), re.compile(r"OOM-killed|oom_kill|limit too low")),
    ("sandbox.cni", ("FailedCreatePodSandBox",), re.compile(r"network|CNI|IP address|ipam|plugin", re.IGNORECASE)),
)  # fmt: skip
_NOT_OF_THE_TEMPLATE = frozenset({"sandbox.cni", "mount.attach"})
_DECIDE = {
    "sandbox.cni": "Look at the network plugin of the pod's node.",
    "mount.attach": "See which pod and node hold the volume; delete the old pod if its node is gone for good.",
    "oom.init": "Raise the memory limit: no process starts within this one.",
    "config.nonroot": "Set runAsUser to another one than root, or use an image that does not run as root.",
    "create.error": "Correct what the message names in the pod's template.",
}
_SEVERAL = 2
_CURRENT_SECONDS = 1800.0
_WAITED_SECONDS = 180.0


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge containers that wait to be created; one finding for each workload and container."""
    seen: set[tuple[str, str]] = set()
    stranded: dict[str, list[Finding]] = {}
    for view in containers(graph):
        reason = view.waiting.get("reason")
        if (view.entity, view.name) in seen or reason not in _CREATE_REASONS | _STARTING:
            continue
        judged = list(_from_status(graph, view) if reason in _CREATE_REASONS else _from_events(graph, view))
        if judged:
            seen.add((view.entity, view.name))
            node = str(spec_of(view.pod).get("nodeName") or "")
            if isinstance(judged[0], Finding) and judged[0].key == "sandbox.cni" and node:
                stranded.setdefault(node, []).append(judged[0])
                continue
            yield judged[0]
    for node, found in sorted(stranded.items()):
        yield from _networks(graph, node, found)


def _networks(graph: Graph, node: str, found: list[Finding]) -> Iterator[Judged]:
    """Blame the node when several workloads get no network there, or when its network agent is ill."""
    agents = [pod for pod in graph.pods if spec_of(pod).get("nodeName") == node and is_network_agent(pod)]
    ill = [pod for pod in agents if not is_ready(pod)]
    if len({item.entity for item in found}) < _SEVERAL and not ill:
        yield from found
        return
    told = f"; its network agent {name_of(ill[0])} is not ready" if ill else ""
    evidence = [citation for item in found[:3] for citation in item.evidence[:1]]
    evidence += [c for pod in ill[:1] for c in cite_present(pod, "/status/conditions")]
    yield finding(
        "sandbox.cni",
        f"Node/{node}",
        f"Node {node} gives pods no network{told}: {found[0].summary.partition(': ')[2]}",
        severity=max((item.severity for item in found), key=lambda severity: -severity.rank),
        confidence=0.92,
        evidence=evidence,
        person_decides=_DECIDE["sandbox.cni"],
        explains=[*(item.entity for item in found), *(graph.entity_of(pod) for pod in ill)],
    )


def _from_status(graph: Graph, view: ContainerView) -> Iterator[Judged]:
    message = str(view.waiting.get("message") or "")
    evidence = cite_present(view.pod, f"{view.pointer}/state/waiting/reason", f"{view.pointer}/state/waiting/message")
    if match := _MISSING_KEY.search(message):
        what = f"{match['kind']} {match['name']} has no key {match['key']}"
        yield _report(graph, view, "config.missing_key", what, evidence, 0.96, _add_key(graph, view, match))
    elif match := _MISSING.search(message):
        yield _report(
            graph, view, "config.missing_ref", f"{match['kind']} {match['name']} does not exist", evidence, 0.96
        )
    elif "runAsNonRoot" in message or "non-root" in message:
        yield _report(graph, view, "config.nonroot", clip(message), evidence, 0.95)
    elif _NOT_RUNNABLE.search(message):
        yield _report(graph, view, "crash.bad_command", clip(message), evidence, 0.9)
    else:
        yield _report(graph, view, "create.error", clip(message) or "the runtime gives no reason", evidence, 0.8)


def _from_events(graph: Graph, view: ContainerView) -> Iterator[Judged]:
    """Judge a pod that is being created by the events that still hold it back."""
    for key, reasons, pattern in _EVENT_RULES:
        for event in graph.events_of(view.pod, *reasons):
            message = str(event.get("message") or "")
            if not pattern.search(message) or graph.event_age(event) > _CURRENT_SECONDS:
                continue
            evidence = (
                *cite_present(event, "/message", "/count"),
                *cite_present(view.pod, f"{view.pointer}/state/waiting/reason"),
            )
            missing = _MISSING.search(message) or _BAD_ITEM.search(message)
            if missing and key == "mount.missing_ref":
                found = missing.groupdict()
                told = f"{found.get('kind', '')} {found.get('name', '')} does not exist".strip()
                what = f"a volume needs key {found['key']}, which does not exist" if "key" in found else told
            else:
                what = clip(message)
            yield _report(graph, view, key, what, evidence, 0.9)
            return
    yield from _from_absence(graph, view)


def _from_absence(graph: Graph, view: ContainerView) -> Iterator[Judged]:
    """Judge a pod that has long been waiting without an event: a volume of something that is not in its namespace."""
    age = graph.age_seconds((view.pod.get("metadata") or {}).get("creationTimestamp"))
    if age is None or age < _WAITED_SECONDS:
        return
    for position, volume in enumerate(spec_of(view.pod).get("volumes") or ()):
        for kind, field, named in (("Secret", "secret", "secretName"), ("ConfigMap", "configMap", "name")):
            source = volume.get(field) or {}
            name, namespace = str(source.get(named) or ""), namespace_of(view.pod)
            others = [name_of(item) for item in graph.all(kind) if namespace_of(item) == namespace]
            if not name or source.get("optional") or name in others or not others:
                continue
            near = next(iter(get_close_matches(name, others, 1, 0.8)), "")
            what = f"{kind} {name} does not exist" + (f" (there is {near})" if near else "")
            pointers = (f"/spec/volumes/{position}/{field}/{named}", f"{view.pointer}/state/waiting/reason")
            yield _report(graph, view, "mount.missing_ref", what, cite_present(view.pod, *pointers), 0.85)
            return


def _report(
    graph: Graph,
    view: ContainerView,
    key: str,
    what: str,
    evidence: Iterable[Citation],
    confidence: float,
    first: SuggestedAction | None = None,
) -> Judged:
    workload = graph.snapshot.objects.get(view.owner)
    severity, _, _ = outage(graph, view.owner)
    undo = rollback_action(graph, workload, view.entity) if key not in _NOT_OF_THE_TEMPLATE else None
    return finding(
        key,
        view.entity,
        f"Container {view.name} cannot be created: {what}; {ready_text(graph, view.owner)}."
        f"{describe_change(graph, workload)}",
        severity=Severity.HIGH if severity is Severity.WARNING else severity,
        confidence=confidence,
        evidence=evidence,
        actions=[item for item in (first, undo) if item is not None],
        person_decides=_DECIDE.get(key, "Somebody has to supply what is missing."),
    )


def _add_key(graph: Graph, view: ContainerView, match: re.Match[str]) -> SuggestedAction | None:
    """Return the action that adds a ConfigMap key under the nearest name that the map already has a value for."""
    if match["kind"] != "ConfigMap":
        return None
    namespace = namespace_of(view.pod)
    found: Object | None = graph.snapshot.get("ConfigMap", namespace, match["name"])
    data = (found or {}).get("data") or {}
    wanted = _plain(match["key"])
    for key in sorted(data):
        if _plain(key) == wanted and "[redacted]" not in str(data[key]):
            reason = f"the ConfigMap holds the value under {key}"
            target = f"ConfigMap/{namespace}/{match['name']}"
            return action("patch_configmap", target, reason, key=match["key"], value=data[key])
    return None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def mounted_claims(pod: Object) -> list[str]:
    """Return the names of the PersistentVolumeClaims that a pod mounts."""
    volumes = spec_of(pod).get("volumes") or ()
    return [str(v["persistentVolumeClaim"].get("claimName")) for v in volumes if v.get("persistentVolumeClaim")]
