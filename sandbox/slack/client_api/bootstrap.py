"""Everything the page needs to draw itself the first time."""

from dataclasses import asdict

from sandbox.slack.apps import InstalledApp
from sandbox.slack.core import Core
from sandbox.slack.seed import Person
from sandbox.slack.state import JSON


def bootstrap(core: Core, user_id: str) -> JSON:
    state = core.state
    return {
        "team": state.team,
        "me": user_id,
        "people": [_person(person, state.users[person.id]["name"]) for person in state.people.values()],
        "users": state.users,
        "groups": [{"id": g.id, "handle": g.handle, "name": g.name, "users": g.users} for g in state.groups.values()],
        "conversations": core.people.conversations(user_id),
        "apps": [_app(app) for app in state.apps.values()],
        "scenarios": core.scenarios.list() if core.scenarios else [],
        "open_views": [state.views[view_id] for view_id in core.views.stack(user_id)],
    }


def _person(person: Person, name: str) -> JSON:
    return {
        "id": person.id,
        "name": name,
        "real_name": person.real_name,
        "title": person.title,
        "color": person.color,
        "can_approve": person.can_approve,
    }


def _app(app: InstalledApp) -> JSON:
    return {
        "app_id": app.app_id,
        "name": app.name,
        "bot_user_id": app.bot_user_id,
        "has_home": app.definition.has_home,
        "commands": [asdict(command) for command in app.definition.commands],
        "shortcuts": [asdict(shortcut) for shortcut in app.definition.shortcuts],
    }
