"""bookmarks.*: links at the top of a channel."""

import time

from sandbox.slack import ids
from sandbox.slack.errors import SlackError
from sandbox.slack.state import JSON, Channel
from sandbox.slack.web_api.method import Call, Method, Methods

MAX_BOOKMARKS = 100


async def add(call: Call) -> JSON:
    channel = _channel(call)
    title, kind = call.arguments.required("title", "type")
    if kind != "link":
        raise SlackError("invalid_bookmark_type")
    (link,) = call.arguments.required("link")
    if not link.startswith(("http://", "https://")):
        raise SlackError("invalid_link")
    if len(channel.bookmarks) >= MAX_BOOKMARKS:
        raise SlackError("too_many_bookmarks")
    now = int(time.time())
    bookmark: JSON = {
        "id": ids.new_id("Bk"),
        "channel_id": channel.id,
        "title": title,
        "link": link,
        "emoji": call.arguments.text("emoji"),
        "icon_url": "",
        "type": kind,
        "entity_id": None,
        "date_created": now,
        "date_updated": 0,
        "rank": f"{len(channel.bookmarks):03d}",
        "last_updated_by_user_id": call.app.bot_user_id,
        "last_updated_by_team_id": call.core.state.team_id,
        "shortcut_id": None,
        "app_id": call.app.app_id,
    }
    channel.bookmarks[bookmark["id"]] = bookmark
    return {"bookmark": bookmark}


async def listing(call: Call) -> JSON:
    return {"bookmarks": list(_channel(call).bookmarks.values())}


async def remove(call: Call) -> JSON:
    channel = _channel(call)
    (bookmark_id,) = call.arguments.required("bookmark_id")
    if channel.bookmarks.pop(bookmark_id, None) is None:
        raise SlackError("not_found")
    return {}


def _channel(call: Call) -> Channel:
    channel = call.channel("channel_id")
    if not call.is_member(channel):
        raise SlackError("not_in_channel")
    return channel


METHODS: Methods = {
    "bookmarks.add": Method(add, ("bookmarks:write",)),
    "bookmarks.list": Method(listing, ("bookmarks:read",)),
    "bookmarks.remove": Method(remove, ("bookmarks:write",)),
}
