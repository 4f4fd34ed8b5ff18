"""Modals and App Home: a stack of up to three views per person, and one published home per app and person."""

import secrets
from collections.abc import Callable
from typing import Any

from sandbox.slack import ids
from sandbox.slack.apps import InstalledApp
from sandbox.slack.errors import SlackError
from sandbox.slack.pages import Pages
from sandbox.slack.state import JSON, State
from sandbox.slack.validation.content import fill_ids
from sandbox.slack.validation.views import check_view

MAX_STACK = 3


class Views:
    def __init__(self, state: State, pages: Pages, changed: Callable[[], None]) -> None:
        self._state = state
        self._pages = pages
        self._changed = changed

    def open(self, app: InstalledApp, user_id: str, view: JSON) -> JSON:
        """Put a modal in front of somebody, in place of an app's modal that may be open."""
        check_view(view, "modal")
        self._refuse_known_external_id(app, view)
        self._close_all(user_id)
        return self._show(app, user_id, view, previous=None)

    def push(self, app: InstalledApp, user_id: str, view: JSON) -> JSON:
        check_view(view, "modal")
        self._refuse_known_external_id(app, view)
        stack = self.stack(user_id)
        if not stack:
            raise SlackError("not_found")
        if len(stack) >= MAX_STACK:
            raise SlackError("push_limit_reached")
        return self._show(app, user_id, view, previous=self._state.views[stack[-1]])

    def update(self, app: InstalledApp, view_id: str, view: JSON, expected_hash: str | None = None) -> JSON:
        """Replace an open view. Raise not_found or, when `expected_hash` is stale, hash_conflict."""
        current = self._state.views.get(view_id)
        if current is None or current["app_id"] != app.app_id:
            raise SlackError("not_found")
        check_view(view, current["type"])
        if expected_hash and expected_hash != current["hash"]:
            raise SlackError("hash_conflict")
        fresh = self._build(app, view)
        fresh.update(
            id=view_id,
            root_view_id=current["root_view_id"],
            previous_view_id=current["previous_view_id"],
            state=_kept_state(current, fresh),
        )
        self._state.views[view_id] = fresh
        owner = self.owner(view_id)
        self._pages.publish({"type": "view_updated", "view": fresh}, (owner,) if owner else ())
        self._changed()
        return fresh

    def publish(self, app: InstalledApp, user_id: str, view: JSON, expected_hash: str | None = None) -> JSON:
        """Set what somebody sees on the app's Home tab."""
        check_view(view, "home")
        current = self._state.homes.get((app.app_id, user_id))
        if expected_hash and current and expected_hash != current["hash"]:
            raise SlackError("hash_conflict")
        fresh = self._build(app, view)
        fresh["id"] = current["id"] if current else ids.new_id("V")
        fresh["root_view_id"] = fresh["id"]
        self._state.homes[(app.app_id, user_id)] = fresh
        self._state.views[fresh["id"]] = fresh
        self._pages.publish({"type": "home_published", "app_id": app.app_id, "view": fresh}, (user_id,))
        self._changed()
        return fresh

    def close(self, user_id: str, view_id: str) -> None:
        """Take a view off the person's stack and tell the page."""
        stack = self.stack(user_id)
        if view_id in stack:
            stack.remove(view_id)
        self._state.views.pop(view_id, None)
        self._pages.publish({"type": "view_closed", "view_id": view_id}, (user_id,))
        self._changed()

    def stack(self, user_id: str) -> list[str]:
        return self._state.view_stacks.setdefault(user_id, [])

    def owner(self, view_id: str) -> str | None:
        """Return who has the view in front of them."""
        for user_id, stack in self._state.view_stacks.items():
            if view_id in stack:
                return user_id
        return next((user for (_, user), home in self._state.homes.items() if home["id"] == view_id), None)

    def find(self, app: InstalledApp, *, view_id: str | None, external_id: str | None) -> str:
        """Return the id of an open view by either of its names. Raise not_found or invalid_arguments."""
        if view_id:
            return view_id
        if not external_id:
            raise SlackError("invalid_arguments", messages=["[ERROR] either view_id or external_id is required"])
        for view in self._state.views.values():
            if view["external_id"] == external_id and view["app_id"] == app.app_id:
                return str(view["id"])
        raise SlackError("not_found")

    def _show(self, app: InstalledApp, user_id: str, view: JSON, previous: JSON | None) -> JSON:
        fresh = self._build(app, view)
        fresh["id"] = ids.new_id("V")
        fresh["root_view_id"] = previous["root_view_id"] if previous else fresh["id"]
        fresh["previous_view_id"] = previous["id"] if previous else None
        self._state.views[fresh["id"]] = fresh
        self.stack(user_id).append(fresh["id"])
        self._pages.publish({"type": "view_opened", "view": fresh}, (user_id,))
        self._changed()
        return fresh

    def _close_all(self, user_id: str) -> None:
        for view_id in reversed(self.stack(user_id).copy()):
            self.close(user_id, view_id)

    def _refuse_known_external_id(self, app: InstalledApp, view: JSON) -> None:
        wanted = view.get("external_id")
        if wanted and any(v["external_id"] == wanted and v["app_id"] == app.app_id for v in self._state.views.values()):
            raise SlackError("duplicate_external_id")

    def _build(self, app: InstalledApp, view: JSON) -> JSON:
        built: JSON = {
            "id": "",
            "team_id": self._state.team_id,
            "type": view["type"],
            "blocks": fill_ids(view["blocks"]),
            "private_metadata": view.get("private_metadata") or "",
            "callback_id": view.get("callback_id") or "",
            "state": {"values": {}},
            "hash": f"{self._state.timestamps.next()}.{secrets.token_hex(4)}",
            "title": view.get("title"),
            "clear_on_close": bool(view.get("clear_on_close")),
            "notify_on_close": bool(view.get("notify_on_close")),
            "close": view.get("close"),
            "submit": view.get("submit"),
            "previous_view_id": None,
            "root_view_id": "",
            "app_id": app.app_id,
            "external_id": view.get("external_id") or "",
            "app_installed_team_id": self._state.team_id,
            "bot_id": app.bot_id,
        }
        return built


def _kept_state(current: JSON, fresh: JSON) -> JSON:
    """Keep what the person had entered in inputs that are still there under the same ids."""
    kept: dict[str, Any] = {}
    for block in fresh["blocks"]:
        values = current["state"]["values"].get(block["block_id"])
        if values is not None:
            kept[block["block_id"]] = values
    return {"values": kept}
