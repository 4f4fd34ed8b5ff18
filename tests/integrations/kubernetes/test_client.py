"""The client against a small server that refuses in every way an API server does."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.domain.entity import ObjectRef
from bot.errors import (
    AuthenticationFailed,
    Conflict,
    InvalidInput,
    InvalidResponse,
    NotFound,
    OncallError,
    SettingsError,
    Unavailable,
)
from bot.settings import KubernetesSettings
from integrations.kubernetes.client import JSON_PATCH, KubernetesClient
from integrations.kubernetes.kinds import KINDS, kind_named

POD = ObjectRef(kind="Pod", namespace="shop", name="web-1")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def kubeconfig(path: Path, server: str, token: str = "t-1") -> Path:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {"token": token}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


@asynccontextmanager
async def connected(handler: Handler, tmp_path: Path) -> AsyncIterator[KubernetesClient]:
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handler)
    async with TestServer(app) as server:
        path = kubeconfig(tmp_path / "config", f"http://127.0.0.1:{server.port}")
        client = await KubernetesClient.connect(KubernetesSettings(K8S_CONFIG_PATH=path))
        try:
            yield client
        finally:
            await client.close()


def status(code: int, message: str = "told so", **details: Any) -> web.Response:
    body = {"kind": "Status", "status": "Failure", "message": message, "code": code, "details": details}
    return web.json_response(body, status=code)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (lambda: status(401, "Unauthorized"), AuthenticationFailed, "Unauthorized"),
        (lambda: status(403, 'User "bot" cannot get pods'), AuthenticationFailed, "cannot get pods"),
        (lambda: status(404, 'pods "web-1" not found'), NotFound, "not found"),
        (lambda: status(409, "object has been modified"), Conflict, "modified"),
        (lambda: status(410, "too old"), Conflict, "too old"),
        (lambda: status(400, "bad selector"), InvalidInput, "bad selector"),
        (lambda: status(422, "invalid", causes=[{"field": "spec.x", "message": "must be 1"}]), InvalidInput,
         "spec.x: must be 1"),
        (lambda: status(429, "slow down"), Unavailable, "slow down"),
        (lambda: status(500, "etcd away"), Unavailable, "etcd away"),
        (lambda: web.Response(status=503, text="bad gateway"), Unavailable, "bad gateway"),
        (lambda: web.Response(status=302, headers={"Location": "/"}), Unavailable, "Could not read"),
        (lambda: web.Response(text="<html>"), InvalidResponse, "not JSON"),
        (lambda: web.json_response([1]), InvalidResponse, "JSON object"),
    ],
)  # fmt: skip
async def test_every_refusal_becomes_one_of_ours(
    answer: Callable[[], web.Response], error: type[OncallError], words: str, tmp_path: Path
) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return answer()

    async with connected(handle, tmp_path) as client:
        with pytest.raises(error, match=words) as caught:
            await client.get(POD)
    assert caught.value.message.startswith("Could not read Pod/shop/web-1")


async def test_the_server_says_when_to_come_back(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": "7"}, text="busy")

    async with connected(handle, tmp_path) as client:
        with pytest.raises(Unavailable) as caught:
            await client.version()
    assert caught.value.retry_after == 7.0


async def test_a_server_that_is_away_is_unavailable(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", "http://127.0.0.1:1")
    client = await KubernetesClient.connect(KubernetesSettings(K8S_CONFIG_PATH=path))
    with pytest.raises(Unavailable) as caught:
        await client.version()
    assert caught.value.__cause__ is not None
    await client.close()


async def test_lists_are_read_page_by_page_and_typed(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        assert request.path == "/api/v1/namespaces/shop/pods"
        assert request.query["labelSelector"] == "app=web"
        page = int(request.query.get("continue", "0"))
        following = {"continue": str(page + 1)} if page < 2 else {}
        return web.json_response({"items": [{"metadata": {"name": f"p{page}"}}], "metadata": following})

    async with connected(handle, tmp_path) as client:
        found = await client.list("Pod", "shop", label_selector="app=web")
    assert [(item["kind"], item["metadata"]["name"]) for item in found] == [("Pod", "p0"), ("Pod", "p1"), ("Pod", "p2")]


async def test_an_expired_page_restarts_the_list_once(tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append(dict(request.query))
        if "continue" in request.query:
            return status(410, "The provided continue parameter is too old")
        if "limit" in request.query:
            return web.json_response({"items": [{"metadata": {"name": "a"}}], "metadata": {"continue": "x"}})
        return web.json_response({"items": [{"metadata": {"name": name}} for name in "abc"], "metadata": {}})

    async with connected(handle, tmp_path) as client:
        found = await client.list("Pod", "shop")
    assert [item["metadata"]["name"] for item in found] == ["a", "b", "c"]
    assert len(seen) == 3


async def test_a_list_that_expires_forever_ends(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if "continue" in request.query:
            return status(410, "too old")
        return web.json_response({"items": [], "metadata": {"continue": "x"}})

    async with connected(handle, tmp_path) as client:
        with pytest.raises(Conflict):
            await client.list("Pod", "shop")


async def test_writes_say_who_writes_and_whether_it_is_a_rehearsal(tmp_path: Path) -> None:
    calls: list[tuple[str, str, dict[str, str], str, Any]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.text())
        calls.append((request.method, request.path, dict(request.query), request.content_type, body))
        return web.json_response({"metadata": {"name": "web"}})

    web_ref = ObjectRef(kind="Deployment", namespace="shop", name="web")
    patch = [{"op": "test", "path": "/metadata/uid", "value": "u"}]
    async with connected(handle, tmp_path) as client:
        await client.patch(web_ref, patch, content_type=JSON_PATCH, dry_run=True, subresource="scale")
        await client.create("Pod", "shop", {"metadata": {"name": "x"}}, name="web-1", subresource="eviction")
        await client.delete(POD, uid="u", resource_version="7", grace_period_seconds=0, dry_run=True)
    dry = {"fieldManager": "oncall-agent", "dryRun": "All"}
    scale = "/apis/apps/v1/namespaces/shop/deployments/web/scale"
    assert calls[0] == ("PATCH", scale, dry, "application/json-patch+json", patch)
    assert calls[1][:3] == ("POST", "/api/v1/namespaces/shop/pods/web-1/eviction", {"fieldManager": "oncall-agent"})
    assert calls[2][4]["preconditions"] == {"uid": "u", "resourceVersion": "7"}
    assert (calls[2][4]["gracePeriodSeconds"], calls[2][4]["dryRun"]) == (0, ["All"])


async def test_logs_and_permissions(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/log"):
            assert request.query["tailLines"] == "5"
            return web.Response(text=f"{request.query.get('previous', 'current')}\n")
        spec = (await request.json())["spec"]["resourceAttributes"]
        return web.json_response({"status": {"allowed": spec["verb"] == "get"}})

    async with connected(handle, tmp_path) as client:
        assert await client.logs("shop", "web-1", "main", previous=True, tail_lines=5) == "true\n"
        assert await client.can_i("get", "pods", namespace="shop")
        assert not await client.can_i("delete", "pods", namespace="shop")


async def test_expired_credentials_are_read_anew_once(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers["Authorization"])
        return status(401, "expired")

    seen: list[str] = []
    async with connected(handle, tmp_path) as client:
        with pytest.raises(AuthenticationFailed):
            await client.version()
    assert len(seen) == 2


async def test_reads_run_together(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.1)
        return web.json_response({"items": [], "metadata": {}, "gitVersion": "v1.34.0"})

    async with connected(handle, tmp_path) as client:
        await client.version()
        started = time.perf_counter()
        await asyncio.gather(*(client.list("Pod", f"ns-{number}") for number in range(20)))
        assert time.perf_counter() - started < 1.0  # one after the other they take two seconds


@pytest.mark.parametrize("content", ["", "a: [", "kind: Config\n"])
async def test_a_bad_kubeconfig_is_one_sentence(content: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(SettingsError):
        await KubernetesClient.connect(KubernetesSettings(K8S_CONFIG_PATH=path))
    with pytest.raises(SettingsError, match="does not exist"):
        await KubernetesClient.connect(KubernetesSettings(K8S_CONFIG_PATH=tmp_path / "none"))


def test_kinds_have_short_names_and_leave_out_secrets() -> None:
    assert kind_named("deploy") is kind_named("Deployments") is KINDS["Deployment"]
    assert kind_named("pods") is KINDS["Pod"]
    for name in ("Secret", "secrets", "nonsense"):
        with pytest.raises(InvalidInput):
            kind_named(name)


async def test_a_name_cannot_leave_its_path(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        paths.append(request.raw_path)
        return web.json_response({})

    paths: list[str] = []
    async with connected(handle, tmp_path) as client:
        await client.get(ObjectRef(kind="Pod", namespace="shop", name="../../secrets/x"))
        with pytest.raises(InvalidInput):
            await client.get(ObjectRef(kind="Pod", name="web-1"))
    assert paths == ["/api/v1/namespaces/shop/pods/..%2F..%2Fsecrets%2Fx"]
