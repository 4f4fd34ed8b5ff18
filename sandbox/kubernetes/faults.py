"""Trouble on demand: slow answers, error answers and dropped connections, by path and verb."""

import asyncio
import re
from dataclasses import dataclass, field

from sandbox.kubernetes.errors import StatusError

_STATUSES = {
    429: ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
    500: ("InternalError", "Internal error occurred: the sandbox was asked to fail"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "request did not complete within the allotted timeout"),
}


class ConnectionDropped(Exception):  # noqa: N818 - it is an order to the server, not an error of ours
    """The connection is to be closed without an answer."""


@dataclass(slots=True)
class Fault:
    """One kind of trouble. `remaining` counts down to none; None lasts until it is removed."""

    path: re.Pattern[str]
    verb: str
    status: int | None
    delay: float
    reset: bool
    retry_after: int | None
    remaining: int | None


@dataclass(slots=True)
class Faults:
    """The faults in force, first match wins; `latency` (seconds) is added to every answer."""

    latency: float = 0.0
    _faults: list[Fault] = field(default_factory=list)

    def add(
        self,
        path: str = "",
        *,
        verb: str = "",
        status: int | None = None,
        delay: float = 0.0,
        reset: bool = False,
        retry_after: int | None = None,
        times: int | None = None,
    ) -> Fault:
        """Make requests whose path contains the pattern `path` (a regular expression) fail.

        `verb` is an API verb (get, list, watch, create, update, patch, delete) or empty for any; `status` 429, 500, 503
        or 504; `delay` seconds before the answer; `reset` closes the connection; `times` limits how often.
        """
        fault = Fault(re.compile(path), verb, status, delay, reset, retry_after, times)
        self._faults.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        if fault in self._faults:
            self._faults.remove(fault)

    def clear(self) -> None:
        self._faults.clear()
        self.latency = 0.0

    async def meet(self, path: str, verb: str) -> None:
        """Apply what is in force to one request: wait, raise StatusError, or raise ConnectionDropped."""
        if self.latency:
            await asyncio.sleep(self.latency)
        for fault in self._faults:
            if (fault.verb and fault.verb != verb) or not fault.path.search(path):
                continue
            if fault.remaining is not None:
                fault.remaining -= 1
                if fault.remaining <= 0:
                    self._faults.remove(fault)
            await self._apply(fault)
            return

    @staticmethod
    async def _apply(fault: Fault) -> None:
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.reset:
            raise ConnectionDropped
        if fault.status is not None:
            reason, message = _STATUSES.get(fault.status, ("Unknown", "an error on the server prevented the request"))
            details = {"retryAfterSeconds": fault.retry_after} if fault.retry_after is not None else {}
            raise StatusError(fault.status, reason, message, details, fault.retry_after)
