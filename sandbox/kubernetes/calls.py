"""What a request asks for: its path, its verb and its body, read once and handed on."""

import json
from dataclasses import dataclass
from typing import Any

import yaml
from aiohttp import web

from sandbox.kubernetes.access import Request, User
from sandbox.kubernetes.cluster import Write
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.kinds import Kind, find_kind
from sandbox.kubernetes.objects import Obj
from sandbox.kubernetes.protobuf import decode_simple

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_TRUE = ("true", "1")


@dataclass(frozen=True, slots=True)
class Call:
    """A request for a resource. `namespace` is empty across namespaces, `name` for a collection."""

    request: web.Request
    user: User
    kind: Kind
    namespace: str
    name: str
    subresource: str
    verb: str
    rest: str = ""

    @property
    def query(self) -> Any:
        return self.request.query

    @property
    def attributes(self) -> Request:
        """What RBAC decides on."""
        resource = f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural
        return Request(self.verb, self.kind.group, resource, self.namespace, self.name)

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() in _TRUE

    def write(self, operation: str = "Update") -> Write:
        """Return the way this request writes. Raise StatusError 400 on an unknown dryRun value."""
        dry_run = self.query.getall("dryRun", [])
        if any(value not in ("All", "") for value in dry_run):
            message = f'Invalid value: "{dry_run[0]}": supported values: "All"'
            raise StatusError.bad_request(f"dryRun: {message}")
        manager = self.query.get("fieldManager") or _manager_of(self.request)
        subresource = self.subresource if self.subresource in ("status", "scale", "resize") else ""
        return Write(manager, subresource, "All" in dry_run, operation)

    async def body(self) -> Obj:
        """Read the body as an object from JSON or YAML. Raise StatusError 400 when it is neither, 415 for protobuf."""
        if "protobuf" in self.request.content_type:
            if self.subresource == "eviction":
                return {}  # Its name is in the path, and its options are those of a plain delete.
            decoded = decode_simple(await self.request.read(), self.kind.name)
            if decoded is not None:
                return decoded
            message = f"the sandbox reads a {self.kind.name} as JSON or YAML (kubectl apply -f), not as protobuf"
            raise StatusError(415, "UnsupportedMediaType", message)
        text = await self.request.text()
        return parse_object(text, self.request.content_type)


def parse_object(text: str, content_type: str) -> Obj:
    value = parse_document(text, content_type)
    if not isinstance(value, dict):
        raise StatusError.bad_request("the object provided is unrecognized (must be of type object)")
    return value


def parse_document(text: str, content_type: str) -> Any:
    """Read JSON, or YAML where the content type says so. Raise StatusError 400 when it does not parse."""
    try:
        return yaml.safe_load(text) if "yaml" in content_type else json.loads(text)
    except (ValueError, yaml.YAMLError) as error:
        raise StatusError.bad_request(f"the object provided is unrecognized: {error}") from error


def parse_call(request: web.Request, user: User) -> Call:
    """Read `/api/v1/...` or `/apis/GROUP/VERSION/...`. Raise StatusError 404 when nothing is served there."""
    parts = [part for part in request.path.split("/") if part]
    group, version, rest = ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
    namespace = ""
    if len(rest) >= 3 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource, *more = [*rest, "", "", ""][: max(len(rest), 3)]
    kind = find_kind(group, version, plural)
    if kind is None or (namespace and not kind.namespaced) or (subresource and subresource not in kind.subresources):
        raise StatusError.no_such_path()
    if kind.name == "Namespace" and name:
        namespace = ""
    verb = _verb(request, name)
    return Call(request, user, kind, namespace, name, subresource, verb, "/".join(more))


def _verb(request: web.Request, name: str) -> str:
    if request.method in ("GET", "HEAD"):
        if request.query.get("watch", "").lower() in _TRUE:
            return "watch"
        return "get" if name else "list"
    if request.method == "DELETE":
        return "delete" if name else "deletecollection"
    if request.method in _VERBS:
        return _VERBS[request.method]
    raise StatusError.method_not_allowed()


def _manager_of(request: web.Request) -> str:
    """Without a fieldManager the real server takes the first part of the User-Agent."""
    agent = request.headers.get("User-Agent", "unknown")
    return agent.partition("/")[0].partition(" ")[0][:128] or "unknown"
