"""OpenAPI documents, as much of them as kubectl apply, explain and the version check read."""

import json
from functools import lru_cache
from typing import Any

from sandbox.kubernetes.kinds import Kind, group_versions
from sandbox.kubernetes.objects import Obj
from sandbox.kubernetes.schema import SCHEMAS, Shape

_QUERY = ("dryRun", "fieldManager", "fieldValidation", "force")
_METADATA = {"name": "string", "namespace": "string", "labels": "object", "annotations": "object"}


def document(path: str) -> str | None:
    """Return the JSON behind an /openapi/ path, or None. Documents are built when first asked for."""
    if path == "/openapi/v3":
        paths = {_place(group, version): None for group, version, _ in group_versions()}
        return json.dumps({"paths": {p: {"serverRelativeURL": f"/openapi/v3/{p}?hash=1"} for p in paths}})
    if path == "/openapi/v2":
        return _version_two()
    wanted = path.removeprefix("/openapi/v3/")
    for group, version, kinds in group_versions():
        if _place(group, version) == wanted:
            return _group_document(wanted, tuple(kinds))
    return None


def _place(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


@lru_cache(maxsize=64)
def _group_document(place: str, kinds: tuple[Kind, ...]) -> str:
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for kind in kinds:
        schemas[_schema_name(kind)] = _schema(kind)
        scope = "/namespaces/{namespace}" if kind.namespaced else ""
        paths[f"/{place}{scope}/{kind.plural}/{{name}}"] = {
            verb: _operation(kind, verb) for verb in ("get", "put", "patch", "delete")
        }
        paths[f"/{place}{scope}/{kind.plural}"] = {verb: _operation(kind, verb) for verb in ("get", "post")}
    shown = {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.32.4"}, "paths": paths}
    return json.dumps({**shown, "components": {"schemas": schemas}})


def _operation(kind: Kind, verb: str) -> Obj:
    action = {"get": "get", "put": "put", "patch": "patch", "delete": "delete", "post": "post"}[verb]
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in _QUERY]
    operation: Obj = {
        "description": f"{action} the specified {kind.name}",
        "operationId": f"{action}{kind.name}",
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _identity(kind),
    }
    if verb == "patch":
        # Strategic merge is left out on purpose: kubectl then uses its own merge keys for built-in kinds.
        types = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")
        operation["requestBody"] = {"content": {t: {"schema": {"type": "object"}} for t in types}}
    return operation


def _identity(kind: Kind) -> dict[str, str]:
    return {"group": kind.group, "version": kind.version, "kind": kind.name}


def _schema_name(kind: Kind) -> str:
    group = kind.group.partition(".")[0] or "core"
    return f"io.k8s.api.{group}.{kind.version}.{kind.name}"


def _schema(kind: Kind) -> Obj:
    properties: Obj = {
        "apiVersion": {"type": "string", "description": "The versioned schema of this representation."},
        "kind": {"type": "string", "description": "The REST resource this object represents."},
        "metadata": {
            "type": "object",
            "description": "Standard object metadata.",
            "properties": {name: {"type": shape} for name, shape in _METADATA.items()},
        },
    }
    shape = SCHEMAS.get(kind.name)
    if shape is not None:
        properties.update({name: _property(name, below) for name, below in shape.items()})
    else:
        properties |= {name: {"type": "object", "description": f"The {name} of the object."} for name in ("spec",)}
    if "status" in kind.subresources:
        properties["status"] = {"type": "object", "description": "The most recently observed state."}
    return {
        "type": "object",
        "description": f"{kind.name} of {kind.api_version}.",
        "properties": properties,
        "x-kubernetes-group-version-kind": [_identity(kind)],
    }


def _property(name: str, shape: Shape | None) -> Obj:
    if shape is None:
        return {"description": f"The {name} of the object.", "type": "object"}
    if shape == {}:
        return {"description": f"The {name} of the object.", "type": "string"}
    if isinstance(shape, list):
        return {"type": "array", "description": f"The list of {name}.", "items": _property(name, shape[0])}
    properties = {below: _property(below, content) for below, content in shape.items()}
    return {"type": "object", "description": f"The {name} of the object.", "properties": properties}


@lru_cache(maxsize=1)
def _version_two() -> str:
    definitions = {_schema_name(kind): _schema(kind) for _, _, kinds in group_versions() for kind in kinds}
    shown = {"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.32.4"}, "paths": {}}
    return json.dumps({**shown, "definitions": definitions})
