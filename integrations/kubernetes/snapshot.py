"""What was seen of a cluster at one time. Everything that judges works on this and on nothing else.

A snapshot never holds the value of a Secret: Secrets are not read, and what is read is redacted while it is added.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Self

from bot.domain.base import canonical_json
from bot.domain.entity import ObjectRef
from bot.domain.finding import SourceStatus
from bot.domain.redaction import MARKER, looks_secret, redact, redact_json

Object = dict[str, Any]
ObjectKey = tuple[str, str, str]
"""Kind, namespace ("" for cluster-scoped objects), name."""
LogKey = tuple[str, str, str, bool]
"""Namespace, pod, container, whether it is the previous run's log."""

_METRIC_KINDS = frozenset({"PodMetrics", "NodeMetrics"})
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_TEMPLATED = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"})
_CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")


@dataclass(frozen=True)
class Snapshot:
    """Objects, events, logs and metrics with the time they were taken and the state of every source.

    `logs` hold lines without their line ends, redacted. Treat all of it as immutable.
    """

    taken_at: datetime
    objects: Mapping[ObjectKey, Object] = field(default_factory=dict)
    events: tuple[Object, ...] = ()
    logs: Mapping[LogKey, tuple[str, ...]] = field(default_factory=dict)
    metrics: Mapping[ObjectKey, Object] = field(default_factory=dict)
    sources: tuple[SourceStatus, ...] = ()

    def get(self, kind: str, namespace: str | None, name: str) -> Object | None:
        """Return one object, None when it was not seen."""
        return self.objects.get((kind, namespace or "", name))

    def of_kind(self, kind: str) -> list[Object]:
        """Return all objects of a kind by namespace and name."""
        return [self.objects[key] for key in sorted(key for key in self.objects if key[0] == kind)]

    def to_json(self) -> str:
        """Return the snapshot as canonical JSON: the same content gives the same bytes."""
        return canonical_json(
            {
                "taken_at": self.taken_at.astimezone(UTC).isoformat(),
                "objects": [self.objects[key] for key in sorted(self.objects)],
                "events": list(self.events),
                "logs": [
                    {"namespace": key[0], "pod": key[1], "container": key[2], "previous": key[3], "lines": list(lines)}
                    for key, lines in sorted(self.logs.items())
                ],
                "metrics": [self.metrics[key] for key in sorted(self.metrics)],
                "sources": [source.model_dump() for source in self.sources],
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` writes. Raise ValueError for anything else."""
        try:
            content = json.loads(text)
            builder = SnapshotBuilder(datetime.fromisoformat(content["taken_at"]))
            builder.add(content["objects"])
            builder.add(content["events"])
            builder.add(content["metrics"])
            for log in content["logs"]:
                builder.add_log((log["namespace"], log["pod"], log["container"], log["previous"]), log["lines"])
            for source in content["sources"]:
                builder.add_source(**source)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a snapshot: {error}") from error
        built = builder.build()
        return cls(**{name: getattr(built, name) for name in cls.__dataclass_fields__})


class SnapshotBuilder:
    """Collects what is read, redacting it. Order does not matter: the snapshot is sorted."""

    def __init__(self, taken_at: datetime) -> None:
        self.taken_at = taken_at
        self._objects: dict[ObjectKey, Object] = {}
        self._events: dict[ObjectKey, Object] = {}
        self._metrics: dict[ObjectKey, Object] = {}
        self._logs: dict[LogKey, tuple[str, ...]] = {}
        self._sources: dict[str, SourceStatus] = {}

    def add(self, objects: Iterable[Object]) -> None:
        """Add objects of any kind: events and metrics find their place, Secrets are left out."""
        for item in objects:
            kind = str(item.get("kind") or "")
            if not kind or kind == "Secret":
                continue
            key, whole = key_of(item), _without_holes(item)
            if kind == "Event":
                self._events[key] = redact_object(whole)
            elif kind in _METRIC_KINDS:
                self._metrics[key] = whole
            else:
                self._objects[key] = redact_object(whole)

    def add_log(self, key: LogKey, lines: str | Iterable[str]) -> None:
        """Add a log as text or as lines."""
        text = lines if isinstance(lines, str) else "\n".join(lines)
        if text.strip():
            self._logs[key] = tuple(redact(text).splitlines())

    def add_source(self, name: str, status: Literal["ok", "no_data", "error"], detail: str = "") -> None:
        """Record how a source went; the last word counts."""
        self._sources[name] = SourceStatus(name=name, status=status, detail=detail)

    def build(self) -> Snapshot:
        """Return what was collected so far."""
        return Snapshot(
            taken_at=self.taken_at,
            objects=dict(self._objects),
            events=tuple(sorted(self._events.values(), key=lambda event: (event_time(event), key_of(event)))),
            logs=dict(self._logs),
            metrics=dict(self._metrics),
            sources=tuple(self._sources[name] for name in sorted(self._sources)),
        )


def key_of(item: Object) -> ObjectKey:
    """Return the key an object has in a snapshot."""
    metadata = item.get("metadata") or {}
    return str(item.get("kind") or ""), str(metadata.get("namespace") or ""), str(metadata.get("name") or "")


def ref_of(item: Object) -> ObjectRef:
    """Return what findings call an object."""
    kind, namespace, name = key_of(item)
    return ObjectRef(kind=kind, namespace=namespace or None, name=name)


def event_time(event: Object) -> str:
    """Return when an event was last seen, as the text the server wrote; such texts sort by time."""
    series = event.get("series") or {}
    metadata = event.get("metadata") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return str(next((time for time in times if time), None) or metadata.get("creationTimestamp") or "")


def parse_time(text: object) -> datetime | None:
    """Read a time of the API; None for anything else."""
    if not isinstance(text, str) or not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def redact_object(item: Object) -> Object:
    """Return a copy of an object without secrets and without bulk that nobody judges.

    Only what people write freely is redacted: names, references and identifiers have to stay exact, because actions
    are filled in from them.
    """
    kind = item.get("kind")
    copy = {**item, "metadata": _redact_metadata(item.get("metadata") or {})}
    if kind == "Event":
        copy["message"] = redact(str(item.get("message") or item.get("note") or ""))
    elif kind == "ConfigMap":
        copy["data"] = {key: _redact_value(key, value) for key, value in (item.get("data") or {}).items()}
        copy["binaryData"] = dict.fromkeys(item.get("binaryData") or {}, MARKER)
    elif kind == "Pod":
        copy["spec"] = _redact_pod_spec(item.get("spec") or {})
        copy["status"] = _redact_messages(item.get("status") or {})
    elif kind in _TEMPLATED:
        copy["spec"] = _redact_templated(item.get("spec") or {})
    elif kind == "CronJob":
        spec = item.get("spec") or {}
        job = spec.get("jobTemplate") or {}
        copy["spec"] = {**spec, "jobTemplate": {**job, "spec": _redact_templated(job.get("spec") or {})}}
    return copy


def _without_holes(value: Any) -> Any:
    """Return a copy without nulls in lists: the API never sends one, files that people edited may."""
    if isinstance(value, dict):
        return {key: _without_holes(item) if isinstance(item, dict | list) else item for key, item in value.items()}
    if isinstance(value, list):
        return [_without_holes(item) for item in value if item is not None]
    return value


def _redact_metadata(metadata: Object) -> Object:
    copy = dict(metadata)
    if annotations := metadata.get("annotations"):
        copy["annotations"] = {
            key: _redact_value(key, value) for key, value in annotations.items() if key != _LAST_APPLIED
        }
    if fields := metadata.get("managedFields"):
        copy["managedFields"] = [{k: v for k, v in entry.items() if k != "fieldsV1"} for entry in fields]
    return copy


def _redact_value(name: str, value: Any) -> Any:
    text = str(value)
    return MARKER if looks_secret(name, text) else redact(text)


def _redact_templated(spec: Object) -> Object:
    template = spec.get("template") or {}
    redacted = {**template, "spec": _redact_pod_spec(template.get("spec") or {})}
    if "metadata" in template:
        redacted["metadata"] = _redact_metadata(template["metadata"] or {})
    return {**spec, "template": redacted}


def _redact_pod_spec(spec: Object) -> Object:
    copy = dict(spec)
    for name in _CONTAINER_LISTS:
        if spec.get(name):
            copy[name] = [_redact_container(container) for container in spec[name]]
    return copy


def _redact_container(container: Object) -> Object:
    copy = dict(container)
    if env := container.get("env"):
        copy["env"] = [
            {**entry, "value": _redact_value(str(entry.get("name", "")), entry["value"])}
            if entry.get("value")
            else entry
            for entry in env
        ]
    for name in ("command", "args"):
        if container.get(name):
            copy[name] = [redact(str(part)) for part in container[name]]
    for name in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle"):
        if container.get(name):
            copy[name] = redact_json(container[name])
    return copy


def _redact_messages(value: Any) -> Any:
    """Redact what the kubelet quotes from containers: messages, wherever in a status they stand."""
    if isinstance(value, dict):
        return {
            key: redact(item) if key == "message" and isinstance(item, str) else _redact_messages(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_redact_messages(item) for item in value]
    return value
