"""A tiny client of a Kubernetes API server, for scenarios and tests: JSON in, JSON out, over the network only."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import aiohttp

from sandbox.kubernetes.objects import Obj

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
_POLL_SECONDS = 0.05


class APIError(Exception):
    """The server answered with a failure; `status` is the HTTP code, the text is its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ClusterClient:
    """Use as `async with ClusterClient(url, token, ca) as client`; `ca` is PEM, None for plain http."""

    def __init__(self, url: str, token: str, certificate_authority: bytes | None = None) -> None:
        self.url = url
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": "sandbox-scenario/1"}
        self._tls: ssl.SSLContext | None = None
        if certificate_authority is not None:
            self._tls = ssl.create_default_context(cadata=certificate_authority.decode())
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(
        self, method: str, path: str, body: Any = None, *, content_type: str = "application/json", **query: str
    ) -> Obj:
        """Send one request. Raise APIError on an answer of 400 and above."""
        if self._session is None:
            raise RuntimeError("the client is used outside its `async with`")
        tls: ssl.SSLContext | bool = self._tls if self._tls is not None else True
        headers = {"Content-Type": content_type}
        async with self._session.request(
            method, self.url + path, json=body, params=query, headers=headers, ssl=tls
        ) as response:
            answer: Obj = await response.json(content_type=None)
            if response.status >= 400:
                raise APIError(response.status, str(answer.get("message", response.status)))
            return answer

    async def get(self, path: str, **query: str) -> Obj:
        return await self.request("GET", path, **query)

    async def find(self, path: str) -> Obj | None:
        """Return an object, or None when it does not exist."""
        try:
            return await self.get(path)
        except APIError as error:
            if error.status == 404:
                return None
            raise

    async def items(self, path: str, **query: str) -> list[Obj]:
        return list((await self.get(path, **query))["items"])

    async def wait_until(self, question: Callable[[], Awaitable[bool]], what: str, seconds: float = 30.0) -> None:
        """Ask until the answer is yes. Raise TimeoutError, saying `what` did not happen, after `seconds`."""
        deadline = time.monotonic() + seconds
        while not await question():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not happen within {seconds:g} s")
            await asyncio.sleep(_POLL_SECONDS)
