"""REST API v2: /incidents and what hangs on one incident."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from sandbox.pagerduty.account import Account, AlreadyResolved, user_agent
from sandbox.pagerduty.gate import find_requester, invalid_input, not_found, read_body, read_object
from sandbox.pagerduty.records import Incident, User
from sandbox.pagerduty.render import (
    JSON,
    show_alert,
    show_incident,
    show_log_entry,
    show_mapping,
    show_note,
    show_page,
)

_STATUSES = ("triggered", "acknowledged", "resolved")


def read_page(request: web.Request, name: str, items: list[JSON], default: int = 25) -> web.Response:
    """Answer with the page the query asks for. Raise APIError for a limit or an offset outside the rules."""
    try:
        limit, offset = int(request.query.get("limit", default)), int(request.query.get("offset", 0))
    except ValueError:
        raise invalid_input("Limit and offset must be numbers") from None
    if limit < 1 or offset < 0:
        raise invalid_input("Limit must be positive and offset must not be negative")
    limit = min(limit, 100)
    if offset + limit > 10_000:
        raise invalid_input("Offset plus limit must not exceed 10000")
    total = request.query.get("total") == "true"
    return web.json_response(show_page(name, items, limit=limit, offset=offset, total=total))


class IncidentsAPI:
    """The routes of /incidents over one account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> list[web.RouteDef]:
        one = "/incidents/{id}"
        return [
            web.get("/incidents", self.find),
            web.post("/incidents", self.create),
            web.put("/incidents", self.update_many),
            web.get(one, self.get),
            web.put(one, self.update),
            web.put(one + "/merge", self.merge),
            web.get(one + "/alerts", self.alerts),
            web.get(one + "/alerts/{alert_id}", self.alert),
            web.get(one + "/notes", self.notes),
            web.post(one + "/notes", self.add_note),
            web.post(one + "/status_updates", self.publish_status_update),
            web.get(one + "/log_entries", self.log_entries),
            web.get(one + "/past_incidents", self.past_incidents),
            web.get(one + "/related_incidents", self.related_incidents),
            web.get(one + "/related_change_events", self.related_change_events),
        ]

    # -- reading ---------------------------------------------------------------------------------------------------

    async def find(self, request: web.Request) -> web.Response:
        query = request.query
        statuses = query.getall("statuses[]", []) or query.getall("statuses", [])
        if any(status not in _STATUSES for status in statuses):
            raise invalid_input("Status must be a list of triggered, acknowledged, or resolved.")
        since, until = _read_time(query.get("since"), "Since"), _read_time(query.get("until"), "Until")
        wanted = [
            incident
            for incident in self._account.incidents.values()
            if _allowed(incident.status, statuses)
            and _allowed(incident.service.id, query.getall("service_ids[]", []))
            and _allowed(incident.urgency, query.getall("urgencies[]", []))
            and _allowed(incident.incident_key, query.getall("incident_key", []))
            and (not query.getall("user_ids[]", []) or _assigned(incident, query.getall("user_ids[]")))
            and (since is None or incident.created_at >= since)
            and (until is None or incident.created_at < until)
        ]
        newest_first = query.get("sort_by", "").lower().endswith(":desc")
        wanted.sort(key=lambda incident: incident.number, reverse=newest_first)
        include = query.getall("include[]", [])
        return read_page(request, "incidents", [self._show(incident, include) for incident in wanted])

    async def get(self, request: web.Request) -> web.Response:
        incident = self._find(request)
        return web.json_response({"incident": self._show(incident, request.query.getall("include[]", []))})

    async def alerts(self, request: web.Request) -> web.Response:
        incident = self._find(request)
        statuses = request.query.getall("statuses[]", [])
        shown = [show_alert(alert, incident) for alert in incident.alerts if _allowed(alert.status, statuses)]
        return read_page(request, "alerts", shown)

    async def alert(self, request: web.Request) -> web.Response:
        incident = self._find(request)
        for alert in incident.alerts:
            if alert.id == request.match_info["alert_id"]:
                return web.json_response({"alert": show_alert(alert, incident)})
        raise not_found()

    async def notes(self, request: web.Request) -> web.Response:
        notes = sorted(self._find(request).notes, key=lambda note: note.created_at, reverse=True)
        return web.json_response({"notes": [show_note(note) for note in notes]})

    async def log_entries(self, request: web.Request) -> web.Response:
        incident = self._find(request)
        entries = [show_log_entry(entry, incident) for entry in reversed(incident.log_entries)]
        return read_page(request, "log_entries", entries)

    async def past_incidents(self, request: web.Request) -> web.Response:
        incident = self._find(request)
        past = [
            {
                "incident": {
                    "id": other.id,
                    "created_at": self._show(other)["created_at"],
                    "self": self._show(other)["self"],
                    "title": other.title,
                },
                "score": round(_similarity(incident, other) * 100, 2),
            }
            for other in self._account.incidents.values()
            if other.status == "resolved" and other.id != incident.id and other.service.id == incident.service.id
        ]
        past.sort(key=lambda item: float(str(item["score"])), reverse=True)
        limit = min(int(request.query.get("limit", "5")), 999)
        return web.json_response({"past_incidents": past[:limit], "total": len(past), "limit": limit})

    async def related_incidents(self, request: web.Request) -> web.Response:
        incident = self._find(request)
        related = [
            {
                "incident": self._show(other),
                "relationships": [
                    {
                        "type": "machine_learning_inferred",
                        "metadata": {"grouping_classification": "similar_contents", "user_feedback": {}},
                    }
                ],
            }
            for other in self._account.incidents.values()
            if other.id != incident.id
            and other.status != "resolved"
            and abs((other.created_at - incident.created_at).total_seconds()) <= 300
        ]
        return web.json_response({"related_incidents": related[:20]})

    async def related_change_events(self, request: web.Request) -> web.Response:
        # No change event is ever sent to this account, so none is related: PagerDuty answers an empty list then.
        self._find(request)
        return web.json_response({"change_events": []})

    # -- writing ---------------------------------------------------------------------------------------------------

    async def create(self, request: web.Request) -> web.Response:
        user = find_requester(request, self._account.directory)
        wanted = await read_object(request, "incident")
        service = self._account.directory.service(str(show_mapping(wanted.get("service")).get("id", "")))
        title, key = wanted.get("title"), wanted.get("incident_key")
        errors = [] if isinstance(title, str) and title else ["Title cannot be empty"]
        errors += [] if service is not None else ["Service cannot be empty"]
        if errors or service is None:
            raise invalid_input(*errors)
        if key and self._account.open_with_key(service, str(key)) is not None:
            raise invalid_input("Open incident with matching dedup key already exists on this service")
        incident = self._account.create(
            service,
            str(title),
            user,
            urgency="low" if wanted.get("urgency") == "low" else "high",
            key=str(key) if key else None,
            body=str(show_mapping(wanted.get("body")).get("details", "")),
            assignees=self._read_assignees(wanted),
            priority=self._account.directory.priority(str(show_mapping(wanted.get("priority")).get("id", ""))),
        )
        return web.json_response({"incident": self._show(incident)}, status=201)

    async def update(self, request: web.Request) -> web.Response:
        user = find_requester(request, self._account.directory)
        wanted = await read_object(request, "incident")
        incident = self._find(request)
        self._apply(incident, wanted, user)
        return web.json_response({"incident": self._show(incident)})

    async def update_many(self, request: web.Request) -> web.Response:
        user = find_requester(request, self._account.directory)
        wanted = (await read_body(request)).get("incidents")
        if not isinstance(wanted, list) or not 1 <= len(wanted) <= 250:
            raise invalid_input("Incidents must be a list of 1 to 250 incident references")
        found = []
        for item in wanted:
            incident = self._account.incidents.get(str(show_mapping(item).get("id", "")))
            if incident is None:
                raise not_found()
            found.append((incident, dict(show_mapping(item))))
        for incident, change in found:
            self._apply(incident, change, user)
        return web.json_response({"incidents": [self._show(incident) for incident, _ in found]})

    async def merge(self, request: web.Request) -> web.Response:
        user = find_requester(request, self._account.directory)
        target, body = self._find(request), await read_body(request)
        sources = [self._account.incidents.get(str(item.get("id"))) for item in body.get("source_incidents") or ()]
        if not sources or None in sources or target in sources:
            raise invalid_input("Source incidents must exist and differ from the target")
        try:
            self._account.merge(target, [source for source in sources if source is not None], user_agent(user))
        except AlreadyResolved:
            raise invalid_input("Incident Already Resolved") from None
        return web.json_response({"incident": self._show(target)})

    async def add_note(self, request: web.Request) -> web.Response:
        user = find_requester(request, self._account.directory)
        wanted = await read_object(request, "note")
        content = wanted.get("content")
        if not isinstance(content, str) or not content.strip():
            raise invalid_input("Content cannot be empty")
        if len(content) > 25_000:
            raise invalid_input("Content is too long (maximum is 25000 characters)")
        note = self._account.add_note(self._find(request), user, content)
        return web.json_response({"note": show_note(note)}, status=200)

    async def publish_status_update(self, request: web.Request) -> web.Response:
        user = find_requester(request, self._account.directory)
        incident, message = self._find(request), (await read_body(request)).get("message")
        if not isinstance(message, str) or not message.strip():
            raise invalid_input("Message cannot be empty")
        self._account.publish_status_update(incident, user, message)
        update = {"id": self._account.new_id(), "message": message, "sender": {"id": user.id, "type": "user_reference"}}
        return web.json_response({"status_update": update})

    def _apply(self, incident: Incident, wanted: JSON, user: User) -> None:
        """Make one incident what an update asks for. Raise APIError."""
        account, agent, status = self._account, user_agent(user), wanted.get("status")
        if status is not None and status not in _STATUSES:
            raise invalid_input("Status must be one of triggered, acknowledged, or resolved")
        try:
            if "title" in wanted or "urgency" in wanted:
                urgency: Any = wanted.get("urgency")
                account.revise(incident, title=wanted.get("title"), urgency=urgency, agent=agent)
            if "priority" in wanted:
                priority = account.directory.priority(str(show_mapping(wanted["priority"]).get("id", "")))
                account.set_priority(incident, priority, agent)
            if assignees := self._read_assignees(wanted):
                account.reassign(incident, assignees, agent)
            if isinstance(level := wanted.get("escalation_level"), int):
                account.escalate(incident, level, agent)
            if status == "acknowledged":
                account.acknowledge(incident, agent, user)
            elif status == "resolved":
                account.resolve(incident, agent, resolution=str(wanted.get("resolution", "")))
            elif status == "triggered" and incident.status == "resolved":
                account.reopen(incident, agent)
        except AlreadyResolved:
            raise invalid_input("Incident Already Resolved") from None

    # -- the pieces ------------------------------------------------------------------------------------------------

    def _read_assignees(self, wanted: JSON) -> list[User]:
        users = []
        for item in wanted.get("assignments") or []:
            user = self._account.directory.user(str(show_mapping(show_mapping(item).get("assignee")).get("id", "")))
            if user is None:
                raise invalid_input("Assignee not found")
            users.append(user)
        return users

    def _find(self, request: web.Request) -> Incident:
        incident = self._account.incidents.get(request.match_info["id"])
        if incident is None:
            raise not_found()
        return incident

    def _show(self, incident: Incident, include: Iterable[str] = ()) -> JSON:
        return show_incident(incident, self._account.directory, tuple(include))


def _allowed(value: str, wanted: list[str]) -> bool:
    return not wanted or value in wanted


def _assigned(incident: Incident, user_ids: list[str]) -> bool:
    return any(user.id in user_ids for user in incident.assignees)


def _read_time(text: str | None, name: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid_input(f"{name} must be an ISO 8601 time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _similarity(one: Incident, other: Incident) -> float:
    """Share of common words in two titles, between 0 and 1: enough to rank past incidents of one service."""
    left, right = set(one.title.lower().split()), set(other.title.lower().split())
    return len(left & right) / len(left | right) if left | right else 0.0
