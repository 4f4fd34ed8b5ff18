"""The verbs on resources: get, list, create, update, patch, delete, and which code answers each subresource."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.kubernetes.apply import apply_configuration
from sandbox.kubernetes.calls import Call, parse_document, parse_object
from sandbox.kubernetes.cluster import Cluster, Deletion
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.kinds import Kind
from sandbox.kubernetes.listing import ListQuery, list_text, read_objects
from sandbox.kubernetes.objects import Obj, clone
from sandbox.kubernetes.patching import json_patch, merge_patch, strategic_merge
from sandbox.kubernetes.strictness import unknown_fields
from sandbox.kubernetes.tables import table_of, wants_table
from sandbox.kubernetes.views import present, receive

Answer = Callable[[Call], Awaitable[web.StreamResponse]]


def json_response(text: str, status: int = 200, warnings: tuple[str, ...] = ()) -> web.Response:
    response = web.Response(text=text, status=status, content_type="application/json")
    for warning in warnings:
        response.headers.add("Warning", f'299 - "{warning}"')
    return response


class Resources:
    """Answers calls on objects themselves and on their status."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.store = cluster.store

    async def answer(self, call: Call) -> web.StreamResponse:
        """Answer a call without a subresource, or on `status`."""
        if call.verb == "get":
            return self._shown(call, read_one(self.cluster, call))
        if call.verb == "list":
            return self._list(call)
        if call.verb == "create":
            return await self._create(call)
        if call.verb in ("update", "patch"):
            return await self._change(call)
        return await self._delete(call)

    def _shown(self, call: Call, obj: Obj, status: int = 200, warnings: tuple[str, ...] = ()) -> web.Response:
        if wants_table(call.request):
            return json_response(json.dumps(table_of(call, [obj], obj["metadata"])), status, warnings)
        shown = present(call.kind, obj)
        return json_response(json.dumps(shown, separators=(",", ":")), status, warnings)

    def _list(self, call: Call) -> web.Response:
        query = ListQuery.read(call)
        page = query.page(read_objects(self.cluster, call.kind, call.namespace), self.store.version)
        if wants_table(call.request):
            return json_response(json.dumps(table_of(call, page.items, page.metadata)))
        return json_response(list_text(self.store, call.kind, page))

    async def _create(self, call: Call) -> web.Response:
        if call.name:
            raise StatusError.method_not_allowed()
        body = await call.body()
        check_type(call.kind, body)
        warnings = check_strictness(call, body)
        namespace = call.namespace
        if call.kind.namespaced and not namespace:
            raise StatusError.method_not_allowed()
        made = self.cluster.create(call.kind, namespace, receive(call.kind, body), call.write())
        return self._shown(call, made, 201, warnings)

    async def _change(self, call: Call) -> web.Response:
        if not call.name:
            raise StatusError.method_not_allowed()
        if call.verb == "update":
            body = await call.body()
            check_type(call.kind, body)
            warnings = check_strictness(call, body)
            if body.get("metadata", {}).get("name", call.name) != call.name:
                message = "the name of the object does not match the name on the URL"
                raise StatusError.bad_request(message)
            body.setdefault("metadata", {})["name"] = call.name
            after = self.cluster.update(call.kind, call.namespace, call.name, lambda _: body, call.write())
            return self._shown(call, after, 200, warnings)
        text = await call.request.text()
        if call.request.content_type == "application/apply-patch+yaml":
            configuration = parse_object(text, "yaml")
            warnings = check_strictness(call, configuration)
            after, created = apply_configuration(self.cluster, call, configuration)
            return self._shown(call, after, 201 if created else 200, warnings)
        change = patch_change(call.request.content_type, text)
        warnings_found: list[str] = []

        def checked(draft: Obj) -> Obj:
            patched = change(draft)
            warnings_found.extend(check_strictness(call, patched))
            return patched

        after = self.cluster.update(call.kind, call.namespace, call.name, checked, call.write())
        return self._shown(call, after, 200, tuple(warnings_found))

    async def _delete(self, call: Call) -> web.Response:
        deletion = await read_deletion(call)
        if call.verb == "delete":
            gone = self.cluster.delete(call.kind, call.namespace, call.name, deletion)
            still = self.store.get(call.kind.storage, call.namespace, call.name)
            if still is not None and not deletion.dry_run:
                return self._shown(call, still)
            return json_response(json.dumps(_deleted(call.kind, gone)))
        query = ListQuery.read(call)
        chosen = [obj for obj in self.store.list_of(call.kind.storage, call.namespace or None) if query.matches(obj)]
        for obj in chosen:
            metadata = obj["metadata"]
            self.cluster.delete(call.kind, metadata.get("namespace", ""), metadata["name"], deletion)
        page = query.page(chosen, self.store.version)
        return json_response(list_text(self.store, call.kind, page))


