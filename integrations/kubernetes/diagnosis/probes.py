"""Probes that contradict what the container declares, answers or needs to start, and what would set them right."""

import re
from dataclasses import dataclass, field
from typing import Any

from bot.domain.finding import Citation, SuggestedAction
from integrations.kubernetes.diagnosis.citations import cite_log, cite_present
from integrations.kubernetes.diagnosis.containers import ContainerView
from integrations.kubernetes.diagnosis.findings import action
from integrations.kubernetes.diagnosis.objects import spec_of
from integrations.kubernetes.logs import clean

_STATUS = re.compile(r"statuscode: (?P<code>\d{3})")
_PLAIN_ANSWER = re.compile(r"HTTP response to HTTPS client")
_SCHEME = re.compile(r"HTTP response to HTTPS client|malformed HTTP|tls: first record|HTTP request to an HTTPS")
_COMMAND = re.compile(r"executable file not found|no such file or directory|command not found")
_WAYS = ("httpGet", "tcpSocket", "grpc")
_KINDS = ("readiness", "liveness", "startup")
_ASKED = re.compile(r"(?:GET|HEAD)\s+\"?(?P<path>/[\w./-]*)|path\"?[=:]\s?\"?(?P<field>/[\w./-]*)", re.IGNORECASE)
_HEALTHY_PATH = re.compile(r"health|ready|live|ping|status|up\b|alive", re.IGNORECASE)
_OK = re.compile(r"\b(?:200|204)\b")
_LISTENS = re.compile(
    r"(?:listen\w*|started|serving|running|bound|bind)\b.{0,60}?(?:[:\s](?P<port>\d{2,5}))\b", re.IGNORECASE
)
_LOOPBACK = re.compile(
    r"(?:listen\w*|serving|running|bound)\b.{0,40}?(?:127\.0\.0\.1|localhost|\[::1\]):(?P<port>\d{2,5})",
    re.IGNORECASE,
)
_UP = re.compile(r"listen|started|ready|serving|accepting|running on", re.IGNORECASE)
_HASTY_SECONDS = 6
_TAIL = 200


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What is wrong with a probe itself, where that stands, and the parameters of `set_probe` that would mend it."""

    told: str
    evidence: tuple[Citation, ...]
    change: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Probe:
    view: ContainerView
    kind: str
    position: int

    @property
    def settings(self) -> dict[str, Any]:
        return self.view.spec.get(f"{self.kind}Probe") or {}

    @property
    def way(self) -> str:
        return next((name for name in _WAYS if self.settings.get(name)), "")

    @property
    def target(self) -> dict[str, Any]:
        return self.settings[self.way] if self.way else {}

    @property
    def pointer(self) -> str:
        return f"/spec/containers/{self.position}/{self.kind}Probe"


def contradiction(view: ContainerView, kind: str, message: str) -> Contradiction | None:
    """Return what is wrong with a probe; None when the program may be at fault.

    `kind` is `readiness`, `liveness` or `startup`, `message` what the kubelet said about it.
    """
    names = [str(spec.get("name")) for spec in spec_of(view.pod).get("containers") or ()]
    if view.init or view.name not in names or not view.spec.get(f"{kind}Probe"):
        return None
    probe = _Probe(view, kind, names.index(view.name))
    return _port(probe) or _path(probe, message) or _other_protocol(probe, message) or _command(probe, message)


def timing(view: ContainerView, kind: str, lived: float | None) -> Contradiction | None:
    """Return that a liveness or startup probe gives up too early, for the program was still starting when killed."""
    names = [str(spec.get("name")) for spec in spec_of(view.pod).get("containers") or ()]
    if view.init or view.name not in names or not view.spec.get(f"{kind}Probe"):
        return None
    probe = _Probe(view, kind, names.index(view.name))
    period, failures = int(probe.settings.get("periodSeconds") or 10), int(probe.settings.get("failureThreshold") or 3)
    delay = int(probe.settings.get("initialDelaySeconds") or 0)
    patience = delay + period * failures
    begins = int((view.spec.get("readinessProbe") or {}).get("initialDelaySeconds") or 0)
    more = (
        {"failure_threshold": min(1000, -(-3 * patience // period))}
        if kind == "startup"
        else {"initial_delay_seconds": min(3600, max(begins, 2 * patience, 60))}
    )
    evidence = cite_present(view.pod, probe.pointer)
    if kind == "liveness" and view.spec.get("startupProbe"):
        return None
    if kind == "liveness" and begins and patience <= begins:
        told = f"it gives up after {patience} s, before the readiness probe begins ({begins} s)"
    elif kind == "liveness" and patience <= _HASTY_SECONDS:
        told = f"it gives up {patience} s after the start"
    elif _was_starting(view) and lived is not None and lived <= 2 * patience + 60:
        told = f"it gives up {patience} s after the start, and the program's log shows that it was still starting"
    else:
        return None
    return Contradiction(told, evidence, more)


def set_probe(view: ContainerView, kind: str, found: Contradiction | None) -> SuggestedAction | None:
    """Return the action that mends a probe, None where nothing says how."""
    if found is None or not found.change or view.owner[0] not in {"Deployment", "StatefulSet", "DaemonSet"}:
        return None
    return action("set_probe", view.entity, found.told, container=view.name, probe=kind, **found.change)


def bound_to_loopback(view: ContainerView) -> tuple[str, tuple[Citation, ...]] | None:
    """Return that the program listens on its loopback address only, as its log says: nobody else can reach it."""
    for previous in (False, True):
        lines = view.graph.log(view.pod, view.name, previous=previous)
        for number, raw in enumerate(lines[:_TAIL], start=1):
            if match := _LOOPBACK.search(clean(raw)):
                cited = cite_log(view.pod, view.name, previous=previous, number=number, line=raw)
                return f"it listens on the loopback address only (port {match['port']})", (cited,)
    return None


def _port(probe: _Probe) -> Contradiction | None:
    view, port = probe.view, probe.target.get("port")
    declared = [entry for entry in view.spec.get("ports") or () if (entry.get("protocol") or "TCP") == "TCP"]
    others = [entry for other in spec_of(view.pod).get("containers") or () for entry in other.get("ports") or ()]
    if port is None or not declared or _listens([*declared, *others], port):
        return None
    shown = ", ".join(str(entry.get("containerPort")) for entry in declared)
    pointers = (f"{probe.pointer}/{probe.way}/port", f"/spec/containers/{probe.position}/ports")
    right = _right_port(view, probe, declared)
    change = {"port": right} if right is not None else {}
    told = f"it asks port {port}, but the container listens on {shown}"
    return Contradiction(told, cite_present(view.pod, *pointers), change)


def _right_port(view: ContainerView, probe: _Probe, declared: list[dict[str, Any]]) -> Any:
    """Return the port that a sibling probe asks, that the log names, or the only one that is declared."""
    for kind in _KINDS:
        sibling = _Probe(view, kind, probe.position)
        if kind != probe.kind and sibling.way and _listens(declared, sibling.target.get("port")):
            return sibling.target["port"]
    said = {int(match["port"]) for line in _lines(view) for match in _LISTENS.finditer(line)}
    heard = [entry["containerPort"] for entry in declared if entry.get("containerPort") in said]
    if len(heard) == 1:
        return heard[0]
    return declared[0].get("containerPort") if len(declared) == 1 else None


def _path(probe: _Probe, message: str) -> Contradiction | None:
    answer = _STATUS.search(message)
    if probe.way != "httpGet" or answer is None or answer["code"] not in {"404", "405"}:
        return None
    path = str(probe.target.get("path") or "/")
    right = _right_path(probe, path)
    told = f"it asks for {path}, which answers {answer['code']}"
    evidence = cite_present(probe.view.pod, f"{probe.pointer}/httpGet/path")
    return Contradiction(told, evidence, {"path": right} if right else {})


def _right_path(probe: _Probe, wrong: str) -> str:
    """Return the path that a sibling probe asks for, or a path of health that the program's log answers well."""
    for kind in _KINDS:
        sibling = _Probe(probe.view, kind, probe.position)
        path = str(sibling.target.get("path") or "") if sibling.way == "httpGet" else ""
        if kind != probe.kind and path and path != wrong:
            return path
    for line in _lines(probe.view):
        for match in _ASKED.finditer(line):
            path = str(match["path"] or match["field"] or "")
            if path != wrong and _HEALTHY_PATH.search(path) and _OK.search(line):
                return path
    return ""


