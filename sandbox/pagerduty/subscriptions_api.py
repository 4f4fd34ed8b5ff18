"""REST API v2: /webhook_subscriptions."""

import secrets
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.pagerduty.gate import invalid_input, not_found, read_object
from sandbox.pagerduty.incidents_api import read_page
from sandbox.pagerduty.render import JSON, show_mapping
from sandbox.pagerduty.webhooks import Subscription, WebhookSender


class SubscriptionsAPI:
    """The routes over a sender's subscriptions. `ping` sends a test event to one of them."""

    def __init__(self, sender: WebhookSender, new_id: Callable[[], str], ping: Callable[[Subscription], None]) -> None:
        self._sender, self._new_id, self._ping = sender, new_id, ping

    def routes(self) -> list[web.RouteDef]:
        one = "/webhook_subscriptions/{id}"
        return [
            web.get("/webhook_subscriptions", self.find),
            web.post("/webhook_subscriptions", self.create),
            web.get(one, self.get),
            web.delete(one, self.delete),
            web.post(one + "/enable", self.enable),
            web.post(one + "/ping", self.ping),
        ]

    async def find(self, request: web.Request) -> web.Response:
        shown = [_show(subscription) for subscription in self._sender.subscriptions.values()]
        return read_page(request, "webhook_subscriptions", shown)

    async def create(self, request: web.Request) -> web.Response:
        wanted = await read_object(request, "webhook_subscription")
        method, scope = show_mapping(wanted.get("delivery_method")), show_mapping(wanted.get("filter"))
        url, events = str(method.get("url", "")), wanted.get("events")
        errors = [] if url.startswith(("http://", "https://")) else ["Delivery method url must be a valid URL"]
        if not isinstance(events, list) or not events:
            errors.append("Events cannot be empty")
        if scope.get("type") not in {"account_reference", "service_reference", "team_reference"}:
            errors.append("Filter type must be account_reference, service_reference or team_reference")
        if errors:
            raise invalid_input(*errors)
        secret = secrets.token_urlsafe(32)
        subscription = Subscription(
            id=self._new_id(),
            url=url,
            secrets=[secret],
            events=frozenset(map(str, events or ())),
            service_id=str(scope["id"]) if scope.get("type") == "service_reference" else None,
            description=str(wanted.get("description", "")),
            custom_headers=_read_headers(method.get("custom_headers")),
        )
        self._sender.subscriptions[subscription.id] = subscription
        # The secret is shown in this answer and never again.
        return web.json_response({"webhook_subscription": _show(subscription, secret)}, status=201)

    async def get(self, request: web.Request) -> web.Response:
        return web.json_response({"webhook_subscription": _show(self._find(request))})

    async def delete(self, request: web.Request) -> web.Response:
        del self._sender.subscriptions[self._find(request).id]
        return web.Response(status=204)

    async def enable(self, request: web.Request) -> web.Response:
        subscription = self._find(request)
        subscription.active, subscription.disabled_until, subscription.drops_in_a_row = True, 0.0, 0
        return web.json_response({"webhook_subscription": _show(subscription)})

    async def ping(self, request: web.Request) -> web.Response:
        self._ping(self._find(request))
        return web.Response(status=202)

    def _find(self, request: web.Request) -> Subscription:
        subscription = self._sender.subscriptions.get(request.match_info["id"])
        if subscription is None:
            raise not_found()
        return subscription


def _read_headers(items: Any) -> dict[str, str]:
    if not isinstance(items, list):
        return {}
    return {
        str(item["name"]): str(item["value"]) for item in map(show_mapping, items) if {"name", "value"} <= set(item)
    }


def _show(subscription: Subscription, secret: str | None = None) -> JSON:
    method: JSON = {
        "type": "http_delivery_method",
        "url": subscription.url,
        "temporarily_disabled": subscription.disabled_until > 0,
        "custom_headers": [{"name": name, "value": "<redacted>"} for name in subscription.custom_headers],
    }
    if secret is not None:
        method["secret"] = secret
    scope: JSON = {"type": "account_reference"}
    if subscription.service_id is not None:
        scope = {"type": "service_reference", "id": subscription.service_id}
    return {
        "id": subscription.id,
        "type": "webhook_subscription",
        "active": subscription.active,
        "description": subscription.description,
        "events": sorted(subscription.events),
        "filter": scope,
        "delivery_method": method,
    }
