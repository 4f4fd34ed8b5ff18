"""What was seen of a cluster at one time. Everything that judges works on this and on nothing else.

A snapshot never holds the value of a Secret: where files held one, only its name, the names of its keys and the dates
of its certificate stay (a live cluster is never asked for Secrets). What is read is redacted while it is added.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Self

from bot.domain.base import canonical_json
from bot.domain.entity import ObjectRef
from bot.domain.finding import SourceStatus
from bot.domain.redaction import redact
from integrations.kubernetes.kinds import KINDS
from integrations.kubernetes.object_redaction import Object, Redactor, redact_object

__all__ = [
    "LogKey",
    "Object",
    "ObjectKey",
    "Snapshot",
    "SnapshotBuilder",
    "event_time",
    "key_of",
    "parse_time",
    "redact_object",
    "ref_of",
]

ObjectKey = tuple[str, str, str]
"""Kind, namespace ("" for cluster-scoped objects), name."""
LogKey = tuple[str, str, str, bool]
"""Namespace, pod, container, whether it is the previous run's log."""

_METRIC_KINDS = frozenset({"PodMetrics", "NodeMetrics"})
_LEGACY_GROUPS = frozenset({"extensions", "apps", "events.k8s.io", "networking.k8s.io", "policy", "batch"})


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
        self._redactor = Redactor()

    def add(self, objects: Iterable[Object]) -> None:
        """Add objects of any kind: events and metrics find their place, of Secrets only the names of keys stay.

        Of an object that comes twice the newer one stays, whatever the order. Raise ValueError for what cannot be an
        object of the API; what came before it stays.
        """
        for item in objects:
            if not item.get("kind"):
                continue
            whole = self._redactor.redact_object(_with_own_kind(item))
            key = key_of(whole)
            if key[0] == "Event":
                _put(self._events, key, whole)
            elif key[0] in _METRIC_KINDS:
                _put(self._metrics, key, whole)
            else:
                _put(self._objects, key, whole)

    def add_log(self, key: LogKey, lines: str | Iterable[str]) -> None:
        """Add a log as text or as lines."""
        text = lines.removesuffix("\n") if isinstance(lines, str) else "\n".join(lines)
        if text.strip():
            # Only line feeds end lines: text may hold the other separators that `splitlines` knows.
            found = tuple(line.rstrip("\r") for line in redact(text).split("\n"))
            known = self._logs.get(key)
            self._logs[key] = found if known is None else max(known, found, key=lambda log: (len(log), log))

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
    times = (
        series.get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("deprecatedLastTimestamp"),
        event.get("eventTime"),
    )
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


def _with_own_kind(item: Object) -> Object:
    """Return the object with its group in its kind where a kind of ours means something else.

    A Knative Service is no Service: it becomes `Service.serving.knative.dev`, as kubectl names it.
    """
    kind, version = str(item["kind"]), str(item.get("apiVersion") or "")
    known = KINDS.get(kind) or (KINDS["ConfigMap"] if kind == "Secret" else None)
    group = version.rpartition("/")[0]
    if known is None or not group or group == known.group or group in _LEGACY_GROUPS:
        return item
    return {**item, "kind": f"{kind}.{group}"}


def _put(place: dict[ObjectKey, Object], key: ObjectKey, item: Object) -> None:
    known = place.get(key)
    if known is None or (known != item and _newness(item) > _newness(known)):
        place[key] = item


def _newness(item: Object) -> tuple[int, int, str]:
    """Order two readings of one object: by version, then the fuller one, then by content, never by who came first."""
    version = str((item.get("metadata") or {}).get("resourceVersion") or "")
    text = json.dumps(item, sort_keys=True, default=str)
    return (int(version) if version.isascii() and version.isdigit() else 0, len(text), text)
