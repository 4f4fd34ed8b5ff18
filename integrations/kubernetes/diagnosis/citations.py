"""Citations: pointers into the snapshot, made and checked by the same rules."""

from typing import Any

from bot.domain.finding import Citation
from integrations.kubernetes.snapshot import Object, Snapshot, key_of


def cite(item: Object, pointer: str) -> Citation:
    """Cite what stands at a JSON pointer of an object, event or metric. Raise LookupError when nothing does."""
    kind, namespace, name = key_of(item)
    origin = {"Event": "event", "PodMetrics": "metric", "NodeMetrics": "metric"}.get(kind, "object")
    return Citation.model_validate(
        {
            "kind": origin,
            "entity": "/".join(part for part in (kind, namespace, name) if part),
            "pointer": pointer,
            "value": value_at(item, pointer),
        }
    )


def cite_present(item: Object, *pointers: str) -> tuple[Citation, ...]:
    """Cite those of the pointers at which something stands."""
    found = []
    for pointer in pointers:
        try:
            found.append(cite(item, pointer))
        except LookupError:
            continue
    return tuple(found)


def cite_log(pod: Object, container: str, *, previous: bool, number: int, line: str) -> Citation:
    """Cite a line of a log; `number` counts from 1, `line` is the line as the snapshot holds it."""
    _, namespace, name = key_of(pod)
    pointer = f"{container}:{'previous' if previous else 'current'}:{number}"
    return Citation(kind="log", entity=f"Pod/{namespace}/{name}", pointer=pointer, value=line)


def value_at(document: Any, pointer: str) -> Any:
    """Return what stands at a JSON pointer (RFC 6901). Raise LookupError when nothing does."""
    if pointer and not pointer.startswith("/"):
        raise LookupError(pointer)
    for part in pointer.split("/")[1:]:
        step = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list):
            if not step.isdigit():
                raise LookupError(pointer)
            document = document[int(step)]
        elif isinstance(document, dict):
            document = document[step]  # KeyError is a LookupError
        else:
            raise LookupError(pointer)  # noqa: TRY004 - nothing stands there, whatever the reason
    return document


def escape(part: str) -> str:
    """Return a key as it is written inside a JSON pointer."""
    return part.replace("~", "~0").replace("/", "~1")


def resolve_citation(snapshot: Snapshot, citation: Citation) -> Any:
    """Return what the snapshot holds where a citation points to. Raise LookupError when there is nothing."""
    kind, _, rest = citation.entity.partition("/")
    namespace, _, name = rest.rpartition("/")
    if citation.kind == "log":
        container, run, number = citation.pointer.rsplit(":", 2)
        lines = snapshot.logs[(namespace, name, container, run == "previous")]
        return lines[int(number) - 1]
    key = (kind, namespace, name)
    if citation.kind == "metric":
        return value_at(snapshot.metrics[key], citation.pointer)
    if citation.kind == "event":
        return value_at(next(event for event in _events(snapshot, key)), citation.pointer)
    return value_at(snapshot.objects[key], citation.pointer)


def _events(snapshot: Snapshot, key: tuple[str, str, str]) -> list[Object]:
    found = [event for event in snapshot.events if key_of(event) == key]
    if not found:
        raise LookupError(key)
    return found
