"""A PagerDuty on loopback: REST API v2, Events API v2, signed webhooks, and its Slack app, over one account."""

import secrets
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from sandbox.pagerduty.account import Account
from sandbox.pagerduty.directory import DEFAULT_PEOPLE, DEFAULT_SERVICES, Directory
from sandbox.pagerduty.directory_api import DirectoryAPI
from sandbox.pagerduty.events_api import EventsAPI
from sandbox.pagerduty.faults import Faults
from sandbox.pagerduty.gate import Gate, RateLimiter, not_found
from sandbox.pagerduty.incidents_api import IncidentsAPI
from sandbox.pagerduty.records import Change, Incident, Note, Service, Urgency
from sandbox.pagerduty.render import show_change
from sandbox.pagerduty.slack_app import SlackApp, SlackModes
from sandbox.pagerduty.subscriptions_api import SubscriptionsAPI
from sandbox.pagerduty.webhooks import DeliveryPolicy, Subscription, WebhookSender
from sandbox.serving import LOOPBACK, Serving
from sandbox.traffic import TrafficLog


class PagerDutyServer:
    """Everything that is PagerDuty, startable on a port. Its state outlives `go_down` and `go_up`.

    traffic: where exchanges are recorded, as "pagerduty". people: (name, email) pairs in on-call order.
    services: name -> description. slack_api_url, slack_token: the workspace its Slack app posts to; None posts nothing.
    channels: service name -> channel id; `default_channel` takes the rest. See `SlackModes` for the other modes.
    seed: makes incident ids repeatable; by default they differ from run to run, as an account's do.
    """

    def __init__(
        self,
        *,
        traffic: TrafficLog | None = None,
        people: Iterable[tuple[str, str]] = DEFAULT_PEOPLE,
        services: Mapping[str, str] = DEFAULT_SERVICES,
        slack_api_url: str | None = None,
        slack_token: str | None = None,
        channels: Mapping[str, str] | None = None,
        default_channel: str | None = None,
        team_channel: str | None = None,
        threads: bool = True,
        delivery: DeliveryPolicy | None = None,
        requests_a_minute: int | None = 960,
        events_a_minute: int | None = 120,
        token_user: str | None = None,
        seed: int | None = None,
    ) -> None:
        traffic = traffic or TrafficLog()
        self._serving: Serving | None = None
        self._address: tuple[str, int] | None = None
        self.api_token = "u+" + secrets.token_urlsafe(14)
        self.webhook_secret = secrets.token_urlsafe(32)
        self.faults = Faults()
        self.directory = Directory.seed(people, services)
        self.account = Account(self.directory, seed=seed)
        self.webhooks = WebhookSender(traffic=traffic, faults=self.faults, policy=delivery or DeliveryPolicy())
        self.slack_app: SlackApp | None = None
        if slack_api_url is not None and slack_token is not None:
            self.connect_slack(
                slack_api_url, slack_token, SlackModes(channels or {}, default_channel, team_channel, threads)
            )
        self._events = EventsAPI(self.account, RateLimiter(events_a_minute))
        self._token_user = token_user
        limiter = RateLimiter(requests_a_minute)
        self._gate = Gate(token=self.api_token, limiter=limiter, faults=self.faults, traffic=traffic)
        self.account.listen(self._publish)

    def connect_slack(self, api_url: str, token: str, modes: SlackModes) -> None:
        """Install the Slack app in a workspace. Raise RuntimeError once the server is running."""
        if self._serving is not None:
            raise RuntimeError("connect Slack before starting PagerDuty")
        self.slack_app = SlackApp(api_url, token, modes)

    # -- running ---------------------------------------------------------------------------------------------------

    async def start(self, host: str = LOOPBACK, port: int = 0) -> None:
        """Serve, and start sending. Port 0 takes a free one. Raise OSError when the port is taken."""
        self._serving = await Serving.start(self._build(), host=host, port=port)
        self._address = (host, self._serving.port)
        await self.webhooks.start()
        if self.slack_app is not None:
            await self.slack_app.start()

    async def stop(self) -> None:
        if self.slack_app is not None:
            await self.slack_app.stop()
        await self.webhooks.stop()
        await self.go_down()

    async def go_down(self) -> None:
        """Refuse connections until `go_up`: the port is closed, open requests are cut."""
        if self._serving is not None:
            await self._serving.stop()
            self._serving = None

    async def go_up(self) -> None:
        """Serve again, at the same address."""
        if self._serving is None and self._address is not None:
            host, port = self._address
            self._serving = await Serving.start(self._build(), host=host, port=port)

    async def settle(self) -> None:
        """Wait until all webhooks and Slack messages caused so far are through."""
        await self.webhooks.settle()
        if self.slack_app is not None:
            await self.slack_app.settle()

    @property
    def url(self) -> str:
        """Base of the REST API, without a trailing slash."""
        if self._address is None:
            raise RuntimeError("PagerDuty was not started")
        return f"http://{self._address[0]}:{self._address[1]}"

    @property
    def events_url(self) -> str:
        """Where events are posted: the whole address of the Events API v2."""
        return self.url + "/v2/enqueue"

    # -- looking and acting ----------------------------------------------------------------------------------------

    def service(self, name: str) -> Service:
        """Return a service. Raise KeyError with the known names."""
        service = self.directory.service_by_name(name)
        if service is None:
            raise KeyError(f"no service {name!r}; known: {', '.join(s.name for s in self.directory.services)}")
        return service

    def routing_key(self, service: str) -> str:
        return self.service(service).routing_key

    def incident(self, incident_id: str) -> Incident:
        """Return an incident. Raise KeyError."""
        return self.account.incidents[incident_id]

    def incidents(self) -> list[Incident]:
        """Return all incidents, oldest first."""
        return list(self.account.incidents.values())

    def notes(self, incident_id: str) -> list[Note]:
        return list(self.incident(incident_id).notes)

    def trigger(
        self,
        service: str,
        title: str,
        severity: str = "critical",
        details: Mapping[str, Any] | None = None,
        *,
        dedup_key: str | None = None,
        urgency: Urgency = "high",
        source: str | None = None,
    ) -> Incident:
        """Trigger an alert as its service's integration would; an open alert with the same key swallows it."""
        event = {
            "dedup_key": dedup_key or uuid.uuid4().hex,
            "payload": {
                "summary": title,
                "source": source or service,
                "severity": severity,
                "timestamp": datetime.now(UTC).isoformat(),
                "custom_details": dict(details or {}),
            },
        }
        return self.account.trigger(self.service(service), event, urgency=urgency)[0]

    def set_urgency(self, dedup_key: str, urgency: Urgency) -> None:
        """Decide the urgency of the incident the next event with this key opens (services rule this in PagerDuty)."""
        self._events.urgencies[dedup_key] = urgency

    # -- webhooks --------------------------------------------------------------------------------------------------

    def add_webhook(self, url: str, secret: str | None = None, *, events: Iterable[str] = ()) -> Subscription:
        """Subscribe a URL to the account's events (all of them by default), signed with `secret`."""
        subscription = Subscription(self.account.new_id(), url, [secret or self.webhook_secret], frozenset(events))
        self.webhooks.subscriptions[subscription.id] = subscription
        return subscription

    def rotate_secret(self, subscription: Subscription, secret: str) -> None:
        """Sign with a new secret from now on, and with the old ones as well until they are removed."""
        subscription.secrets.insert(0, secret)

    def ping(self, subscription: Subscription) -> None:
        """Send the test event PagerDuty sends from its settings page."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = {
            "id": self.account.new_id("0", 26),
            "event_type": "pagey.ping",
            "resource_type": "pagey",
            "occurred_at": moment,
            "agent": None,
            "client": None,
            "data": {"message": "This is a test event from PagerDuty.", "type": "ping"},
        }
        self.webhooks.send(subscription, {"event": event})

    def _publish(self, change: Change) -> None:
        body = show_change(change, self.directory, self.account.new_id("0", 26))
        self.webhooks.publish(body, incident_id=change.incident.id, service_id=change.incident.service.id)
        if self.slack_app is not None:
            self.slack_app.publish(change)

    def _build(self) -> web.Application:
        app = web.Application(middlewares=self._gate.middlewares(), client_max_size=2 * 1024 * 1024)
        app.add_routes(IncidentsAPI(self.account).routes())
        app.add_routes(DirectoryAPI(self.account, token_user=self._token_user).routes())
        app.add_routes(SubscriptionsAPI(self.webhooks, self.account.new_id, self.ping).routes())
        app.add_routes(self._events.routes())
        app.router.add_route("*", "/{path:.*}", _answer_not_found)
        return app


async def _answer_not_found(_request: web.Request) -> web.StreamResponse:
    return not_found().response()
