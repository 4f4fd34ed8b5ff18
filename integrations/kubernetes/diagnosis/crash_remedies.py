"""What would give a crashing container what it misses: a file, a key of a ConfigMap, a permission, a port."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from bot.domain.finding import Citation, SuggestedAction
from integrations.kubernetes.diagnosis.changes import container_of, is_redacted
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.containers import ContainerView
from integrations.kubernetes.diagnosis.findings import action
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import namespace_of, spec_of
from integrations.kubernetes.snapshot import Object


@dataclass(frozen=True, slots=True)
class Place:
    """Where a missing file should come from. `config_map` and `key` are set when a ConfigMap lacks the key."""

    explanation: str
    confidence: float
    config_map: str = ""
    key: str = ""
    evidence: tuple[Citation, ...] = ()


def locate(graph: Graph, view: ContainerView, path: str) -> Place:
    """Say why a file is not there, from the container's mounts and the ConfigMaps behind them."""
    file = PurePosixPath(path)
    for mount, volume in _mounts(view.spec, spec_of(view.pod)):
        root = PurePosixPath(str(mount.get("mountPath")))
        if file != root and root not in file.parents:
            continue
        source = volume.get("configMap") or {}
        if not (name := str(source.get("name") or "")):
            return Place(f"the volume {volume.get('name')} mounted at {root} does not hold it", 0.75)
        found = graph.snapshot.get("ConfigMap", namespace_of(view.pod), name)
        if found is None:
            return Place(f"it should come from ConfigMap {name}, which was not seen", 0.7)
        key = _key_for(source, mount, str(file.relative_to(root)) if file != root else file.name)
        data = found.get("data") or {}
        if key in data or key in (found.get("binaryData") or {}):
            return Place(f"ConfigMap {name} holds {key}, but the container does not see it", 0.6)
        held = ", ".join(sorted(data)[:5]) or "nothing"
        explanation = f"ConfigMap {name}, mounted at {root}, has no key {key} (it holds {held})"
        pointer = "/data" if data else "/metadata/name"
        return Place(explanation, 0.95, name, key, cite_present(found, pointer))
    if not file.is_absolute():
        return Place("the image lacks it", 0.8)
    paths = sorted(str(mount.get("mountPath")) for mount, _ in _mounts(view.spec, spec_of(view.pod)))
    others = ", ".join(path for path in paths if not path.startswith("/var/run/secrets/")) or "none"
    return Place(f"no volume is mounted there (mounts: {others})", 0.92)


def provides(graph: Graph, view: ContainerView, template: dict[str, Any], path: str) -> bool:
    """Say whether an earlier template mounts something that gives the file."""
    file = PurePosixPath(path)
    present = {str(mount.get("mountPath")): volume for mount, volume in _mounts(view.spec, spec_of(view.pod))}
    for mount, volume in _mounts(container_of(template, view.name), template.get("spec") or {}):
        root = PurePosixPath(str(mount.get("mountPath")))
        if file != root and root not in file.parents:
            continue
        source = volume.get("configMap") or {}
        found = graph.snapshot.get("ConfigMap", namespace_of(view.pod), str(source.get("name") or ""))
        if source and found is not None:
            key = _key_for(source, mount, str(file.relative_to(root)) if file != root else file.name)
            return key in (found.get("data") or {}) or key in (found.get("binaryData") or {})
        return present.get(str(mount.get("mountPath"))) != volume
    return not file.is_absolute()


def fill_key(graph: Graph, view: ContainerView, place: Place) -> SuggestedAction | None:
    """Return the action that adds the missing key with the value another ConfigMap of the namespace has under it."""
    if not place.config_map:
        return None
    namespace = namespace_of(view.pod)
    for other in graph.all("ConfigMap"):
        value = (other.get("data") or {}).get(place.key)
        if namespace_of(other) != namespace or not value or is_redacted(value):
            continue
        name = other["metadata"]["name"]
        if name.rsplit("-", 1)[0] not in place.config_map and place.config_map.rsplit("-", 1)[0] not in name:
            continue  # an unrelated program's file of the same name is not a remedy
        reason = f"ConfigMap {name} of the same namespace holds {place.key}"
        target = f"ConfigMap/{namespace}/{place.config_map}"
        return action("patch_configmap", target, reason, key=place.key, value=value)
    return None


