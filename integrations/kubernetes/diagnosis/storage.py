"""Claims that are not bound, and the reason: claim and volumes are compared field by field."""

from collections.abc import Iterable, Iterator

from bot.domain.alert import Severity
from bot.domain.finding import Citation, SuggestedAction
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.config import mounted_claims
from integrations.kubernetes.diagnosis.findings import Judged, action, clip, finding, is_gone
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import (
    entity,
    labels_of,
    name_of,
    namespace_of,
    selector_matches,
    spec_of,
    status_of,
)
from integrations.kubernetes.diagnosis.quantity import amount_of, memory_text
from integrations.kubernetes.snapshot import Object

_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
_CURRENT_SECONDS = 3600.0
_SAID = (
    ("pvc.capacity", ("too small", "insufficient capacity")),
    ("pvc.access_mode", ("incompatible accessmode", "access mode", "accessmode")),
    ("pvc.occupied", ("already bound to a different claim",)),
    ("pvc.class", ("storageclassname does not match",)),
    ("pvc.selector", ("selector is not supported",)),
)
"""What the binder and provisioners say about a claim, in lower case."""
_ORDER = ("pvc.selector", "pvc.access_mode", "pvc.capacity", "pvc.occupied")
Reason = tuple[str, str, tuple[Citation, ...]]


