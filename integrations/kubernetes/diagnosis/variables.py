"""The variables that a container has: whether one is there, which one was probably meant, and who set it before."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from bot.domain.finding import Citation, SuggestedAction
from integrations.kubernetes.diagnosis.changes import container_of, earlier_container, env_names, is_redacted
from integrations.kubernetes.diagnosis.citations import cite_present, escape
from integrations.kubernetes.diagnosis.containers import ContainerView
from integrations.kubernetes.diagnosis.findings import action
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.missing_settings import canonical
from integrations.kubernetes.diagnosis.objects import entity, namespace_of, spec_of
from integrations.kubernetes.snapshot import Object

_NEAR = 0.85
_BEGINS_ALIKE = 0.86
_DOTNET = re.compile(r"(?P<section>ConnectionStrings|Logging|Kestrel)_(?P<rest>[A-Za-z].*)")
"""Sections of .NET's configuration that are parted from their keys by one underscore where it takes two."""
_SHORTEST = 6


@dataclass(frozen=True, slots=True)
class Misspelt:
    """A variable that was probably meant to be another one, and what would set that one."""

    name: str
    evidence: tuple[Citation, ...]
    correction: SuggestedAction | None


@dataclass(frozen=True, slots=True)
class _Variable:
    """One variable as the container gets it: from its own entry, or from a key of a ConfigMap."""

    name: str
    entry: dict[str, Any]
    config_map: Object | None
    evidence: tuple[Citation, ...]

    @property
    def is_set(self) -> bool:
        return bool(self.entry.get("value") or self.entry.get("valueFrom")) or self.config_map is not None


def has_env(graph: Graph, view: ContainerView, name: str) -> bool:
    """Say whether the container surely has a non-empty variable; frameworks read `A_B_C` as their key `a.b-c`."""
    found = [variable for variable in _variables(graph, view) if variable.name == name]
    if not found and not name.isupper():
        found = [item for item in _variables(graph, view) if canonical(item.name) == canonical(name)]
    return any(variable.is_set for variable in found)


def sets_env(template: dict[str, Any], container: str, name: str) -> bool:
    """Say whether a template gives a container the variable."""
    entry = env_names(container_of(template, container)).get(name)
    return bool(entry and (entry.get("value") or entry.get("valueFrom")))


def restore_env(graph: Graph, workload: Object | None, view: ContainerView, name: str) -> SuggestedAction | None:
    """Return the action that sets the variable as an earlier revision did; none when its value was a secret."""

    def gives(container: dict[str, Any]) -> bool:
        entry = env_names(container).get(name)
        return bool(entry and (entry.get("valueFrom") or (entry.get("value") and not is_redacted(entry["value"]))))

    found = earlier_container(graph, workload, view.name, gives)
    if found is None:
        return None
    revision, container = found
    reason = f"revision {revision} set {name}; the present one does not"
    return _set_env(view, name, env_names(container)[name], reason)


def misspelt(graph: Graph, view: ContainerView, name: str) -> Misspelt | None:
    """Return the variable that is set under nearly the wanted name; None when nothing is near enough."""
    scored = sorted(
        ((_likeness(name, variable.name), variable) for variable in _variables(graph, view) if variable.is_set),
        key=lambda pair: (-pair[0][0], pair[1].name),
    )
    if not scored or scored[0][0][0] < _NEAR or len(canonical(name)) < _SHORTEST:
        return None
    (_, prefix), variable = scored[0]
    parted = _DOTNET.fullmatch(variable.name)
    wanted = f"{parted['section']}__{parted['rest']}" if parted else f"{prefix}{_as_variable(name)}"
    return Misspelt(variable.name, variable.evidence, _rename(view, variable, wanted))


def _variables(graph: Graph, view: ContainerView) -> Iterator[_Variable]:
    field = "initContainers" if view.init else "containers"
    names = [str(item.get("name")) for item in spec_of(view.pod).get(field) or ()]
    position = names.index(view.name) if view.name in names else 0
    for index, entry in enumerate(view.spec.get("env") or ()):
        evidence = cite_present(view.pod, f"/spec/{field}/{position}/env/{index}/name")
        yield _Variable(str(entry.get("name")), entry, None, evidence)
    for source in view.spec.get("envFrom") or ():
        reference = source.get("configMapRef") or {}
        held = graph.snapshot.get("ConfigMap", namespace_of(view.pod), str(reference.get("name")))
        for key, value in sorted(((held or {}).get("data") or {}).items()):
            if held is not None:
                evidence = cite_present(held, f"/data/{escape(key)}")
                yield _Variable(f"{source.get('prefix') or ''}{key}", {"value": value}, held, evidence)


def _likeness(wanted: str, present: str) -> tuple[float, str]:
    """Return how near two names are, and the prefix that the present one has besides: programs often add one."""
    goal = canonical(wanted)
    best, prefix = SequenceMatcher(None, goal, canonical(present)).ratio(), ""
    first, _, rest = present.partition("_")
    if rest and not wanted.upper().startswith(first.upper()):
        inner = SequenceMatcher(None, goal, canonical(rest)).ratio()
        if inner > best:
            best, prefix = inner, f"{first}_"
    shorter, longer = sorted((goal, canonical(present)), key=len)
    if len(shorter) >= _SHORTEST and longer.startswith(shorter):
        best = max(best, _BEGINS_ALIKE)
    only_digits_differ = re.sub(r"\d", "", goal) == re.sub(r"\d", "", canonical(present))
    return (0.0, "") if only_digits_differ and goal != canonical(present) else (best, prefix)


def _as_variable(name: str) -> str:
    """Return the variable that frameworks read a key of their configuration from."""
    if ":" in name:
        return name.replace(":", "__")  # .NET
    return name if name.isupper() else re.sub(r"[^A-Za-z0-9]+", "_", name).upper()


def _rename(view: ContainerView, variable: _Variable, wanted: str) -> SuggestedAction | None:
    reason = f"{variable.name} is set, and nothing asks for it under that name"
    value = variable.entry.get("value")
    if variable.config_map is None:
        return _set_env(view, wanted, variable.entry, reason)
    if value and not is_redacted(value):
        return action("patch_configmap", entity(variable.config_map), reason, key=wanted, value=value)
    return None


def _set_env(view: ContainerView, name: str, entry: dict[str, Any], reason: str) -> SuggestedAction | None:
    if entry.get("valueFrom"):
        value = {"value_from": entry["valueFrom"]}
    elif entry.get("value") and not is_redacted(entry["value"]):
        value = {"value": entry["value"]}
    else:
        return None
    return action("set_env", view.entity, reason, container=view.name, name=name, **value)
