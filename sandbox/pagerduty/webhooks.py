"""Signed V3 webhooks: subscriptions, and the delivery of each event with retries.

Events are ordered per subscription and incident: an event that waits for its retry holds back the later ones of the
same incident and nothing else.
"""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import aiohttp

from sandbox.pagerduty.faults import Faults
from sandbox.traffic import TrafficLog

USER_AGENT: Final = "PagerDuty-Webhook/V3.0"

Outcome = Literal["delivered", "dropped", "expired", "lost", "disabled"]


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How patient the sender is; all in seconds. The defaults are PagerDuty's, tests shorten them."""

    timeout: float = 5.0
    first_delay: float = 1.0
    delay_factor: float = 2.0
    longest_delay: float = 600.0
    give_up_after: float = 48 * 3600.0
    drops_before_disabling: int = 3
    disabled_for: float = 24 * 3600.0


@dataclass(slots=True)
class Subscription:
    """Where events go. `secrets` holds one while nothing rotates, two during a rotation; `events` empty means all."""

    id: str
    url: str
    secrets: list[str]
    events: frozenset[str] = frozenset()
    service_id: str | None = None
    description: str = ""
    custom_headers: Mapping[str, str] = field(default_factory=dict)
    active: bool = True
    drops_in_a_row: int = 0
    disabled_until: float = 0.0

    def wants(self, event_type: str, service_id: str | None) -> bool:
        return self.active and (not self.events or event_type in self.events) and (
            self.service_id is None or service_id is None or self.service_id == service_id
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one event: `webhook_id` is its X-Webhook-Id, `attempts` the requests made for it."""

    webhook_id: str
    subscription_id: str
    event_type: str
    outcome: Outcome
    attempts: int


def sign(body: bytes, secrets: list[str]) -> str:
    """Return the X-PagerDuty-Signature header for a raw body."""
    digests = (hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join(f"v1={digest}" for digest in digests)


class WebhookSender:
    """Keeps the subscriptions and delivers events to them. `deliveries` holds the newest 2,000 outcomes."""

    def __init__(self, *, traffic: TrafficLog, faults: Faults, policy: DeliveryPolicy) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self.deliveries: deque[Delivery] = deque(maxlen=2_000)
        self._traffic, self._faults, self._policy = traffic, faults, policy
        self._queues: dict[tuple[str, str], deque[tuple[str, dict[str, Any]]]] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=32))

    async def stop(self) -> None:
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        self._queues.clear()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def settle(self) -> None:
        """Wait until every event published so far has its outcome."""
        while self._workers:
            await asyncio.gather(*self._workers)

    def publish(self, body: dict[str, Any], *, incident_id: str, service_id: str | None) -> None:
        """Send {"event": ...} to every subscription that wants it."""
        for subscription in self.subscriptions.values():
            if subscription.wants(body["event"]["event_type"], service_id):
                self.send(subscription, body, incident_id)

    def send(self, subscription: Subscription, body: dict[str, Any], incident_id: str = "") -> None:
        """Queue one event for one subscription, behind the earlier ones of the same incident."""
        key = (subscription.id, incident_id)
        queue = self._queues.get(key)
        if queue is not None:
            queue.append((str(uuid.uuid4()), body))
            return
        self._queues[key] = deque([(str(uuid.uuid4()), body)])
        worker = asyncio.create_task(self._drain(subscription, key), name=f"webhooks-{subscription.id}-{incident_id}")
        self._workers.add(worker)
        worker.add_done_callback(self._workers.discard)

    async def _drain(self, subscription: Subscription, key: tuple[str, str]) -> None:
        queue = self._queues[key]
        try:
            while queue:
                webhook_id, body = queue.popleft()
                outcome, attempts = await self._deliver(subscription, webhook_id, body)
                self._note(subscription, outcome)
                event_type = body["event"]["event_type"]
                self.deliveries.append(Delivery(webhook_id, subscription.id, event_type, outcome, attempts))
        finally:
            self._queues.pop(key, None)

    def _note(self, subscription: Subscription, outcome: Outcome) -> None:
        """Three drops in a row switch a subscription off for a day."""
        if outcome == "delivered":
            subscription.drops_in_a_row = 0
        elif outcome in {"dropped", "expired"}:
            subscription.drops_in_a_row += 1
            if subscription.drops_in_a_row >= self._policy.drops_before_disabling:
                subscription.disabled_until = time.monotonic() + self._policy.disabled_for
                subscription.drops_in_a_row = 0

    async def _deliver(self, subscription: Subscription, webhook_id: str, body: dict[str, Any]) -> tuple[Outcome, int]:
        """Try until the receiver takes the event, refuses it, or time is up."""
        if subscription.disabled_until > time.monotonic():
            return "disabled", 0
        if self._faults.take_lost_webhook():
            return "lost", 0
        raw = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        deadline = time.monotonic() + self._policy.give_up_after
        delay, attempts = self._policy.first_delay, 0
        while True:
            attempts += 1
            status = await self._attempt(subscription, webhook_id, raw)
            if status is not None and 200 <= status < 300:
                return "delivered", attempts
            if status is not None and status < 500 and status != 429:
                return "dropped", attempts
            if time.monotonic() + delay > deadline:
                return "expired", attempts
            await asyncio.sleep(delay)
            delay = min(delay * self._policy.delay_factor, self._policy.longest_delay)

    async def _attempt(self, subscription: Subscription, webhook_id: str, raw: bytes) -> int | None:
        """Make one request; return the status, or None when there was no answer in time."""
        if self._session is None:
            raise RuntimeError("the webhook sender was not started")
        headers = {
            **subscription.custom_headers,
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "X-PagerDuty-Signature": sign(raw, subscription.secrets),
            "X-Webhook-Id": webhook_id,
            "X-Webhook-Subscription": subscription.id,
        }
        started, status, answer = time.perf_counter(), None, ""
        try:
            async with self._session.post(
                subscription.url,
                data=raw,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=self._policy.timeout),
                allow_redirects=False,
            ) as response:
                status, answer = response.status, (await response.content.read(4_096)).decode(errors="replace")
        except TimeoutError:
            answer = f"no answer within {self._policy.timeout:g} s"
        except aiohttp.ClientError as error:
            answer = f"{type(error).__name__}: {error}"
        self._traffic.record(
            "pagerduty",
            "out",
            "POST",
            subscription.url,
            status=status,
            started=started,
            request=f"X-Webhook-Id: {webhook_id}\nX-PagerDuty-Signature: v1=****\n\n{raw.decode()}",
            response=answer,
        )
        return status
