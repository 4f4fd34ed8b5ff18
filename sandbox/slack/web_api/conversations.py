"""conversations.*: channels and direct messages, and who is in them."""

import re

from sandbox.slack import ids
from sandbox.slack.conversations import described
from sandbox.slack.errors import SlackError
from sandbox.slack.state import JSON, Channel
from sandbox.slack.web_api import paging
from sandbox.slack.web_api.method import Call, Method, Methods

_NAME = re.compile(r"[a-z0-9_\-]{1,80}")
_KINDS = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}


async def listing(call: Call) -> JSON:
    kinds = call.arguments.names("types") or ["public_channel"]
    if unknown := set(kinds) - set(_KINDS):
        raise SlackError("invalid_types", messages=[f"[ERROR] unknown type: {kind}" for kind in sorted(unknown)])
    for kind in kinds:
        family = {"public_channel": "channels", "private_channel": "groups"}.get(kind, kind)
        call.need(f"{family}:read")
    wanted = {_KINDS[kind] for kind in kinds}
    channels = [c for c in _visible(call) if c.kind in wanted]
    if call.arguments.flag("exclude_archived"):
        channels = [c for c in channels if not c.is_archived]
    chosen, cursor = paging.page(channels, call.arguments)
    return {
        "channels": [described(call.core.state, c, call.app.bot_user_id) for c in chosen],
        **paging.metadata(cursor),
    }


async def show(call: Call) -> JSON:
    channel = _channel(call, "read")
    answer = described(call.core.state, channel, call.app.bot_user_id)
    if call.arguments.flag("include_num_members"):
        answer["num_members"] = len(channel.members)
    return {"channel": answer}


async def create(call: Call) -> JSON:
    (name,) = call.arguments.required("name")
    is_private = call.arguments.flag("is_private")
    call.need("groups:write" if is_private else "channels:manage")
    if not _NAME.fullmatch(name):
        raise SlackError("invalid_name_specials" if len(name) <= 80 else "invalid_name_maxlength")
    if call.core.state.channel_named(name):
        raise SlackError("name_taken")
    bot = call.app.bot_user_id
    channel = call.core.state.add_channel(ids.new_id("C"), name, bot, is_private=is_private, members=(bot,))
    call.core.membership.announce(channel)
    return {"channel": described(call.core.state, channel, bot)}


async def invite(call: Call) -> JSON:
    channel = _channel(call, "write", "manage")
    users = [u for u in call.arguments.names("users") if u]
    if not users:
        raise SlackError("no_user")
    if not call.is_member(channel):
        raise SlackError("not_in_channel")
    for user_id in users:
        if user_id == call.app.bot_user_id:
            raise SlackError("cant_invite_self")
        if user_id not in call.core.state.users:
            raise SlackError("user_not_found")
    fresh = [u for u in users if u not in channel.members]
    if not fresh:
        raise SlackError("already_in_channel")
    for user_id in fresh:
        call.core.membership.join(channel, user_id, inviter=call.app.bot_user_id)
    return {"channel": described(call.core.state, channel, call.app.bot_user_id)}


async def join(call: Call) -> JSON:
    channel = call.channel()
    call.need("channels:join")
    if channel.kind != "channel":
        raise SlackError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise SlackError("is_archived")
    answer: JSON = {}
    if call.is_member(channel):
        call.warnings.append("already_in_channel")
    else:
        call.core.membership.join(channel, call.app.bot_user_id)
    answer["channel"] = described(call.core.state, channel, call.app.bot_user_id)
    return answer


async def members(call: Call) -> JSON:
    channel = _channel(call, "read")
    chosen, cursor = paging.page(list(channel.members), call.arguments)
    return {"members": chosen, **paging.metadata(cursor)}


async def open_direct(call: Call) -> JSON:
    """Open a direct message with one person, or one with several (mpim)."""
    if call.arguments.text("channel"):
        channel = call.channel()
        return {"no_op": True, "already_open": True, "channel": {"id": channel.id}}
    users = call.arguments.names("users")
    if not users:
        raise SlackError("users_list_not_supplied")
    call.need("im:write" if len(users) == 1 else "mpim:write")
    for user_id in users:
        call.core.state.user(user_id)
    channel, known = call.core.membership.direct((*users, call.app.bot_user_id))
    answer: JSON = {"channel": {"id": channel.id}}
    if call.arguments.flag("return_im"):
        answer["channel"] = described(call.core.state, channel, call.app.bot_user_id)
    return {"no_op": known, "already_open": known, **answer}


async def set_topic(call: Call) -> JSON:
    channel = _changeable(call)
    channel.topic = _short(call, "topic")
    bot = call.app.bot_user_id
    text = f"<@{bot}> set the channel topic: {channel.topic}"
    call.core.membership.note(channel, bot, "channel_topic", text, topic=channel.topic)
    call.core.membership.announce(channel)
    return {"channel": described(call.core.state, channel, call.app.bot_user_id), "topic": channel.topic}


async def set_purpose(call: Call) -> JSON:
    channel = _changeable(call)
    channel.purpose = _short(call, "purpose")
    call.core.membership.announce(channel)
    return {"channel": described(call.core.state, channel, call.app.bot_user_id), "purpose": channel.purpose}


async def archive(call: Call) -> JSON:
    channel = _channel(call, "manage", "write")
    if channel.is_archived:
        raise SlackError("already_archived")
    if channel.name == "general":
        raise SlackError("cant_archive_general")
    if not call.is_member(channel):
        raise SlackError("not_in_channel")
    channel.is_archived = True
    call.core.membership.announce(channel)
    return {}


def _visible(call: Call) -> list[Channel]:
    return [c for c in call.core.state.channels.values() if c.kind == "channel" or call.is_member(c)]


def _channel(call: Call, *rights: str) -> Channel:
    channel = call.channel()
    if channel.user_ids and "read" not in rights:
        raise SlackError("method_not_supported_for_channel_type")
    call.need(*(f"{channel.scope_family}:{right}" for right in rights))
    return channel


def _changeable(call: Call) -> Channel:
    channel = _channel(call, "manage", "write")
    if channel.is_archived:
        raise SlackError("is_archived")
    if not call.is_member(channel):
        raise SlackError("not_in_channel")
    return channel


def _short(call: Call, name: str) -> str:
    value = call.arguments.text(name)
    if len(value) > 250:
        raise SlackError("too_long")
    return value


METHODS: Methods = {
    "conversations.list": Method(listing),
    "conversations.info": Method(show),
    "conversations.create": Method(create),
    "conversations.invite": Method(invite),
    "conversations.join": Method(join),
    "conversations.members": Method(members),
    "conversations.open": Method(open_direct),
    "conversations.setTopic": Method(set_topic),
    "conversations.setPurpose": Method(set_purpose),
    "conversations.archive": Method(archive),
}