def read_one(cluster: Cluster, call: Call) -> Obj:
    """Return the object a call names. Raise StatusError 404."""
    for obj in read_objects(cluster, call.kind, call.namespace, call.name):
        return obj
    raise StatusError.not_found(call.kind, call.name)


def patch_change(content_type: str, text: str) -> Callable[[Obj], Obj]:
    """Return what a patch body does to an object. Raise StatusError 415 on another content type."""
    patch: Any = parse_document(text, content_type)
    if content_type == "application/json-patch+json":
        return lambda draft: json_patch(draft, patch)
    if content_type == "application/merge-patch+json":
        return lambda draft: _as_object(merge_patch(draft, patch))
    if content_type == "application/strategic-merge-patch+json":
        return lambda draft: _as_object(strategic_merge(draft, clone(patch)))
    raise StatusError.unsupported_media()


def _as_object(value: Any) -> Obj:
    if not isinstance(value, dict):
        raise StatusError.bad_request("the patch does not describe an object")
    return value


def check_type(kind: Kind, body: Obj) -> None:
    """Raise StatusError 400 when the body is of another kind than the path."""
    stated = (body.get("apiVersion"), body.get("kind"))
    if stated[0] not in (None, "", kind.api_version) or stated[1] not in (None, "", kind.name):
        raise StatusError.bad_request(
            f'{stated[1]} in version "{stated[0]}" cannot be handled as a {kind.name}: '
            f'no kind "{stated[1]}" is registered for version "{stated[0]}"'
        )


def check_strictness(call: Call, body: Obj) -> tuple[str, ...]:
    """Meet `fieldValidation`: Strict refuses unknown fields with 400, Warn (the default) returns warnings."""
    mode = call.query.get("fieldValidation", "Warn")
    if mode == "Ignore":
        return ()
    found = [f'unknown field "{path}"' for path in unknown_fields(call.kind.name, body)]
    if found and mode == "Strict":
        subject = f'{call.kind.name} in version "{call.kind.version}" cannot be handled as a {call.kind.name}'
        raise StatusError.bad_request(f"{subject}: strict decoding error: {', '.join(found)}")
    return tuple(found)


async def read_deletion(call: Call) -> Deletion:
    """Read DeleteOptions from the body and the query; the body wins, as in the real server."""
    readable = call.request.can_read_body and "protobuf" not in call.request.content_type
    text = await call.request.text() if readable else ""
    options: Obj = {}
    if text.strip():
        try:
            options = parse_object(text, call.request.content_type)
        except StatusError as error:
            raise StatusError.bad_request(f"invalid DeleteOptions: {error.message}") from error
    return deletion_of(options, call)


def deletion_of(options: Obj, call: Call) -> Deletion:
    grace = options.get("gracePeriodSeconds", call.query.get("gracePeriodSeconds"))
    conditions = options.get("preconditions") or {}
    propagation = options.get("propagationPolicy") or call.query.get("propagationPolicy") or "Background"
    if options.get("orphanDependents") or call.flag("orphanDependents"):
        propagation = "Orphan"
    return Deletion(
        grace=None if grace is None else max(0, int(grace)),
        propagation=propagation,
        uid=conditions.get("uid"),
        version=conditions.get("resourceVersion"),
        dry_run=call.write().dry_run or "All" in (options.get("dryRun") or ()),
    )


def _deleted(kind: Kind, obj: Obj) -> Obj:
    details = {"name": obj["metadata"]["name"], "kind": kind.plural, "uid": obj["metadata"]["uid"]}
    if kind.group:
        details["group"] = kind.group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
