"""PagerDuty's REST API v2, as far as the product needs it."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import aiohttp

from bot import clock
from bot.domain.alert import Alert, AlertSource, AlertState, Severity
from bot.domain.redaction import redact, redact_json
from bot.errors import AuthenticationFailed, InvalidInput, InvalidResponse, NotFound, Unavailable
from bot.settings import PagerDutySettings

VENDOR = "PagerDuty"
_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=3)
_TRIES = 3
_LONGEST_WAIT = 5.0
_LARGEST_ANSWER = 4 * 1024 * 1024
_LONGEST_NOTE = 25_000
_MOST_ALERTS = 25
_STATES = {"triggered": AlertState.TRIGGERED, "acknowledged": AlertState.ACKNOWLEDGED, "resolved": AlertState.RESOLVED}
_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "error": Severity.HIGH,
    "warning": Severity.WARNING,
    "info": Severity.INFO,
}
_PRIORITIES = {"P1": Severity.CRITICAL, "P2": Severity.HIGH, "P3": Severity.WARNING}
_LABELS = frozenset(
    {
        "namespace", "deployment", "statefulset", "daemonset", "pod", "container", "service", "app", "job", "job_name",
        "cronjob", "node", "cluster", "alertname", "workload", "kind", "app.kubernetes.io/name",
    }
)  # fmt: skip


class PagerDuty:
    """Implements bot.ports.incident_source.IncidentSource over one session of its own."""

    name = VENDOR

    def __init__(self, settings: PagerDutySettings) -> None:
        if settings.api_token is None:
            raise InvalidInput("PagerDuty needs PAGERDUTY_API_TOKEN.")
        self._url = settings.api_url
        self._from = settings.from_email
        self._headers = {
            "Authorization": f"Token token={settings.api_token.get_secret_value()}",
            "Accept": "application/vnd.pagerduty+json;version=2",
            "Content-Type": "application/json",
        }
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def fetch(self, external_id: str) -> Alert:
        """Return the incident's present state with its newest alerts' details merged in, the newest alert first.

        An incident may have a thousand alerts; the newest say what is wrong now.
        """
        incident, alerts = await asyncio.gather(
            self._get(f"/incidents/{external_id}"),
            self._get(f"/incidents/{external_id}/alerts", limit=str(_MOST_ALERTS), sort_by="created_at:desc"),
        )
        return _to_alert(_object(incident, "incident"), _objects(alerts, "alerts"))

    async def acknowledge(self, external_id: str, email: str | None) -> None:
        """Acknowledge a triggered incident; any other is left alone, because a second ack would reset its timer."""
        incident = _object(await self._get(f"/incidents/{external_id}"), "incident")
        if incident.get("status") == "triggered":
            await self._set_status(external_id, "acknowledged", email)

    async def resolve(self, external_id: str, email: str | None) -> None:
        """Resolve an incident; one that is resolved is left alone."""
        incident = _object(await self._get(f"/incidents/{external_id}"), "incident")
        if incident.get("status") != "resolved":
            await self._set_status(external_id, "resolved", email)

    async def _set_status(self, external_id: str, status: str, email: str | None) -> None:
        body = {"incident": {"type": "incident_reference", "status": status}}
        await self._write("PUT", f"/incidents/{external_id}", body, email, repeatable=True)

    async def add_note(self, external_id: str, text: str, email: str | None = None) -> str:
        """Add a note in the name of `email` or of PAGERDUTY_FROM_EMAIL, and return its id."""
        body = {"note": {"content": redact(text)[:_LONGEST_NOTE]}}
        answer = await self._write("POST", f"/incidents/{external_id}/notes", body, email, repeatable=False)
        note_id = _object(answer, "note").get("id")
        if not isinstance(note_id, str):
            raise InvalidResponse("PagerDuty took the note but did not say its id.", vendor=VENDOR)
        return note_id

    async def find_note(self, external_id: str, text: str) -> str | None:
        """Return the id of the newest note that contains `text`."""
        notes = _objects(await self._get(f"/incidents/{external_id}/notes"), "notes")
        found = [n for n in notes if text in str(n.get("content", "")) and isinstance(n.get("id"), str)]
        return str(max(found, key=lambda n: str(n.get("created_at", "")))["id"]) if found else None

    async def check(self) -> str:
        """Return who the token belongs to, or that it is an account's."""
        answer = await self._get("/abilities")
        return f"The token works ({len(answer.get('abilities') or ())} abilities)."

    async def find_user(self, email: str) -> str | None:
        """Return the name of the user with this address, None if there is none."""
        users = _objects(await self._get("/users", query=email), "users")
        return next((str(u.get("name")) for u in users if str(u.get("email", "")).lower() == email.lower()), None)

    async def _get(self, path: str, **query: str) -> Mapping[str, Any]:
        return await self._request("GET", path, query=query, repeatable=True)

    async def _write(
        self, method: str, path: str, body: Mapping[str, Any], email: str | None, *, repeatable: bool
    ) -> Mapping[str, Any]:
        """Write in the person's name; when PagerDuty does not know them, in the bot's own."""
        names = [name for name in (email, self._from) if name is not None]
        if not names:
            raise InvalidInput("PagerDuty wants to know in whose name to write.", next_step="Set PAGERDUTY_FROM_EMAIL.")
        for name in names[:-1]:
            try:
                return await self._request(method, path, body=body, sender=name, repeatable=repeatable)
            except _UnknownRequester:
                continue
        try:
            return await self._request(method, path, body=body, sender=names[-1], repeatable=repeatable)
        except _UnknownRequester as error:
            raise InvalidInput(
                f"PagerDuty has no user {names[-1]}.",
                next_step="Set PAGERDUTY_FROM_EMAIL to the address of a PagerDuty user.",
            ) from error

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        sender: str | None = None,
        repeatable: bool,
    ) -> Mapping[str, Any]:
        """Send one request; repeat what may be repeated a few times when PagerDuty is busy or away."""
        tries = _TRIES if repeatable else 1
        for number in range(1, tries + 1):
            try:
                return await self._once(method, path, query, body, sender)
            except Unavailable as error:
                wait = error.retry_after if error.retry_after is not None else 0.3 * 2**number
                if number == tries or wait > _LONGEST_WAIT:
                    raise
                await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    async def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        sender: str | None,
    ) -> Mapping[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers, timeout=_TIMEOUT)
        headers = {"From": sender} if sender else {}
        try:
            async with self._session.request(
                method, self._url + path, params=query, json=body, headers=headers, allow_redirects=False
            ) as response:
                content = await _read_bounded(response)
                return _read(response.status, response.headers, content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable("PagerDuty cannot be reached.", vendor=VENDOR) from error


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    """Return the whole body. `content.read(n)` alone returns what has arrived, which may be its first piece only."""
    pieces = bytearray()
    async for piece in response.content.iter_any():
        pieces += piece
        if len(pieces) > _LARGEST_ANSWER:
            raise InvalidResponse("PagerDuty's answer is too large.", vendor=VENDOR)
    return bytes(pieces)


class _UnknownRequester(InvalidResponse):
    """The address in From belongs to no user of this account (code 1008, and 2100 on older routes)."""


def _read(status: int, headers: Mapping[str, str], content: bytes) -> Mapping[str, Any]:
    """Return the answer's object, or raise the error of ours that fits its status."""
    try:
        answer = json.loads(content) if content else {}
    except ValueError:
        answer = {}
        if status < 400:
            raise InvalidResponse("PagerDuty's answer is not JSON.", vendor=VENDOR) from None
    if not isinstance(answer, dict):
        raise InvalidResponse("PagerDuty's answer is not an object.", vendor=VENDOR)
    if status < 400:
        return answer
    problem = _dictionary(answer.get("error"))
    details = "; ".join(str(e) for e in problem.get("errors") or ()) or str(problem.get("message") or "")
    said = f": {redact(details)[:300]}" if details else ""
    if status == 401:
        raise AuthenticationFailed(
            "PagerDuty does not accept the API token.", vendor=VENDOR, next_step="Check PAGERDUTY_API_TOKEN."
        )
    if problem.get("code") == 1008 or "requester user not found" in details.lower():
        raise _UnknownRequester("PagerDuty does not know the person in whose name this was.", vendor=VENDOR)
    match status:
        case 403:
            raise AuthenticationFailed(
                f"PagerDuty does not allow this{said}.", vendor=VENDOR, next_step="Use a token with full access."
            )
        case 404:
            raise NotFound("PagerDuty does not know this incident.", vendor=VENDOR)
        case 429:
            reset = headers.get("ratelimit-reset") or headers.get("Retry-After") or ""
            after = float(reset) if reset.replace(".", "", 1).isdigit() else None
            raise Unavailable("PagerDuty's rate limit is reached.", vendor=VENDOR, retry_after=after)
    if status >= 500:
        raise Unavailable("PagerDuty has a problem of its own.", vendor=VENDOR)
    raise InvalidResponse(f"PagerDuty refused the request ({status}){said}.", vendor=VENDOR)


def _object(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = answer.get(name)
    if not isinstance(value, dict):
        raise InvalidResponse(f"PagerDuty's answer has no {name}.", vendor=VENDOR)
    return value


def _objects(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = answer.get(name)
    if not isinstance(value, list):
        raise InvalidResponse(f"PagerDuty's answer has no {name}.", vendor=VENDOR)
    return [item for item in value if isinstance(item, dict)]


def _dictionary(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _to_alert(incident: Mapping[str, Any], alerts: list[Mapping[str, Any]]) -> Alert:
    details: dict[str, Any] = {}
    severity: Severity | None = None
    for alert in sorted(alerts, key=lambda a: str(a.get("created_at", "")), reverse=True):
        body = _dictionary(alert.get("body"))
        given = body.get("details") or (body.get("cef_details") or {}).get("details") or {}
        for key, value in given.items() if isinstance(given, dict) else ():
            details.setdefault(str(key), value)
        found = _SEVERITIES.get(str(alert.get("severity")))
        if found is not None and (severity is None or found.rank < severity.rank):
            severity = found
    labels = {k: str(v) for k, v in details.items() if k in _LABELS and isinstance(v, str | int)}
    nested = details.get("labels")
    if isinstance(nested, dict):
        labels |= {str(k): str(v) for k, v in nested.items() if isinstance(v, str | int)}
    service = _dictionary(incident.get("service"))
    external_id = str(incident.get("id"))
    return Alert(
        source=AlertSource.PAGERDUTY_WEBHOOK,
        delivery_id=f"fetch:{external_id}",
        dedup_key=f"pagerduty:{external_id}",
        state=_STATES.get(str(incident.get("status")), AlertState.UPDATED),
        title=redact(str(incident.get("title") or incident.get("summary") or f"Incident {external_id}"))[:1024],
        severity=_priority(incident) or severity or _by_urgency(incident),
        service=str(service["summary"])[:200] if service.get("summary") else None,
        external_id=external_id,
        url=str(incident["html_url"]) if isinstance(incident.get("html_url"), str) else None,
        labels={k: redact(v) for k, v in labels.items()},
        details=redact_json({k: v for k, v in details.items() if k != "labels"}),
        occurred_at=_time(incident.get("created_at")),
    )


def _priority(incident: Mapping[str, Any]) -> Severity | None:
    priority = incident.get("priority")
    return _PRIORITIES.get(str(priority.get("summary", ""))[:2].upper()) if isinstance(priority, dict) else None


def _by_urgency(incident: Mapping[str, Any]) -> Severity:
    return Severity.WARNING if incident.get("urgency") == "low" else Severity.HIGH


def _time(text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return clock.now()
    return moment if moment.tzinfo is not None else clock.now()
