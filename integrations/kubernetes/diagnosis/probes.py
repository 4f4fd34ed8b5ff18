"""Probes that contradict what the container itself declares, or what it answers."""

import re
from typing import Any

from bot.domain.finding import Citation
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.graph import spec_of
from integrations.kubernetes.snapshot import Object

_STATUS = re.compile(r"statuscode: (?P<code>\d{3})")
_SCHEME = re.compile(r"HTTP response to HTTPS client|malformed HTTP|tls: first record|HTTP request to an HTTPS")
_WAYS = ("httpGet", "tcpSocket", "grpc")


def contradiction(pod: Object, container: str, probe: str, message: str) -> tuple[str, tuple[Citation, ...]] | None:
    """Return what is wrong with a probe itself, and where that stands; None when the program may be at fault.

    `probe` is `readinessProbe`, `livenessProbe` or `startupProbe`, `message` what the kubelet said about it.
    """
    for position, spec in enumerate(spec_of(pod).get("containers") or ()):
        settings = spec.get(probe) or {}
        way = next((name for name in _WAYS if settings.get(name)), "")
        if spec.get("name") != container or not settings:
            continue
        pointer = f"/spec/containers/{position}/{probe}"
        target = settings[way] if way else {}
        port = target.get("port")
        declared = [entry for entry in spec.get("ports") or () if (entry.get("protocol") or "TCP") == "TCP"]
        others = [entry for other in spec_of(pod).get("containers") or () for entry in other.get("ports") or ()]
        if port is not None and declared and not _listens(port, [*declared, *others]):
            shown = ", ".join(str(entry.get("containerPort")) for entry in declared)
            evidence = cite_present(pod, f"{pointer}/{way}/port", f"/spec/containers/{position}/ports")
            return f"it asks port {port}, but the container listens on {shown}", evidence
        if way == "httpGet" and (answer := _STATUS.search(message)) and answer["code"] in {"404", "405"}:
            path = target.get("path") or "/"
            return f"it asks for {path}, which answers {answer['code']}", cite_present(pod, f"{pointer}/{way}/path")
        if _SCHEME.search(message):
            evidence = cite_present(pod, f"{pointer}/{way}/scheme", f"{pointer}/{way}/port")
            return "it speaks another protocol than the container", evidence
        if (missing := _COMMAND.search(message)) and settings.get("exec"):
            return f"its command does not exist in the image ({missing[0]})", cite_present(
                pod, f"{pointer}/exec/command"
            )
        if probe == "livenessProbe" and (timing := _hasty(spec)):
            return timing, cite_present(pod, pointer)
    return None


_COMMAND = re.compile(r"executable file not found|no such file or directory|command not found")


def _listens(port: Any, declared: list[dict[str, Any]]) -> bool:
    return any(port in {entry.get("name"), entry.get("containerPort")} for entry in declared)


def _hasty(spec: dict[str, Any]) -> str:
    """Say that a liveness probe gives up before its own readiness sibling would even begin, or in next to no time."""
    live, ready = spec.get("livenessProbe") or {}, spec.get("readinessProbe") or {}
    if spec.get("startupProbe"):
        return ""
    period, failures = int(live.get("periodSeconds") or 10), int(live.get("failureThreshold") or 3)
    patience = int(live.get("initialDelaySeconds") or 0) + period * failures
    begins = int(ready.get("initialDelaySeconds") or 0)
    if begins and patience <= begins:
        return f"it gives up after {patience} s, before the readiness probe begins ({begins} s)"
    return f"it gives up {patience} s after the start" if patience <= 6 else ""
