"""The only caller of the Kubernetes library.

Everything travels as raw JSON: the library's typed models take ten times as long to build and refuse objects that the
server itself finds complete enough to store. The library is imported on first use, in a thread: that takes most of a
second and tens of megabytes that no other command has to pay for.
"""

import asyncio
import importlib
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import yaml

from bot.domain.entity import ObjectRef
from bot.errors import AuthenticationFailed, Conflict, InvalidInput, InvalidResponse, SettingsError, Unavailable
from bot.settings import KubernetesSettings
from integrations.kubernetes.errors import VENDOR, error_of
from integrations.kubernetes.kinds import KINDS, Kind, kind_named

FIELD_MANAGER = "oncall-agent"
_PAGE_SIZE = 500
_CONNECTIONS = 32
_REQUEST_SECONDS = 30.0  # an upper bound: sources of evidence and actions set tighter ones around their calls

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"


class KubernetesClient:
    """One cluster over one pool of connections; safe for any number of concurrent calls.

    Every method raises `Unavailable` (away, overloaded, timed out), `AuthenticationFailed` (401, 403),
    `NotFound`, `Conflict` (409), `InvalidInput` (400, 422 with the server's causes) or `InvalidResponse`.
    """

    def __init__(self, api: Any, reload_credentials: Callable[[], Awaitable[None]] | None = None) -> None:
        """Use `connect`. `api` is the library's ApiClient; `reload_credentials` is tried once on a 401."""
        self._api = api
        self._reload_credentials = reload_credentials

    @classmethod
    async def connect(cls, settings: KubernetesSettings) -> Self:
        """Read credentials as the settings say; open no connection yet.

        Raise SettingsError when the kubeconfig is missing or malformed, or when there is none at all.
        """
        client = await asyncio.to_thread(importlib.import_module, "kubernetes.aio.client")
        config = await asyncio.to_thread(importlib.import_module, "kubernetes.aio.config")
        configuration = client.Configuration()
        configuration.connection_pool_maxsize = _CONNECTIONS
        reload_credentials: Callable[[], Awaitable[None]] | None = None
        try:
            if not _load_in_cluster(settings, config, configuration):
                path = str(settings.config_path) if settings.config_path else None
                loader = await config.load_kube_config(
                    path, settings.context, client_configuration=configuration, persist_config=False
                )

                async def reload_from_kubeconfig() -> None:
                    await loader.load_and_set(configuration)

                reload_credentials = reload_from_kubeconfig
        except (config.ConfigException, OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
            raise SettingsError(
                f"The kubeconfig cannot be used: {error}", next_step="Set K8S_CONFIG_PATH and K8S_CONTEXT."
            ) from error
        if _is_loopback(configuration.host):
            configuration.client_session_kwargs = {"trust_env": False}  # a proxy cannot reach this machine's loopback
        return cls(client.ApiClient(configuration), reload_credentials)

    async def get(self, ref: ObjectRef) -> dict[str, Any]:
        """Return one object."""
        kind = kind_named(ref.kind)
        answer = await self._json("GET", _path(kind, ref.namespace, ref.name), what=f"read {ref}")
        return _typed(answer, kind)

    async def list(
        self,
        kind: str,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> list[dict[str, Any]]:
        """Return all objects of a kind in one namespace, or in all; each item carries `kind` and `apiVersion`."""
        served = kind_named(kind)
        what = f"list {served.plural}" + (f" in {namespace}" if namespace else "")
        query = {"limit": str(_PAGE_SIZE), "labelSelector": label_selector, "fieldSelector": field_selector}
        items: list[dict[str, Any]] = []
        restarted = False
        while True:
            try:
                page = await self._json("GET", _path(served, namespace), what=what, query=query)
            except Conflict:  # 410: the list changed too much between two pages, so read it again in one piece
                if restarted or "continue" not in query:
                    raise
                restarted = True
                items, query = [], {"labelSelector": label_selector, "fieldSelector": field_selector}
                continue
            found = page.get("items") or []
            if not isinstance(found, list):
                raise InvalidResponse(f"Could not {what}: the answer holds no items.", vendor=VENDOR)
            items += [_typed(item, served) for item in found]
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return items
            query["continue"] = token

    async def patch(
        self,
        ref: ObjectRef,
        body: Any,
        *,
        content_type: str = STRATEGIC_MERGE_PATCH,
        dry_run: bool = False,
        subresource: str | None = None,
    ) -> dict[str, Any]:
        """Patch one object and return it as the server now has it, or would have it (`dry_run`)."""
        kind = kind_named(ref.kind)
        return await self._json(
            "PATCH",
            _path(kind, ref.namespace, ref.name, subresource),
            what=f"patch {ref}" + (f"'s {subresource}" if subresource else ""),
            query=_write_query(dry_run=dry_run),
            body=body,
            content_type=content_type,
        )

    async def create(
        self,
        kind: str,
        namespace: str | None,
        body: dict[str, Any],
        *,
        name: str | None = None,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Create an object, or with `name` and `subresource` something such as a pod's eviction."""
        served = kind_named(kind)
        return await self._json(
            "POST",
            _path(served, namespace, name, subresource),
            what=f"create {subresource or served.name} {name or (body.get('metadata') or {}).get('name', '')}".strip(),
            query=_write_query(dry_run=dry_run),
            body=body,
        )

    async def delete(
        self,
        ref: ObjectRef,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
        grace_period_seconds: int | None = None,
    ) -> dict[str, Any]:
        """Delete one object, only if it still is the one with `uid` and `resource_version`; else raise Conflict."""
        kind = kind_named(ref.kind)
        preconditions = {key: value for key, value in (("uid", uid), ("resourceVersion", resource_version)) if value}
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if preconditions:
            options["preconditions"] = preconditions
        if grace_period_seconds is not None:
            options["gracePeriodSeconds"] = grace_period_seconds
        if dry_run:
            options["dryRun"] = ["All"]
        return await self._json("DELETE", _path(kind, ref.namespace, ref.name), what=f"delete {ref}", body=options)

    async def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        previous: bool = False,
        tail_lines: int = 500,
        limit_bytes: int = 262144,
        timestamps: bool = True,
    ) -> str:
        """Return the end of a container's log. Raise InvalidInput when the container has not started yet."""
        query = {
            "container": container,
            "tailLines": str(tail_lines),
            "limitBytes": str(limit_bytes),
            "timestamps": "true" if timestamps else None,
            "previous": "true" if previous else None,
        }
        what = f"read the {'previous ' if previous else ''}log of {pod}/{container}"
        content = await self._send("GET", _path(KINDS["Pod"], namespace, pod, "log"), what=what, query=query)
        return content.decode(errors="replace")

    async def can_i(
        self, verb: str, resource: str, *, group: str = "", namespace: str | None = None, subresource: str = ""
    ) -> bool:
        """Ask the server whether we may do this."""
        attributes = {"verb": verb, "resource": resource, "group": group, "subresource": subresource}
        if namespace:
            attributes["namespace"] = namespace
        review = await self._json(
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            what=f"ask whether {verb} {resource} is allowed",
            body={
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            },
        )
        return bool((review.get("status") or {}).get("allowed"))

    async def version(self) -> str:
        """Return the server's version, such as `v1.32.3`."""
        return str((await self._json("GET", "/version", what="read the server's version")).get("gitVersion", ""))

    async def close(self) -> None:
        """Close all connections."""
        await self._api.close()

    async def _json(
        self,
        method: str,
        path: str,
        *,
        what: str,
        query: Mapping[str, str | None] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        content = await self._send(method, path, what=what, query=query, body=body, content_type=content_type)
        try:
            answer = json.loads(content)
        except ValueError as error:
            raise InvalidResponse(f"Could not {what}: the answer is not JSON.", vendor=VENDOR) from error
        if not isinstance(answer, dict):
            raise InvalidResponse(f"Could not {what}: the answer is not a JSON object.", vendor=VENDOR)
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        *,
        what: str,
        query: Mapping[str, str | None] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> bytes:
        """Send one request and return the answer's body; with expired credentials once more after reading them anew."""
        url = path + (f"?{text}" if (text := urlencode({k: v for k, v in (query or {}).items() if v})) else "")
        status, headers, content = await self._exchange(method, url, what, body, content_type)
        if status == 401 and self._reload_credentials is not None:
            try:
                await self._reload_credentials()
            except (OSError, ValueError, KeyError) as error:
                raise AuthenticationFailed(f"Could not {what}: {error}", vendor=VENDOR) from error
            status, headers, content = await self._exchange(method, url, what, body, content_type)
        if not 200 <= status < 300:
            raise error_of(status, headers, content, what)
        return content

    async def _exchange(
        self, method: str, url: str, what: str, body: Any, content_type: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        header = {"Accept": "application/json, */*"}
        if body is not None:
            header["Content-Type"] = content_type
        try:
            request = await self._api.param_serialize(
                method, url, header_params=header, body=body, auth_settings=["BearerToken"]
            )
            response = await self._api.call_api(*request, _request_timeout=_REQUEST_SECONDS)
            content: bytes = await response.read()
        except TimeoutError as error:
            raise Unavailable(f"Could not {what}: no answer within {_REQUEST_SECONDS:.0f} s.", vendor=VENDOR) from error
        except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError) as error:
            raise AuthenticationFailed(
                f"Could not {what}: the server's certificate is not trusted.",
                vendor=VENDOR,
                next_step="Check certificate-authority-data of the kubeconfig.",
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"Could not {what}: {error or type(error).__name__}.", vendor=VENDOR) from error
        return response.status, response.headers, content


def _load_in_cluster(settings: KubernetesSettings, config: Any, configuration: Any) -> bool:
    """Use the pod's own ServiceAccount unless a kubeconfig was asked for. Return whether there is one."""
    if settings.config_path is not None or settings.context is not None:
        if settings.config_path is not None and not Path(settings.config_path).expanduser().is_file():
            raise SettingsError(
                f"The kubeconfig {settings.config_path} does not exist.", next_step="Correct K8S_CONFIG_PATH."
            )
        return False
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return urlsplit(host).hostname in {"localhost", "127.0.0.1", "::1"}


def _path(kind: Kind, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
    if kind.namespaced and name and not namespace:
        raise InvalidInput(f"{kind.name} {name} lives in a namespace, and none was given.")
    return kind.path(
        quote(namespace, safe="") if namespace else None, quote(name, safe="") if name else None, subresource
    )


def _write_query(*, dry_run: bool) -> dict[str, str | None]:
    return {"fieldManager": FIELD_MANAGER, "dryRun": "All" if dry_run else None}


def _typed(item: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """Set what the server leaves out of the items of a list."""
    item.setdefault("kind", kind.name)
    item.setdefault("apiVersion", kind.api_version)
    return item