def _mounts(container: dict[str, Any], spec: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield a container's mounts with their volumes, the longest paths first."""
    volumes = {volume.get("name"): volume for volume in spec.get("volumes") or ()}
    mounts = sorted(container.get("volumeMounts") or (), key=lambda mount: -len(str(mount.get("mountPath"))))
    for mount in mounts:
        yield mount, volumes.get(mount.get("name")) or {}


def _key_for(source: dict[str, Any], mount: dict[str, Any], relative: str) -> str:
    """Return the ConfigMap key behind a file of its volume."""
    wanted = str(mount.get("subPath") or relative)
    for item in source.get("items") or ():
        if item.get("path") == wanted:
            return str(item.get("key"))
    return wanted


def claim_of(pod: Object, container: Object, line: str) -> str | None:
    """Return the PersistentVolumeClaim on which a path of a line lies, or the only one a container mounts."""
    volumes = {volume.get("name"): volume for volume in spec_of(pod).get("volumes") or ()}
    mounted: list[tuple[str, str]] = []
    for mount in container.get("volumeMounts") or ():
        source = (volumes.get(mount.get("name")) or {}).get("persistentVolumeClaim") or {}
        if name := source.get("claimName"):
            mounted.append((str(mount.get("mountPath")), f"PersistentVolumeClaim/{namespace_of(pod)}/{name}"))
    named = [claim for path, claim in sorted(mounted, reverse=True) if path in line]
    if named:
        return named[0]
    return mounted[0][1] if len(mounted) == 1 and "/tmp" not in line else None  # noqa: S108 - compared with only


def mounted_at(view: ContainerView, line: str) -> tuple[str, tuple[Citation, ...]] | None:
    """Return the mount on which a path of a line lies, with what decides who may use it."""
    field = "initContainers" if view.init else "containers"
    for position, container in enumerate(spec_of(view.pod).get(field) or ()):
        if container.get("name") != view.name:
            continue
        for number, mount in enumerate(container.get("volumeMounts") or ()):
            path = str(mount.get("mountPath") or "").rstrip("/")
            if len(path) > 1 and re.search(rf"{re.escape(path)}(?=[/\s'\":,;)]|$)", line):
                pointer = f"/spec/{field}/{position}/volumeMounts/{number}"
                return path, (
                    *cite_present(view.pod, f"{pointer}/mountPath", f"{pointer}/readOnly"),
                    *security_of(view),
                )
    return None


def security_of(view: ContainerView) -> tuple[Citation, ...]:
    """Cite as whom and with which rights a container runs."""
    field = "initContainers" if view.init else "containers"
    found = cite_present(view.pod, "/spec/securityContext/runAsUser", "/spec/securityContext/fsGroup")
    for position, container in enumerate(spec_of(view.pod).get(field) or ()):
        if container.get("name") == view.name:
            pointer = f"/spec/{field}/{position}/securityContext"
            found += cite_present(view.pod, f"{pointer}/runAsUser", f"{pointer}/readOnlyRootFilesystem")
    return found


def sharing_port(view: ContainerView, line: str) -> tuple[Citation, ...]:
    """Cite the name and the port of another container of the pod that declares a port which the line names."""
    for position, container in enumerate(spec_of(view.pod).get("containers") or ()):
        for number, port in enumerate(container.get("ports") or ()):
            if container.get("name") != view.name and re.search(rf"\b{port.get('containerPort')}\b", line):
                pointer = f"/spec/containers/{position}"
                return cite_present(view.pod, f"{pointer}/name", f"{pointer}/ports/{number}/containerPort")
    return ()
