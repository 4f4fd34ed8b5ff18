"""Which log a file is, and reading it line by line."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from integrations.kubernetes.files.limits import LimitExceededError, size_text
from integrations.kubernetes.log_keeping import LogKeeper
from integrations.kubernetes.snapshot import LogKey

_CHUNK = 1024 * 1024
_MARK = re.compile(
    r"==== (?P<which>START|END) logs for(?: init)? container (?P<container>\S+) "
    r"of pod (?P<ns>[^/\s]+)/(?P<pod>\S+) ===="
)
_GATHERED = re.compile(
    r"(?:^|/)namespaces/(?P<ns>[^/]+)/pods/(?P<pod>[^/]+)/(?P<container>[^/]+)/(?:[^/]+/)?logs/"
    r"(?P<run>current|previous)(?:\.insecure)?\.log$"
)
_KUBELET = re.compile(
    r"(?:^|/)(?P<ns>[a-z0-9.-]+)_(?P<pod>[a-z0-9.-]+)_[0-9a-f-]{8,}/(?P<container>[^/]+)/(?P<n>\d+)\.log$"
)
_KUBELET_LINK = re.compile(
    r"(?:^|/)(?P<pod>[a-z0-9.-]+)_(?P<ns>[a-z0-9.-]+)_(?P<container>[a-z0-9.-]+)-[0-9a-f]{64}\.log$"
)
_LOG_NAME = re.compile(r"(?:^|/)logs?\.txt$|\.logs?$|\.log\.\d+$|\.txt$|(?:^|/)logs?$")
_OBJECT_KEYS = re.compile(r'"(?:kind|items|taken_at)"\s*:')
_PREVIOUS = re.compile(r"(?:^|[-_.@/])(?:previous|prev)(?:$|[-_.@/])")
_SEPARATORS = "-_.@"


def split_lines(stream: BinaryIO, limit: int) -> Iterator[list[str]]:
    """Yield the lines of a stream in lists. Raise LimitExceededError past `limit` bytes."""
    rest, total = b"", 0
    while chunk := stream.read(_CHUNK):
        total += len(chunk)
        if total > limit:
            raise LimitExceededError(f"holds more than {size_text(limit)}")
        # A line without end is cut to pieces instead of being collected.
        content = rest + chunk
        cut = content.rfind(b"\n") + 1 or (len(content) if len(content) > 4 * _CHUNK else 0)
        rest = content[cut:]
        if cut:
            yield _lines(content[:cut])
    if rest:
        yield _lines(rest)


def _lines(content: bytes) -> list[str]:
    text = content.decode("utf-8", errors="replace").replace("\x00", "")
    return [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")]


@dataclass(frozen=True, slots=True)
class PlacedLog:
    """Whose log a path says it is. `rank` orders several runs of a container: the highest is the current one."""

    key: LogKey
    rank: int | None = None


def place_of(path: str) -> PlacedLog | None:
    """Return whose log a file is by its path alone, as must-gather and the kubelet lay logs out."""
    if found := _GATHERED.search(path):
        return PlacedLog((found["ns"], found["pod"], found["container"], found["run"] == "previous"))
    if found := _KUBELET.search(path):
        return PlacedLog((found["ns"], found["pod"], found["container"], False), int(found["n"]))
    if found := _KUBELET_LINK.search(path):
        return PlacedLog((found["ns"], found["pod"], found["container"], False))
    return None


def may_be_log(path: str) -> bool:
    """Say whether a name is one that people and tools give to logs."""
    return _LOG_NAME.search(path) is not None


def is_json_log(start: str) -> bool:
    """Say whether a text is a log of JSON lines and no document: its first line is whole and speaks of no kind."""
    first = start.lstrip().partition("\n")[0].rstrip()
    return first.startswith("{") and first.endswith("}") and not _OBJECT_KEYS.search(first)


def has_marks(text: str) -> bool:
    """Say whether a text holds logs between START and END marks, as `kubectl cluster-info dump` writes them."""
    return _MARK.search(text) is not None


def read_plain(chunks: Iterable[list[str]]) -> tuple[str, ...]:
    """Return what is kept of one log."""
    keeper = LogKeeper()
    for lines in chunks:
        keeper.add(lines)
    return keeper.lines()


class MarkedReader:
    """Reads a text with START and END marks: the logs between them, and the rest, which may be objects."""

    def __init__(self) -> None:
        self.rest: list[str] = []
        self._logs: dict[LogKey, LogKeeper] = {}
        self._open: LogKeeper | None = None

    def add(self, lines: Iterable[str]) -> None:
        """Take the next lines."""
        for line in lines:
            if "====" in line and (mark := _MARK.search(line)):
                self._mark(mark, line)
            elif self._open is not None:
                self._open.add((line,))
            else:
                self.rest.append(line)

    def _mark(self, mark: re.Match[str], line: str) -> None:
        if mark["which"] == "START":
            key = (mark["ns"], mark["pod"], mark["container"], False)
            self._open = self._logs.setdefault(key, LogKeeper())
            return
        if self._open is not None and line[: mark.start()].strip():
            self._open.add((line[: mark.start()],))  # a log that ends without a line feed
        self._open = None

    def logs(self) -> dict[LogKey, tuple[str, ...]]:
        """Return what is kept of each log; empty logs are left out."""
        kept = {key: keeper.lines() for key, keeper in self._logs.items()}
        return {key: _without_notes(lines) for key, lines in kept.items() if any(line.strip() for line in lines)}


def _without_notes(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Drop what kubectl writes in place of a log that it could not fetch, and the blank line after each log."""
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    if len(lines) == 1 and lines[0].startswith(("Create log request error: ", "Request log error: ")):
        return ()
    return lines


