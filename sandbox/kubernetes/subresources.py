"""Subresources other than status: scale, log, eviction, binding, resize, token, finalize and a node's proxy."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from aiohttp import web

from sandbox.kubernetes.access import Access
from sandbox.kubernetes.calls import Call
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.budgets import check_eviction
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.kinds import kind_named
from sandbox.kubernetes.objects import Obj, clone, now_text, set_condition
from sandbox.kubernetes.pod_logs import ContainerLog, Line, PodLogs
from sandbox.kubernetes.resources import deletion_of, json_response, patch_change, read_one
from sandbox.kubernetes.selectors import selector_text
from sandbox.kubernetes.watching import is_hung_up

_LOOK_SECONDS = 5.0
_SUCCESS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


class Subresources:
    """Answers calls on subresources."""

    def __init__(self, cluster: Cluster, access: Access, logs: PodLogs) -> None:
        self.cluster = cluster
        self.access = access
        self.logs = logs

    async def answer(self, call: Call) -> web.StreamResponse:
        if call.subresource == "scale":
            return await self._scale(call)
        if call.subresource == "log":
            return await self._log(call)
        if call.subresource == "eviction":
            return await self._evict(call)
        if call.subresource == "binding":
            return await self._bind(call)
        if call.subresource == "resize":
            return await self._resize(call)
        if call.subresource == "token":
            return self._token(call)
        if call.subresource == "proxy":
            return self._proxy(call)
        return json_response(json.dumps(read_one(self.cluster, call)))

    async def _scale(self, call: Call) -> web.Response:
        obj = read_one(self.cluster, call)
        if call.verb == "get":
            return json_response(json.dumps(_scale_of(obj)))
        if call.verb == "patch":
            change = patch_change(call.request.content_type, await call.request.text())
            wanted = change(_scale_of(obj))
        else:
            wanted = await call.body()
        replicas = (wanted.get("spec") or {}).get("replicas", 0)

        def change_replicas(draft: Obj) -> Obj:
            version = (wanted.get("metadata") or {}).get("resourceVersion")
            if version:
                draft["metadata"]["resourceVersion"] = version
            draft["spec"]["replicas"] = replicas
            return draft

        after = self.cluster.update(call.kind, call.namespace, call.name, change_replicas, call.write())
        return json_response(json.dumps(_scale_of(after)))

    async def _log(self, call: Call) -> web.StreamResponse:
        pod = read_one(self.cluster, call)
        name = _container(call, pod)
        uid = pod["metadata"]["uid"]
        previous = call.flag("previous")
        log = self.logs.previous(uid, name) if previous else self.logs.current(uid, name)
        if log is None:
            raise _no_log(call, pod, name, previous=previous)
        lines, written = _selected(call, log), log.written
        timestamps = call.flag("timestamps")
        if not call.flag("follow"):
            text = "".join(line.shown(timestamps) for line in lines)
            limit = int(call.query.get("limitBytes") or 0)
            raw = text.encode()[: limit or None]
            return web.Response(text=raw.decode(errors="ignore"), content_type="text/plain")
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        with contextlib.suppress(ConnectionError):  # The client hung up, which is how following usually ends.
            await response.prepare(call.request)
            await response.write("".join(line.shown(timestamps) for line in lines).encode())
            await _follow(call, log, response, written)
            await response.write_eof()
        return response

    async def _evict(self, call: Call) -> web.Response:
        body = await call.body()
        pod = read_one(self.cluster, call)
        deletion = deletion_of(body.get("deleteOptions") or {}, call)
        check_eviction(self.cluster, pod)
        self.cluster.delete(call.kind, call.namespace, call.name, deletion)
        return json_response(json.dumps(_SUCCESS), 201)

    async def _bind(self, call: Call) -> web.Response:
        body = await call.body()
        pod = read_one(self.cluster, call)
        node = self.cluster.store.get("Node", "", (body.get("target") or {}).get("name", ""))
        if node is None:
            raise StatusError.not_found(kind_named("Node"), (body.get("target") or {}).get("name", ""))
        if pod["spec"].get("nodeName"):
            why = f'pod {call.name} is already assigned to node "{pod["spec"]["nodeName"]}"'
            raise StatusError.conflict(call.kind, call.name, why)
        if not call.write().dry_run:
            bound = clone(pod)
            bound["spec"]["nodeName"] = node["metadata"]["name"]
            set_condition(bound["status"], "PodScheduled", "True", lastProbeTime=None)
            self.cluster.store.replace("Pod", bound)
        return json_response(json.dumps(_SUCCESS), 201)

    async def _resize(self, call: Call) -> web.Response:
        if call.verb == "get":
            return json_response(json.dumps(read_one(self.cluster, call)))
        if call.verb == "patch":
            change = patch_change(call.request.content_type, await call.request.text())
        else:
            body = await call.body()
            change = lambda _: body  # noqa: E731 - a name for either way to get there
        after = self.cluster.update(call.kind, call.namespace, call.name, change, call.write())
        return json_response(json.dumps(after))

    def _token(self, call: Call) -> web.Response:
        read_one(self.cluster, call)
        token = self.access.token_for(call.namespace, call.name)
        expires = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": call.name, "namespace": call.namespace, "creationTimestamp": now_text()},
            "spec": {"audiences": ["https://kubernetes.default.svc"], "expirationSeconds": 3600},
            "status": {"token": token, "expirationTimestamp": expires},
        }
        return json_response(json.dumps(body), 201)

    def _proxy(self, call: Call) -> web.Response:
        """Serve the kubelet's cAdvisor metrics, of which people look at the CFS throttling counters."""
        read_one(self.cluster, call)
        if call.rest != "metrics/cadvisor":
            raise StatusError.no_such_path()
        text = self.cluster.usage.cadvisor(self.cluster.store, call.name)
        return web.Response(text=text, content_type="text/plain")


