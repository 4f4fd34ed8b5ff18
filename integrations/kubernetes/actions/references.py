"""What a pod template refers to."""

from collections.abc import Iterator
from typing import Any

from integrations.kubernetes.actions.patching import Obj


def containers(template: Obj) -> Iterator[Obj]:
    """Yield the containers of a pod template, init containers included."""
    spec = template.get("spec") or {}
    yield from spec.get("initContainers") or []
    yield from spec.get("containers") or []


def config_maps(template: Obj) -> set[str]:
    """Return the names of the ConfigMaps without which pods of this template do not start."""
    return mounted_config_maps(template, required=True) | environment_config_maps(template, required=True)


def mounted_config_maps(template: Obj, *, required: bool = False) -> set[str]:
    """Return the ConfigMaps that are mounted; `required` leaves out the optional ones."""
    sources: list[Any] = []
    for volume in (template.get("spec") or {}).get("volumes") or []:
        sources.append(volume.get("configMap"))
        sources += [source.get("configMap") for source in (volume.get("projected") or {}).get("sources") or []]
    return _names(sources, required=required)


def environment_config_maps(template: Obj, *, required: bool = False) -> set[str]:
    """Return the ConfigMaps that environment variables come from; `required` leaves out the optional ones."""
    sources: list[Any] = []
    for container in containers(template):
        sources += [entry.get("configMapRef") for entry in container.get("envFrom") or []]
        sources += [(entry.get("valueFrom") or {}).get("configMapKeyRef") for entry in container.get("env") or []]
    return _names(sources, required=required)


def _names(sources: list[Any], *, required: bool) -> set[str]:
    return {
        str(source["name"])
        for source in sources
        if source and source.get("name") and not (required and source.get("optional"))
    }
