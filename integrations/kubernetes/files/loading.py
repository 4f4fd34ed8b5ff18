"""From files to a snapshot, and from a snapshot to a file."""

import gzip
import os
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from bot.errors import InvalidInput
from integrations.kubernetes.files.documents import (
    BrokenFileError,
    Object,
    decode,
    looks_like,
    objects_in,
    parse_json,
    parse_yaml,
)
from integrations.kubernetes.files.limits import LimitExceededError, Limits, size_text
from integrations.kubernetes.files.log_files import (
    MarkedReader,
    PlacedLog,
    PodNames,
    has_marks,
    is_json_log,
    may_be_log,
    place_of,
    read_plain,
    split_lines,
)
from integrations.kubernetes.files.times import newest_stamp, newest_time
from integrations.kubernetes.files.trees import READ_ERRORS, Entry, walk, walk_stream
from integrations.kubernetes.snapshot import LogKey, Snapshot, SnapshotBuilder, key_of, parse_time

_PEEK = 65_536
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicaSet"})
_SNAPSHOT_KEYS = frozenset({"taken_at", "objects", "events", "logs", "metrics", "sources"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_snapshot(
    source: Path | BinaryIO, *, at: datetime | None = None, namespace: str | None = None, limits: Limits | None = None
) -> Snapshot:
    """Read a directory, an archive (zip, tar, tar.gz, tar.bz2, tar.xz), a file or a stream into a snapshot.

    `at` overrides the time of the snapshot, else it is the newest time that the files tell. With `namespace` only what
    is in that namespace or in none is kept. What is broken becomes a source with the status `error`, named like the
    file. Raise InvalidInput when nothing at all could be read.
    """
    loader = _Loader(limits or Limits())
    try:
        entries = (
            walk(source, loader.limits) if isinstance(source, Path) else walk_stream(source, "stdin", loader.limits)
        )
        for entry in entries:
            loader.read(entry)
    except OSError as error:
        raise InvalidInput(f"{source} cannot be read: {error.strerror or error}.") from error
    snapshot = loader.finish(at)
    return snapshot if namespace is None else _narrowed(snapshot, namespace)


class _Loader:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._builder = SnapshotBuilder(_EPOCH)
        self._newest = ""
        self._snapshot_time: datetime | None = None
        self._objects = 0
        self._kinds: Counter[str] = Counter()
        self._logs = 0
        self._problems: dict[str, str] = {}
        self._runs: dict[LogKey, list[tuple[int, tuple[str, ...]]]] = {}
        self._unplaced: list[tuple[str, tuple[str, ...]]] = []
        self._containers: dict[tuple[str, str], list[str]] = {}
        self._from_snapshot = False

    def read(self, entry: Entry) -> None:
        """Read one file; what is wrong with it is remembered under its name."""
        if entry.stream is None:
            self._problem(entry.name, entry.problem)
            return
        try:
            self._content(entry.name, entry.stream)
        except BrokenFileError as error:
            self._problem(entry.name, str(error))
        except LimitExceededError as error:
            self._problem(entry.name, f"{error}, the rest was not read")
        except RecursionError:
            self._problem(entry.name, "is nested too deeply")
        except READ_ERRORS as error:
            self._problem(entry.name, f"is damaged: {error}")

    def _problem(self, name: str, detail: str) -> None:
        self._problems[name] = _one_line(detail, 300)

    def _content(self, name: str, stream: BinaryIO) -> None:
        if (place := place_of(name)) is not None:
            self._placed(place, read_plain(split_lines(stream, self.limits.log_bytes)))
            return
        start = stream.read(_PEEK)
        text = decode(start)
        if has_marks(text) or (name.endswith("/logs.txt") and "====" in text):
            self._marked(name, start, stream)
        elif (form := looks_like(text)) is not None and not (may_be_log(name) and is_json_log(text)):
            limit = self.limits.json_bytes if form == "json" else self.limits.yaml_bytes
            self._documents(name, form, _read_whole(start, stream, limit))
        elif may_be_log(name) and "\ufffd" not in text[:200]:
            lines = read_plain(split_lines(_Rejoined(start, stream), self.limits.log_bytes))  # type: ignore[arg-type]
            self._unplaced.append((name, lines))
        elif name.endswith((".json", ".yaml", ".yml")) and text.strip():
            raise BrokenFileError("holds no objects of the Kubernetes API")

    def _placed(self, place: PlacedLog, lines: tuple[str, ...]) -> None:
        if place.rank is None:
            self._log(place.key, lines)
        elif any(line.strip() for line in lines):
            self._runs.setdefault(place.key, []).append((place.rank, lines))

    def _log(self, key: LogKey, lines: tuple[str, ...]) -> None:
        if any(line.strip() for line in lines):
            self._builder.add_log(key, lines)
            self._newest = max(self._newest, newest_stamp(lines))
            self._logs += 1

    def _marked(self, name: str, start: bytes, stream: BinaryIO) -> None:
        reader = MarkedReader()
        for lines in split_lines(_Rejoined(start, stream), self.limits.log_bytes):  # type: ignore[arg-type]
            reader.add(lines)
        for key, kept in sorted(reader.logs().items()):
            self._log(key, kept)
        rest = "\n".join(reader.rest)
        if (form := looks_like(rest)) is not None:
            self._documents(name, form, rest)

    def _documents(self, name: str, form: str, text: str) -> None:
        """Add all objects of a text; an object that is none is reported and costs no other."""
        seen = self._objects
        wrong = ""
        for document in parse_json(text) if form == "json" else parse_yaml(text):
            if isinstance(document, dict) and document.keys() >= _SNAPSHOT_KEYS:
                self._own(document)
                continue
            for item in objects_in(document):
                wrong = self._object(item) or wrong
        if wrong:
            self._problem(name, wrong)
        elif self._objects == seen and not self._from_snapshot and form == "json" and text.strip() in {"{}", "[]"}:
            raise BrokenFileError("is empty")

    def _object(self, item: Object) -> str:
        """Add one object. Return what is wrong with it, or nothing."""
        try:
            if not isinstance(item.get("metadata") or {}, dict):
                return "holds an object whose metadata is not an object"
            if not key_of(item)[2]:
                return ""  # a review, an options object, a configuration file: nothing that a cluster stores
            self._builder.add((item,))
            self._newest = max(self._newest, newest_time(item))
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
            return f"holds {_one_line('/'.join(part for part in key_of(item) if part), 120)}, which is damaged: {error}"
        self._objects += 1
        kind, namespace, name = key_of(item)
        self._kinds[kind] += 1
        if kind == "Pod":
            self._containers[(namespace, name)] = _container_names(item)
        return ""

    def _own(self, document: Object) -> None:
        """Take over a snapshot that `oncall-agent snapshot` saved."""
        try:
            taken_at = datetime.fromisoformat(document["taken_at"])
            for item in (*document["objects"], *document["events"], *document["metrics"]):
                if wrong := self._object(item):
                    raise BrokenFileError(wrong)
            for log in document["logs"]:
                key = (log["namespace"], log["pod"], log["container"], bool(log["previous"]))
                self._builder.add_log(key, tuple(map(str, log["lines"])))
                self._logs += 1
            for source in document["sources"]:
                self._builder.add_source(**source)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise BrokenFileError(f"is no snapshot: {error}") from error
        taken_at = taken_at if taken_at.tzinfo else taken_at.replace(tzinfo=UTC)
        self._snapshot_time = max(taken_at, self._snapshot_time or taken_at)
        self._from_snapshot = True

    def finish(self, at: datetime | None) -> Snapshot:
        """Return the snapshot of all that was read."""
        self._place_logs()
        if not self._objects and not self._logs and not self._from_snapshot:
            first = next((f" {name} {detail}." for name, detail in sorted(self._problems.items())), "")
            raise InvalidInput(f"There are no objects of the Kubernetes API in it.{first}")
        newest = parse_time(self._newest)
        self._builder.taken_at = at or self._snapshot_time or newest or _EPOCH
        for name, detail in sorted(self._problems.items())[: self.limits.problems]:
            self._builder.add_source(_one_line(name, 200), "error", detail)
        if (more := len(self._problems) - self.limits.problems) > 0:
            self._builder.add_source("more files", "error", f"{more} more files could not be read")
        if not self._from_snapshot:
            self._add_sources()
        return self._builder.build()

    def _place_logs(self) -> None:
        for key, runs in sorted(self._runs.items()):
            runs.sort()
            self._log(key, runs[-1][1])
            if len(runs) > 1:
                self._log((*key[:3], True), runs[-2][1])
        pods = PodNames(self._containers)
        for name, lines in sorted(self._unplaced):
            if (place := pods.place(name)) is not None:
                self._log(place, lines)

    def _add_sources(self) -> None:
        """Say what was there, under the names that a live cluster's sources have."""
        counts = {
            "Workload": sum(count for kind, count in self._kinds.items() if kind in _WORKLOADS),
            "Pods": self._kinds["Pod"],
            "Events": self._kinds["Event"],
            "Logs": self._logs,
            "Pod metrics": self._kinds["PodMetrics"],
        }
        for label, count in counts.items():
            if count:
                self._builder.add_source(label, "ok", f"{count} read from files")
            elif self._problems and label in {"Workload", "Pods"}:
                self._builder.add_source(label, "error", "none in the files that could be read")
            else:
                self._builder.add_source(label, "no_data", "none in the files")


class _Rejoined:
    """A stream with its start, which was read to see what it is, put back."""

    def __init__(self, start: bytes, stream: BinaryIO) -> None:
        self._start = start
        self._stream = stream

    def read(self, size: int) -> bytes:
        start, self._start = self._start, b""
        return start or self._stream.read(size)


def _read_whole(start: bytes, stream: BinaryIO, limit: int) -> str:
    parts, total = [start], len(start)
    while chunk := stream.read(4 * 1024 * 1024):
        total += len(chunk)
        if total > limit:
            raise BrokenFileError(f"holds more than {size_text(limit)} and was not read")
        parts.append(chunk)
    return decode(b"".join(parts))


def _container_names(pod: Object) -> list[str]:
    spec = pod.get("spec")
    lists = [spec.get(name) for name in ("containers", "initContainers")] if isinstance(spec, dict) else []
    return [str(item["name"]) for found in lists for item in found or () if isinstance(item, dict) and item.get("name")]


def _narrowed(snapshot: Snapshot, namespace: str) -> Snapshot:
    """Return what is in one namespace, and what is in none."""
    return Snapshot(
        taken_at=snapshot.taken_at,
        objects={key: item for key, item in snapshot.objects.items() if key[1] in {"", namespace}},
        events=tuple(item for item in snapshot.events if _is_about(item, namespace)),
        logs={key: lines for key, lines in snapshot.logs.items() if key[0] == namespace},
        metrics={key: item for key, item in snapshot.metrics.items() if key[1] in {"", namespace}},
        sources=snapshot.sources,
    )


def _is_about(event: Object, namespace: str) -> bool:
    about = event.get("involvedObject") or event.get("regarding") or {}
    return namespace in {key_of(event)[1], about.get("namespace")} or not about.get("namespace")


def _one_line(text: str, limit: int) -> str:
    flat = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"


def save_snapshot(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot so that only its owner can read it, compressed when the name ends in `.gz`.

    The file appears whole or not at all; the same snapshot gives the same bytes. Raise OSError.
    """
    content = snapshot.to_json().encode()
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # created with mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
