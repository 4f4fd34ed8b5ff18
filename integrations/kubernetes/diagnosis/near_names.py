"""Settings that a log complains of in words nobody foresaw: known by what the container has under nearly the name.

A sentence alone proves little. It counts here when the container has a variable that is nearly what the sentence names,
or had one until its newest revision.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from integrations.kubernetes.diagnosis.changes import container_of, env_names, revisions_of
from integrations.kubernetes.diagnosis.containers import ContainerView
from integrations.kubernetes.diagnosis.crash_signs import Sign
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.missing_settings import canonical
from integrations.kubernetes.diagnosis.objects import template_of
from integrations.kubernetes.diagnosis.variables import has_env, misspelt
from integrations.kubernetes.log_fields import level_of
from integrations.kubernetes.logs import clean
from integrations.kubernetes.snapshot import Object

_ABSENT = re.compile(
    r"not (?:been )?(?:set|found|defined|configured|provided|specified|given|present)|missing|required|"
    r"undefined|unset|"
    r"(?:must not|cannot|can't|may not) be (?:null|nil|none|empty|blank)|(?:is|was) (?:null|nil|empty|blank|invalid)|"
    r"could not (?:resolve|expand|find|read)|does(?:n't| not) exist|unresolved|unknown|"
    r"no such (?:key|setting|property)|"
    r"NotPresent|\(set ",
    re.IGNORECASE,
)
_NAMES = (
    re.compile(r"\b([A-Z][A-Z0-9]*(?:__?[A-Z0-9]+)+)\b"),
    re.compile(r"[\"'`{(]([A-Za-z][\w.:-]{3,60})[\"'`})]"),
    re.compile(r"\b([a-z][\w]*(?:[.:-][A-Za-z]\w*)+)\b"),
    re.compile(r"(?:^|: |\] )([a-z][a-z_]{4,40}) (?:is|was|has) not (?:been )?(?:configured|set|defined|provided)"),
)
_TAIL, _LINE_LIMIT, _MOST_NAMES = 30, 600, 12
_CONFIDENCE = 0.85


@dataclass(frozen=True, slots=True)
class _Said:
    number: int
    text: str


def corroborated(graph: Graph, view: ContainerView, workload: Object | None, lines: tuple[str, ...]) -> Sign | None:
    """Return the setting that the end of a log misses, where the container's variables say that it is one."""
    said = list(_complaining(lines))
    removed = _removed(graph, view, workload)
    for line in said:
        for name in _named(line.text):
            if has_env(graph, view, name):
                continue
            if name in removed or misspelt(graph, view, name) is not None:
                return Sign("crash.missing_env", line.number, line.text, name, _CONFIDENCE)
    for line in said:
        words = canonical(line.text)
        for name in removed:
            parts = [part for part in name.lower().split("_") if len(part) > 2]
            if len(parts) > 1 and all(part in words for part in parts):
                return Sign("crash.missing_env", line.number, line.text, name, _CONFIDENCE)
    return None


def _complaining(lines: tuple[str, ...]) -> Iterator[_Said]:
    start = max(0, len(lines) - _TAIL)
    for number, raw in enumerate(lines[start:], start=start + 1):
        text = clean(raw)[:_LINE_LIMIT]
        if _ABSENT.search(text) and level_of(text) not in {"info", "debug"}:
            yield _Said(number, text)


def _named(text: str) -> list[str]:
    found = [match[1] for pattern in _NAMES for match in pattern.finditer(text)]
    return list(dict.fromkeys(found))[:_MOST_NAMES]


def _removed(graph: Graph, view: ContainerView, workload: Object | None) -> list[str]:
    """Return the variables that the revision before the present one gave the container and this one does not."""
    history = revisions_of(graph, workload) if workload is not None else None
    if history is None or not history.earlier:
        return []
    before = env_names(container_of(template_of(history.earlier[0]), view.name))
    return [name for name in sorted(before) if name not in env_names(view.spec) and not has_env(graph, view, name)]
