"""users.* and usergroups.*: people and their groups."""

import time

from sandbox.slack.conversations import described
from sandbox.slack.errors import SlackError
from sandbox.slack.state import JSON, UserGroup
from sandbox.slack.web_api import paging
from sandbox.slack.web_api.method import Call, Method, Methods


async def listing(call: Call) -> JSON:
    chosen, cursor = paging.page(list(call.core.state.users.values()), call.arguments)
    return {
        "members": [_shown(call, user) for user in chosen],
        "cache_ts": int(time.time()),
        **paging.metadata(cursor),
    }


async def show(call: Call) -> JSON:
    (user_id,) = call.arguments.required("user")
    return {"user": _shown(call, call.core.state.user(user_id))}


async def by_email(call: Call) -> JSON:
    (email,) = call.arguments.required("email")
    for user in call.core.state.users.values():
        if user["profile"].get("email", "").lower() == email.lower():
            return {"user": user}
    raise SlackError("users_not_found")


async def conversations(call: Call) -> JSON:
    """List what a user (the app itself by default) is a member of, as far as the app can see it."""
    user_id = call.arguments.text("user", call.app.bot_user_id)
    call.core.state.user(user_id)
    kinds = set(call.arguments.names("types") or ["public_channel"])
    names = {"channel": "public_channel", "group": "private_channel"}
    channels = [
        c
        for c in call.core.state.channels.values()
        if user_id in c.members
        and names.get(c.kind, c.kind) in kinds
        and (c.kind == "channel" or call.is_member(c))
        and not (call.arguments.flag("exclude_archived") and c.is_archived)
    ]
    chosen, cursor = paging.page(channels, call.arguments)
    return {
        "channels": [described(call.core.state, c, call.app.bot_user_id) for c in chosen],
        **paging.metadata(cursor),
    }


async def groups(call: Call) -> JSON:
    with_users = call.arguments.flag("include_users")
    return {"usergroups": [_group(call, group, with_users) for group in call.core.state.groups.values()]}


async def group_users(call: Call) -> JSON:
    (group_id,) = call.arguments.required("usergroup")
    group = call.core.state.groups.get(group_id)
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


def _shown(call: Call, user: JSON) -> JSON:
    """Leave the address out for an app that may not read it."""
    if "users:read.email" in call.app.scopes or "email" not in user["profile"]:
        return user
    return {**user, "profile": {k: v for k, v in user["profile"].items() if k != "email"}}


def _group(call: Call, group: UserGroup, with_users: bool) -> JSON:
    described_group: JSON = {
        "id": group.id,
        "team_id": call.core.state.team_id,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "description": "",
        "is_external": False,
        "date_delete": 0,
        "auto_type": None,
        "prefs": {"channels": [], "groups": []},
        "user_count": len(group.users),
    }
    if with_users:
        described_group["users"] = list(group.users)
    return described_group


_READ = ("users:read",)
METHODS: Methods = {
    "users.list": Method(listing, _READ),
    "users.info": Method(show, _READ),
    "users.lookupByEmail": Method(by_email, ("users:read.email",)),
    "users.conversations": Method(conversations, ("channels:read", "groups:read", "im:read", "mpim:read")),
    "usergroups.list": Method(groups, ("usergroups:read",)),
    "usergroups.users.list": Method(group_users, ("usergroups:read",)),
}