def _other_protocol(probe: _Probe, message: str) -> Contradiction | None:
    if not _SCHEME.search(message):
        return None
    change = {"scheme": "HTTP" if _PLAIN_ANSWER.search(message) else "HTTPS"} if probe.way == "httpGet" else {}
    pointers = (f"{probe.pointer}/{probe.way}/scheme", f"{probe.pointer}/{probe.way}/port")
    return Contradiction(
        "it speaks another protocol than the container", cite_present(probe.view.pod, *pointers), change
    )


def _command(probe: _Probe, message: str) -> Contradiction | None:
    missing = _COMMAND.search(message)
    if missing is None or not probe.settings.get("exec"):
        return None
    told = f"its command does not exist in the image ({missing[0]})"
    return Contradiction(told, cite_present(probe.view.pod, f"{probe.pointer}/exec/command"))


def _listens(declared: list[dict[str, Any]], port: Any) -> bool:
    return any(port in {entry.get("name"), entry.get("containerPort")} for entry in declared)


def _lines(view: ContainerView) -> list[str]:
    found: list[str] = []
    for previous in (False, True):
        found += [clean(line) for line in view.graph.log(view.pod, view.name, previous=previous)[-_TAIL:]]
    return found


def _was_starting(view: ContainerView) -> bool:
    """Whether the log of the run that was killed says something, and not that the program was up."""
    _, lines = view.log()
    return bool(lines) and not any(_UP.search(clean(line)) for line in lines)
