"""Events API v2: POST /v2/enqueue, the way monitoring tools send alerts."""

import json
import uuid
from typing import Any, Final

from aiohttp import web

from sandbox.pagerduty.account import Account, AlreadyResolved
from sandbox.pagerduty.gate import RateLimiter
from sandbox.pagerduty.records import Agent, Service, Urgency

BODY_LIMIT: Final = 512 * 1024

_ACTIONS: Final = ("trigger", "acknowledge", "resolve")
_SEVERITIES: Final = ("critical", "error", "warning", "info")


def _refuse(*errors: str) -> web.Response:
    body = {"status": "invalid event", "message": "Event object is invalid", "errors": list(errors)}
    return web.json_response(body, status=400)


def find_errors(event: dict[str, Any]) -> list[str]:
    """Return what is wrong with an event, in PagerDuty's order; empty for a good one."""
    errors = []
    if event.get("event_action") not in _ACTIONS:
        errors.append("'event_action' must be one of 'trigger', 'acknowledge', 'resolve'")
    key = event.get("dedup_key")
    if key is not None and (not isinstance(key, str) or len(key) > 255):
        errors.append("'dedup_key' must be a string of at most 255 characters")
    if event.get("event_action") != "trigger":
        return errors if key else [*errors, "'dedup_key' is missing or blank"]
    payload = event.get("payload")
    if not isinstance(payload, dict):
        return [*errors, "'payload' is missing or blank"]
    errors.extend(f"'payload.{name}' is missing or blank" for name in ("summary", "source") if not payload.get(name))
    if payload.get("severity") not in _SEVERITIES:
        errors.append(
            "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')"
        )
    return errors


class EventsAPI:
    """The one route of the Events API. `urgencies` says how urgent the next trigger of a dedup key is to be."""

    def __init__(self, account: Account, limiter: RateLimiter) -> None:
        self._account, self._limiter = account, limiter
        self.urgencies: dict[str, Urgency] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v2/enqueue", self.enqueue)]

    async def enqueue(self, request: web.Request) -> web.Response:
        if (request.content_length or 0) > BODY_LIMIT or len(body := await request.read()) > BODY_LIMIT:
            return web.json_response({"status": "invalid event", "message": "Event is larger than 512 KB"}, status=413)
        try:
            event = json.loads(body)
        except ValueError:
            return _refuse("JSON is malformed")
        if not isinstance(event, dict):
            return _refuse("Event must be a JSON object")
        service = self._account.directory.service_by_routing_key(str(event.get("routing_key", "")))
        if service is None:
            return _refuse(
                "'routing_key' is invalid" if event.get("routing_key") else "'routing_key' is missing or blank"
            )
        if errors := find_errors(event):
            return _refuse(*errors)
        if not self._limiter.admit(service.id)[0]:
            message = "Requests for this service are arriving too quickly.  Please retry later."
            return web.json_response({"status": "throttle exceeded", "message": message}, status=429)
        key = event.get("dedup_key") or uuid.uuid4().hex
        self._apply(service, {**event, "dedup_key": key})
        answer = {"status": "success", "message": "Event processed", "dedup_key": key}
        return web.json_response(answer, status=202)

    def _apply(self, service: Service, event: dict[str, Any]) -> None:
        key = event["dedup_key"]
        if event["event_action"] == "trigger":
            payload = event["payload"]
            event = {**event, "payload": {**payload, "summary": str(payload["summary"])[:1024]}}
            self._account.trigger(service, event, urgency=self.urgencies.pop(key, "high"))
            return
        known = self._account.alert_with_key(service, key)
        if known is None:
            return  # PagerDuty takes an acknowledge or resolve of nothing, too, and does nothing with it.
        incident, alert = known
        agent = Agent(service.integration_id, "integration_reference", "Events API v2")
        try:
            if event["event_action"] == "resolve":
                self._account.resolve_alert(incident, alert, agent)
            elif incident.status == "triggered":
                self._account.acknowledge(incident, agent, None)
        except AlreadyResolved:
            return
