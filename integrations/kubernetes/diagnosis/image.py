"""Images that cannot be had."""

import re
from collections.abc import Iterable, Iterator

from bot.domain.alert import Severity
from bot.domain.finding import Citation, SuggestedAction
from integrations.kubernetes.diagnosis.changes import (
    container_of,
    describe_change,
    earlier_container,
    rollback_action,
)
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.containers import ContainerView, containers
from integrations.kubernetes.diagnosis.findings import Judged, action, clip, finding, is_ready, outage, ready_text
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import entity, namespace_of, spec_of, template_of
from integrations.kubernetes.snapshot import Object

PULL_REASONS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"}
    | {"RegistryUnavailable", "SignatureValidationFailed", "ErrRegistryUnavailable"}
)
_AMBIGUOUS = re.compile(r"insufficient_scope|may require authorization|requested access to the resource is denied")
_FAMILIES = (
    ("image.invalid", re.compile(r"InvalidImageName|invalid reference|[Cc]ouldn't parse image|ErrImageNeverPull")),
    ("image.rate_limit", re.compile(r"toomanyrequests|\b429\b|[Tt]oo [Mm]any [Rr]equests|pull rate limit")),
    ("image.ambiguous", _AMBIGUOUS),
    ("image.not_found", re.compile(r"code = NotFound|manifest unknown|[Nn]ot found|does not exist|\b404\b|no match")),
    (
        "image.unreachable",
        re.compile(
            r"no such host|i/o timeout|connection refused|x509|TLS handshake|deadline exceeded|server misbehaving|"
            r"connection reset|no route to host|network is unreachable|\b50[0234]\b|context canceled|EOF"
        ),
    ),
    (
        "image.auth",
        re.compile(r"\b401\b|\b403\b|[Uu]nauthorized|failed to authorize|[Aa]uthentication required|[Ff]orbidden|"
                   r"no basic auth credentials|authorization failed|denied"),
    ),
)  # fmt: skip
_WHAT = {
    "image.not_found": "does not exist in its registry",
    "image.auth": "is refused by its registry: credentials are missing or wrong",
    "image.rate_limit": "is held back by the registry's pull limit",
    "image.unreachable": "cannot be pulled: the registry cannot be reached",
    "image.invalid": "is not a usable image reference",
}
_DECIDE = {
    "image.not_found": "No earlier revision names another image: somebody has to push the tag or name the right one.",
    "image.auth": "Somebody has to correct the imagePullSecret or the registry's permissions.",
    "image.rate_limit": "Wait for the limit to pass, or authenticate the pulls.",
    "image.unreachable": "Look at the registry and at the network and DNS between node and registry.",
    "image.invalid": "Correct the image's name.",
}


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge every container that waits for its image; one finding for each container of a workload."""
    seen: set[tuple[str, str]] = set()
    for view in containers(graph):
        if view.waiting.get("reason") not in PULL_REASONS or (view.entity, view.name) in seen:
            continue
        seen.add((view.entity, view.name))
        yield from _judge(graph, view)


def _judge(graph: Graph, view: ContainerView) -> Iterator[Judged]:
    texts: list[tuple[str, Object | None]] = [
        (str(view.waiting.get("reason")) + " " + str(view.waiting.get("message") or ""), None)
    ]
    image = str(view.spec.get("image") or view.status.get("image") or "")
    for event in graph.events_of(view.pod, "Failed", "InspectFailed", "ErrImageNeverPull"):
        message = str(event.get("message") or "")
        if image in message or "pull" in message.lower():
            texts.append((message, event))
    for key, pattern in _FAMILIES:
        for text, source_event in texts:
            if pattern.search(text):
                source = cite_present(source_event, "/message") if source_event else ()
                yield _report(graph, view, image, key, text, source)
                return
    yield _report(graph, view, image, "image.ambiguous", texts[-1][0], ())


def _report(graph: Graph, view: ContainerView, image: str, key: str, text: str, source: tuple[Citation, ...]) -> Judged:
    confidence = 0.95
    if key == "image.ambiguous":  # registries hide private repositories behind the words for missing ones
        key = "image.auth" if spec_of(view.pod).get("imagePullSecrets") else "image.not_found"
        confidence = 0.6
    workload = graph.snapshot.objects.get(view.owner)
    severity, _, _ = outage(graph, view.owner)
    evidence = (*cite_present(view.pod, f"{view.pointer}/state/waiting/reason"), *_image_citation(view, image), *source)
    summary = (
        f"Image {image} of container {view.name} {_WHAT[key]}: {clip(_essence(text), 140)}; "
        f"{ready_text(graph, view.owner)}.{describe_change(graph, workload)}"
    )
    return finding(
        key,
        view.entity,
        summary,
        severity=Severity.HIGH if severity is Severity.WARNING else severity,
        confidence=confidence,
        evidence=evidence,
        actions=_actions(graph, view, image) if key in {"image.not_found", "image.invalid", "image.auth"} else (),
        person_decides=_DECIDE[key],
    )


def _essence(text: str) -> str:
    """Return the end of a chain of wrapped errors: that is where the reason stands."""
    parts = [part.strip() for part in text.split(": ") if part.strip()]
    return ": ".join(parts[-2:])


def _image_citation(view: ContainerView, image: str) -> tuple[Citation, ...]:
    field = "initContainers" if view.init else "containers"
    for position, container in enumerate(spec_of(view.pod).get(field) or ()):
        if container.get("name") == view.name and container.get("image") == image:
            return cite_present(view.pod, f"/spec/{field}/{position}/image")
    return ()


def _actions(graph: Graph, view: ContainerView, image: str) -> list[SuggestedAction]:
    workload = graph.snapshot.objects.get(view.owner)
    found: list[SuggestedAction] = []
    undo = rollback_action(
        graph, workload, view.entity, lambda template: container_of(template, view.name).get("image") != image
    )
    if undo is not None:
        found.append(undo)
    earlier = earlier_container(graph, workload, view.name, lambda c: c.get("image") not in {None, "", image})
    if earlier is not None:
        revision, container = earlier
        reason = f"revision {revision} ran with this image"
        found.append(action("set_image", view.entity, reason, container=view.name, image=container["image"]))
    elif known := _running_elsewhere(graph, view, image):
        reason = f"{known[1]} runs this image of the same repository"
        found.append(action("set_image", view.entity, reason, container=view.name, image=known[0]))
    return found


def _running_elsewhere(graph: Graph, view: ContainerView, image: str) -> tuple[str, str] | None:
    """Return another tag of the same repository that a ready pod of the namespace runs, with its workload."""
    for workload in graph.workloads:
        if namespace_of(workload) != namespace_of(view.pod) or not any(is_ready(p) for p in graph.pods_of(workload)):
            continue
        for container in (template_of(workload).get("spec") or {}).get("containers") or ():
            other = str(container.get("image") or "")
            if other != image and repository_of(other) == repository_of(image):
                return other, entity(workload)
    return None


def repository_of(image: str) -> str:
    """Return an image reference without tag and digest."""
    name = image.split("@", 1)[0]
    head, _, tail = name.rpartition("/")
    return f"{head}/{tail.split(':', 1)[0]}" if head else tail.split(":", 1)[0]