def grow(graph: Graph, claim: str) -> SuggestedAction | None:
    """Return the action that makes a full claim twice as big; None where its class or the quota forbids that."""
    namespace, _, name = claim.removeprefix("PersistentVolumeClaim/").partition("/")
    found = graph.snapshot.get("PersistentVolumeClaim", namespace, name)
    if found is None or status_of(found).get("phase") != "Bound":
        return None
    kind = graph.snapshot.get("StorageClass", None, str(spec_of(found).get("storageClassName") or ""))
    size = amount_of(((spec_of(found).get("resources") or {}).get("requests") or {}).get("storage"))
    if kind is None or not kind.get("allowVolumeExpansion") or not size:
        return None
    for quota in graph.all("ResourceQuota"):
        hard, used = status_of(quota).get("hard") or {}, status_of(quota).get("used") or {}
        bound = amount_of(hard.get("requests.storage")) if namespace_of(quota) == namespace else None
        if bound is not None and (amount_of(used.get("requests.storage")) or 0.0) + size > bound:
            return None
    wanted = memory_text(2 * size)
    reason = f"twice the present {memory_text(size)}; StorageClass {name_of(kind)} lets claims grow, never shrink"
    return action("expand_pvc", claim, reason, size=wanted)


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge every claim that is Pending or has lost its volume."""
    users: dict[tuple[str, str], int] = {}
    for pod in graph.pods:
        if not is_gone(pod):
            for name in mounted_claims(pod):
                users[(namespace_of(pod), name)] = users.get((namespace_of(pod), name), 0) + 1
    for claim in graph.all("PersistentVolumeClaim"):
        if not is_gone(claim) and status_of(claim).get("phase") in {"Pending", "Lost"}:
            yield from _judge(graph, claim, users.get((namespace_of(claim), name_of(claim)), 0))


def _judge(graph: Graph, claim: Object, users: int) -> Iterator[Judged]:
    age = graph.age_seconds((claim.get("metadata") or {}).get("creationTimestamp"))
    events = [
        event
        for event in graph.events_of(claim, "ProvisioningFailed", "FailedBinding", "VolumeMismatch")
        if graph.event_age(event) <= _CURRENT_SECONDS
    ]
    failed = next((event for event in events if event.get("reason") != "FailedBinding"), next(iter(events), None))
    reason = _reason(graph, claim, events)
    if reason is None:
        waits = _waits_for_consumer(graph, claim)
        provisioning_failed = failed is not None and failed.get("reason") == "ProvisioningFailed"
        if (waits or not users or (age is not None and age < 60)) and not provisioning_failed:
            return
        reason = ("pvc.pending", "no volume fits it", ())
    key, told, evidence = reason
    evidence = (*cite_present(claim, "/status/phase"), *evidence)
    if failed is not None:
        evidence += cite_present(failed, "/message")
        told = f"{told} ({clip(str(failed.get('message')), 300)})"
    pods = "1 pod waits" if users == 1 else f"{users} pods wait"
    yield finding(
        key,
        entity(claim),
        f"PersistentVolumeClaim {name_of(claim)} is not bound: {told}; {pods} for it.",
        severity=Severity.HIGH if users else Severity.WARNING,
        confidence=0.7 if key == "pvc.pending" else 0.93,
        evidence=evidence,
        person_decides="A claim cannot be changed once made: somebody has to provide what it asks for.",
    )


def _waits_for_consumer(graph: Graph, claim: Object) -> bool:
    found = graph.snapshot.get("StorageClass", None, str(spec_of(claim).get("storageClassName") or ""))
    if found is None and not spec_of(claim).get("storageClassName"):
        found = next((item for item in graph.all("StorageClass") if _is_default(item)), None)
    return (found or {}).get("volumeBindingMode") == "WaitForFirstConsumer" or bool(
        graph.events_of(claim, "WaitForFirstConsumer", "WaitForPodScheduled")
    )


def _reason(graph: Graph, claim: Object, events: list[Object]) -> Reason | None:
    """Return the key, the words and the evidence for why no volume is bound; None when nothing names it."""
    spec = spec_of(claim)
    name = spec.get("storageClassName")
    classes = graph.all("StorageClass")
    if wanted := spec.get("volumeName"):
        volume = graph.snapshot.get("PersistentVolume", None, str(wanted))
        if volume is not None and (misses := _misses(claim, volume)):
            return misses[0]
    for key, phrases in _SAID:
        if any(phrase in str(event.get("message")).lower() for event in events for phrase in phrases):
            return key, "no volume fits what it asks for", cite_present(claim, "/spec")
    volumes = [item for item in graph.all("PersistentVolume") if _class_of(item) == (name or "")]
    known = any(name_of(item) == name for item in classes)
    said = any("not found" in str(event.get("message")) and "class" in str(event.get("message")) for event in events)
    if name and not known and not volumes and (classes or said):
        offered = ", ".join(name_of(item) for item in classes[:4]) or "none"
        told = f"its StorageClass {name} does not exist (there are: {offered})"
        return "pvc.class", told, cite_present(claim, "/spec/storageClassName")
    if name is None and classes and not any(_is_default(item) for item in classes) and not volumes:
        return "pvc.class", "it names no StorageClass and none is the default", cite_present(claim, "/spec")
    if name and known and not _is_static(next(item for item in classes if name_of(item) == name)):
        return None  # a provisioner makes volumes to measure: those that exist say nothing
    ranked = sorted(((misses, item) for item in volumes if (misses := _misses(claim, item))), key=_nearness)
    if not ranked or any(not _misses(claim, item) for item in volumes):
        return None
    return ranked[0][0][0]


def _nearness(pair: tuple[list[Reason], Object]) -> tuple[int, int, str]:
    misses, volume = pair
    return len(misses), -_ORDER.index(misses[0][0]), name_of(volume)


def _misses(claim: Object, volume: Object) -> list[Reason]:
    """Return every way in which a volume does not fit a claim."""
    wanted, offered = spec_of(claim), spec_of(volume)
    found: list[Reason] = []
    if (selector := wanted.get("selector")) and not selector_matches(labels_of(volume), selector):
        evidence = (*cite_present(claim, "/spec/selector"), *cite_present(volume, "/metadata/labels", "/metadata/name"))
        found.append(("pvc.selector", f"its selector leaves out volume {name_of(volume)}", evidence))
    modes = [str(mode) for mode in wanted.get("accessModes") or ()]
    if not set(modes) <= {str(mode) for mode in offered.get("accessModes") or ()}:
        told = f"it asks for {', '.join(modes)}, volume {name_of(volume)} offers "
        told += ", ".join(str(mode) for mode in offered.get("accessModes") or ()) or "none"
        evidence = (*cite_present(claim, "/spec/accessModes"), *cite_present(volume, "/spec/accessModes"))
        found.append(("pvc.access_mode", told, evidence))
    asked = ((wanted.get("resources") or {}).get("requests") or {}).get("storage")
    size = (offered.get("capacity") or {}).get("storage")
    if (amount_of(asked) or 0.0) > (amount_of(size) or 0.0):
        evidence = (
            *cite_present(claim, "/spec/resources/requests/storage"),
            *cite_present(volume, "/spec/capacity/storage"),
        )
        found.append(("pvc.capacity", f"it asks for {asked}, volume {name_of(volume)} has {size}", evidence))
    holder = offered.get("claimRef") or {}
    mine = (holder.get("namespace"), holder.get("name")) == (namespace_of(claim), name_of(claim))
    uid = (claim.get("metadata") or {}).get("uid")
    if holder and (not mine or (holder.get("uid") and uid and holder["uid"] != uid)):
        told = f"volume {name_of(volume)} is held by claim {holder.get('namespace')}/{holder.get('name')}"
        found.append(("pvc.occupied", told, cite_present(volume, "/spec/claimRef/name", "/status/phase")))
    return found


def _class_of(volume: Object) -> str:
    return str(spec_of(volume).get("storageClassName") or "")


def _is_default(storage_class: Object) -> bool:
    annotations = (storage_class.get("metadata") or {}).get("annotations") or {}
    return any(str(annotations.get(name)) == "true" for name in _DEFAULT_CLASS)


def _is_static(storage_class: Object) -> bool:
    return str(storage_class.get("provisioner") or "").endswith("no-provisioner")
