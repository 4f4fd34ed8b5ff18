"""Read-only tools for a model: bounded to the incident's namespace, redacted, capped in size, never a Secret."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.domain.entity import ObjectRef
from bot.domain.redaction import redact
from bot.errors import InvalidInput, OncallError
from bot.ports.evidence import EvidenceTool, Gathered
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.diagnosis.changes import compare_templates
from integrations.kubernetes.diagnosis.objects import (
    controller_of,
    name_of,
    revision_of,
    spec_of,
    status_of,
    template_of,
)
from integrations.kubernetes.kinds import kind_named
from integrations.kubernetes.snapshot import Object, event_time, redact_object

_MAX_CHARACTERS = 24_000
_CALL_SECONDS = 10.0
_CLUSTER_READABLE = frozenset({"Node", "StorageClass", "PersistentVolume", "NodeMetrics"})
_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}

Arguments = dict[str, Any]


@dataclass(slots=True)
class ReadTool:
    """One tool; `run` gets arguments that hold every required name."""

    name: str
    description: str
    input_schema: dict[str, Any]
    run: Callable[[Arguments], Awaitable[Any]]

    async def call(self, arguments: Arguments) -> Any:
        """See `EvidenceTool.call`."""
        allowed, required = self.input_schema["properties"], self.input_schema["required"]
        if unknown := sorted(set(arguments) - set(allowed)):
            return {"error": f"{self.name} has no argument {', '.join(unknown)}."}
        if missing := [name for name in required if arguments.get(name) in {None, ""}]:
            return {"error": f"{self.name} needs {', '.join(missing)}."}
        for name, value in arguments.items():
            wanted = {"string": str, "integer": int, "boolean": bool}[allowed[name]["type"]]
            if value is not None and (not isinstance(value, wanted) or (wanted is int and isinstance(value, bool))):
                return {"error": f"{name} has to be of type {allowed[name]['type']}."}
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                return _bounded(await self.run(arguments))
        except TimeoutError:
            return {"error": f"The cluster gave no answer within {_CALL_SECONDS:g} s."}
        except OncallError as error:
            return {"error": redact(error.message)}


def build_tools(client: KubernetesClient, namespace: str, gathered: Gathered) -> tuple[EvidenceTool, ...]:
    """Return the tools for one incident."""
    tools = _Tools(client, namespace, gathered)
    return (
        _tool("list_evidence", "List what was gathered, one sentence each.", {}, tools.list_evidence),
        _tool("get_evidence", "Return one piece of evidence with its raw JSON.", {"id": _TEXT}, tools.get_evidence),
        _tool("get_object", "Read one object of the incident's namespace, or a Node.", {"kind": _TEXT, "name": _TEXT},
              tools.get_object),
        _tool("list_objects", "List the objects of a kind with their state, in the incident's namespace.",
              {"kind": _TEXT}, tools.list_objects),
        _tool("get_events", "List the events about one object, newest first.", {"kind": _TEXT, "name": _TEXT},
              tools.get_events),
        _tool("get_logs", "Read the end of a container's log; `grep` keeps lines that contain a literal text.",
              {"pod": _TEXT, "container": _TEXT}, tools.get_logs,
              optional={"previous": {"type": "boolean"}, "tail_lines": _NUMBER, "grep": _TEXT}),
        _tool("rollout_history", "List a Deployment's revisions with their images and ready pods.", {"name": _TEXT},
              tools.rollout_history),
        _tool("compare_revisions", "Say what changed between two revisions of a Deployment.",
              {"name": _TEXT, "a": _NUMBER, "b": _NUMBER}, tools.compare_revisions),
    )  # fmt: skip


def _tool(
    name: str,
    description: str,
    required: dict[str, Any],
    run: Callable[[Arguments], Awaitable[Any]],
    *,
    optional: dict[str, Any] | None = None,
) -> ReadTool:
    schema = {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }
    return ReadTool(name, description, schema, run)


class _Tools:
    def __init__(self, client: KubernetesClient, namespace: str, gathered: Gathered) -> None:
        self._client = client
        self._namespace = namespace
        self._evidence = {item.id: item for item in gathered.evidence}

    async def list_evidence(self, arguments: Arguments) -> Any:  # noqa: ARG002 - every tool has the same shape
        return [
            {"id": item.id, "source": item.source, "label": item.label, "status": item.status, "detail": item.detail}
            for item in self._evidence.values()
        ]

    async def get_evidence(self, arguments: Arguments) -> Any:
        item = self._evidence.get(arguments["id"])
        if item is None:
            raise InvalidInput(f"There is no evidence {arguments['id']}; there are {', '.join(self._evidence)}.")
        return item.model_dump(mode="json")

    async def get_object(self, arguments: Arguments) -> Any:
        return redact_object(await self._client.get(self._ref(arguments["kind"], arguments["name"])))

    async def list_objects(self, arguments: Arguments) -> Any:
        kind = kind_named(arguments["kind"])
        if not kind.namespaced and kind.name not in _CLUSTER_READABLE:
            raise InvalidInput(f"{kind.name} lies outside the incident's namespace.")
        found = await self._client.list(kind.name, self._namespace if kind.namespaced else None)
        return [_brief(redact_object(item)) for item in found]

    async def get_events(self, arguments: Arguments) -> Any:
        ref = self._ref(arguments["kind"], arguments["name"])
        selector = f"involvedObject.kind={ref.kind},involvedObject.name={ref.name}"
        events = await self._client.list("Event", self._namespace, field_selector=selector)
        events.sort(key=event_time, reverse=True)
        return [
            {
                "last_seen": event_time(event),
                "type": event.get("type"),
                "reason": event.get("reason"),
                "message": redact(str(event.get("message") or "")),
                "count": event.get("count", 1),
            }
            for event in events[:60]
        ]

    async def get_logs(self, arguments: Arguments) -> Any:
        tail = max(1, min(int(arguments.get("tail_lines") or 200), 2000))
        text = await self._client.logs(
            self._namespace,
            arguments["pod"],
            arguments["container"],
            previous=bool(arguments.get("previous")),
            tail_lines=tail,
        )
        lines = redact(text).splitlines()
        if wanted := arguments.get("grep"):
            lines = [line for line in lines if wanted in line]
        return {"lines": lines}

    async def rollout_history(self, arguments: Arguments) -> Any:
        return [
            {
                "revision": revision_of(item),
                "replica_set": name_of(item),
                "created": (item.get("metadata") or {}).get("creationTimestamp"),
                "replicas": spec_of(item).get("replicas"),
                "ready": status_of(item).get("readyReplicas", 0),
                "images": [c.get("image") for c in (template_of(item).get("spec") or {}).get("containers") or ()],
            }
            for item in await self._revisions(arguments["name"])
        ]

    async def compare_revisions(self, arguments: Arguments) -> Any:
        found = {revision_of(item): item for item in await self._revisions(arguments["name"])}
        a, b = arguments["a"], arguments["b"]
        if missing := [str(number) for number in (a, b) if number not in found]:
            known = ", ".join(str(number) for number in sorted(found))
            raise InvalidInput(f"There is no revision {' or '.join(missing)}; there are {known}.")
        return {"from": a, "to": b, "changes": compare_templates(template_of(found[a]), template_of(found[b]))}

    async def _revisions(self, name: str) -> list[Object]:
        sets = [redact_object(item) for item in await self._client.list("ReplicaSet", self._namespace)]
        own = [item for item in sets if (controller_of(item) or {}).get("name") == name]
        return sorted(own, key=revision_of)

    def _ref(self, kind: str, name: str) -> ObjectRef:
        served = kind_named(kind)
        if served.namespaced:
            return ObjectRef(kind=served.name, namespace=self._namespace, name=name)
        if served.name not in _CLUSTER_READABLE:
            raise InvalidInput(f"{served.name} lies outside the incident's namespace.")
        return ObjectRef(kind=served.name, name=name)


def _brief(item: Object) -> dict[str, Any]:
    metadata = item.get("metadata") or {}
    return {
        "name": metadata.get("name"),
        "labels": metadata.get("labels"),
        "created": metadata.get("creationTimestamp"),
        "status": item.get("status") or item.get("endpoints") or item.get("data") or item.get("containers"),
    }


def _bounded(value: Any) -> Any:
    """Return the value, or as much of it as fits with a word about what is missing."""
    if len(json.dumps(value, default=str)) <= _MAX_CHARACTERS:
        return value
    if isinstance(value, list):
        return {"items": _fitting(value), "note": f"cut: {len(value)} in all"}
    if isinstance(value, dict) and isinstance(value.get("lines"), list):
        kept = list(reversed(_fitting(list(reversed(value["lines"])))))
        return {**value, "lines": kept, "note": f"cut: the last {len(kept)} of {len(value['lines'])} lines"}
    return {"text": json.dumps(value, default=str)[:_MAX_CHARACTERS], "note": "cut: ask for something smaller"}


def _fitting(items: list[Any]) -> list[Any]:
    kept: list[Any] = []
    size = 0
    for item in items:
        size += len(json.dumps(item, default=str)) + 2
        if size > _MAX_CHARACTERS:
            break
        kept.append(item)
    return kept