async def _follow(call: Call, log: ContainerLog, response: web.StreamResponse, written: int) -> None:
    """Send the lines after the first `written` until the run ends or the client is gone."""
    timestamps = call.flag("timestamps")
    while not log.ended or log.written > written:
        if log.written == written:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await log.wait()
            if is_hung_up(call.request):
                return
        fresh = list(islice(reversed(log.lines), min(log.written - written, len(log.lines))))
        written = log.written
        if fresh:
            await response.write("".join(line.shown(timestamps) for line in reversed(fresh)).encode())


def _scale_of(obj: Obj) -> Obj:
    metadata = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in kept},
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": {
            "replicas": obj.get("status", {}).get("replicas", 0),
            "selector": selector_text(obj["spec"].get("selector")),
        },
    }


def _container(call: Call, pod: Obj) -> str:
    spec = pod["spec"]
    names = [c["name"] for c in (*spec["containers"], *spec.get("initContainers", ()))]
    asked = call.query.get("container")
    if asked:
        if asked not in names:
            raise StatusError.bad_request(f"container {asked} is not valid for pod {call.name}")
        return str(asked)
    if len(spec["containers"]) > 1:
        regular = " ".join(c["name"] for c in spec["containers"])
        raise StatusError.bad_request(
            f"a container name must be specified for pod {call.name}, choose one of: [{regular}]"
        )
    return str(names[0])


def _no_log(call: Call, pod: Obj, name: str, *, previous: bool) -> StatusError:
    if previous:
        return StatusError.bad_request(f'previous terminated container "{name}" in pod "{call.name}" not found')
    statuses = (*pod["status"].get("containerStatuses", ()), *pod["status"].get("initContainerStatuses", ()))
    reason = next((s["state"].get("waiting", {}).get("reason") for s in statuses if s["name"] == name), None)
    if not pod["spec"].get("nodeName"):
        return StatusError.bad_request(f"pod {call.name} does not have a host assigned")
    failing = {
        "ErrImagePull": "trying and failing to pull image",
        "ImagePullBackOff": "trying and failing to pull image",
    }
    why = failing.get(reason or "", reason or "ContainerCreating")
    return StatusError.bad_request(f'container "{name}" in pod "{call.name}" is waiting to start: {why}')


def _selected(call: Call, log: ContainerLog) -> list[Line]:
    lines: Iterator[Line] | list[Line] = list(log.lines)
    since = call.query.get("sinceSeconds")
    moment = call.query.get("sinceTime")
    if since or moment:
        start = datetime.fromisoformat(moment) if moment else datetime.now(UTC) - timedelta(seconds=float(since))
        lines = [line for line in lines if line.at >= start]
    tail = call.query.get("tailLines")
    selected = list(lines)
    if tail is not None:
        selected = selected[-int(tail) :] if int(tail) else []
    return selected