class PodNames:
    """Finds the pod and container that a path names, among the pods that were seen."""

    def __init__(self, containers: dict[tuple[str, str], list[str]]) -> None:
        """`containers` holds the container names by namespace and pod."""
        self._containers = containers
        self._by_name: dict[str, list[tuple[str, str]]] = {}
        for place in sorted(containers):
            self._by_name.setdefault(place[1], []).append(place)

    def place(self, path: str) -> LogKey | None:
        """Return whose log a path says it is, None when it names no pod or leaves the container open."""
        parts = path.split("/")
        stem = re.sub(r"(?:\.(?:logs?|txt|\d+))+$", "", parts[-1])
        previous = _PREVIOUS.search("/".join((*parts[:-1], stem))) is not None
        stem = re.sub(r"[-_.@](?:previous|prev|current)$|^(?:previous|prev|current)(?:[-_.@]|$)", "", stem)
        for name, rest in self._candidates(parts, stem):
            places = [place for place in self._by_name[name] if place[0] in parts] or [
                place for place in self._by_name[name] if place[0] in stem
            ]
            place = (places or self._by_name[name])[0]
            known = self._containers[place]
            container = next((item for item in known if item in {rest, *parts[:-1]}), None)
            if container is None and len(known) == 1 and rest in {"", "log", "logs", *parts}:
                container = known[0]
            if container is not None:
                return (*place, container, previous)
        return None

    def _candidates(self, parts: list[str], stem: str) -> Iterator[tuple[str, str]]:
        """Yield a pod's name and what the file's name says besides, the longest names first."""
        for folder in reversed(parts[:-1]):
            if folder in self._by_name:
                yield folder, stem.removeprefix(folder).lstrip(_SEPARATORS)
        cuts = [index for index in range(len(stem), 0, -1) if index == len(stem) or stem[index] in _SEPARATORS]
        starts = [0, *(index + 1 for index, char in enumerate(stem) if char in "_@/")]
        for start in starts:
            for cut in cuts:
                if stem[start:cut] in self._by_name:
                    yield stem[start:cut], stem[cut:].lstrip(_SEPARATORS)
