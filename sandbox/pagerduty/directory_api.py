"""REST API v2: people, services, on-call turns, and the other things that do not change here."""

from datetime import UTC, datetime

from aiohttp import web

from sandbox.pagerduty.account import Account
from sandbox.pagerduty.gate import APIError, not_found
from sandbox.pagerduty.incidents_api import read_page
from sandbox.pagerduty.render import show_on_call, show_policy, show_priority, show_service, show_user


class DirectoryAPI:
    """The routes that only read. `token_user` is whom GET /users/me shows; None answers as an account key does."""

    def __init__(self, account: Account, *, token_user: str | None) -> None:
        self._account, self._token_user = account, token_user

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/abilities", self.abilities),
            web.get("/escalation_policies", self.policies),
            web.get("/escalation_policies/{id}", self.policy),
            web.get("/oncalls", self.on_calls),
            web.get("/priorities", self.priorities),
            web.get("/services", self.services),
            web.get("/services/{id}", self.service),
            web.get("/users", self.users),
            web.get("/users/me", self.me),
            web.get("/users/{id}", self.user),
        ]

    async def abilities(self, _request: web.Request) -> web.Response:
        return web.json_response({"abilities": ["teams", "priorities", "event_rules", "related_incidents"]})

    async def policies(self, request: web.Request) -> web.Response:
        return read_page(request, "escalation_policies", [show_policy(self._account.directory)])

    async def policy(self, request: web.Request) -> web.Response:
        if request.match_info["id"] != self._account.directory.escalation_policy_id:
            raise not_found()
        return web.json_response({"escalation_policy": show_policy(self._account.directory)})

    async def on_calls(self, request: web.Request) -> web.Response:
        directory, query = self._account.directory, request.query
        policies, users = query.getall("escalation_policy_ids[]", []), query.getall("user_ids[]", [])
        schedules, include = query.getall("schedule_ids[]", []), query.getall("include[]", [])
        turns = [
            show_on_call(turn, directory, include)
            for turn in directory.on_calls(datetime.now(UTC))
            if (not policies or directory.escalation_policy_id in policies)
            and (not users or turn.user.id in users)
            and (not schedules or (turn.level == 1 and directory.schedule_id in schedules))
        ]
        return read_page(request, "oncalls", turns)

    async def priorities(self, request: web.Request) -> web.Response:
        shown = [show_priority(priority) for priority in self._account.directory.priorities]
        return read_page(request, "priorities", [item for item in shown if item is not None])

    async def services(self, request: web.Request) -> web.Response:
        directory, wanted = self._account.directory, request.query.get("query", "").lower()
        incidents = self._account.incidents.values()
        found = [
            show_service(service, directory, incidents)
            for service in sorted(directory.services, key=lambda service: service.name)
            if wanted in service.name.lower()
        ]
        return read_page(request, "services", found)

    async def service(self, request: web.Request) -> web.Response:
        service = self._account.directory.service(request.match_info["id"])
        if service is None:
            raise not_found()
        incidents = self._account.incidents.values()
        return web.json_response({"service": show_service(service, self._account.directory, incidents)})

    async def users(self, request: web.Request) -> web.Response:
        wanted = request.query.get("query", "").lower()
        found = [
            show_user(user)
            for user in self._account.directory.users
            if wanted in user.name.lower() or wanted in user.email.lower()
        ]
        return read_page(request, "users", found)

    async def me(self, _request: web.Request) -> web.Response:
        user = self._account.directory.user_by_email(self._token_user) if self._token_user else None
        if user is None:
            message = "You must use a user-level API token or OAuth token to perform this action"
            raise APIError(400, 2011, message)
        return web.json_response({"user": show_user(user)})

    async def user(self, request: web.Request) -> web.Response:
        user = self._account.directory.user(request.match_info["id"])
        if user is None:
            raise not_found()
        return web.json_response({"user": show_user(user)})
