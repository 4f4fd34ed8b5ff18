"""chat.*: posting, changing and deleting messages."""

import re

from sandbox.slack.errors import SlackError
from sandbox.slack.state import JSON, Channel
from sandbox.slack.validation.content import POST_LIMIT, UPDATE_LIMIT, read_content
from sandbox.slack.web_api.method import Call, Method, Methods

_TS = re.compile(r"\d+\.\d{6}")


async def post_message(call: Call) -> JSON:
    channel = _destination(call)
    may_post(call, channel)
    text, content = _content(call)
    if len(text) > POST_LIMIT:
        text = text[:POST_LIMIT]
        call.warnings.append("message_truncated")
    thread_ts = call.arguments.text("thread_ts")
    if thread_ts and not _TS.fullmatch(thread_ts):
        raise SlackError("invalid_thread_ts")
    message = call.core.messages.post(
        channel,
        call.core.messages.as_app(call.app, **signature(call)),
        text,
        thread_ts=thread_ts or None,
        broadcast=call.arguments.flag("reply_broadcast"),
        **content,
    )
    return {"channel": channel.id, "ts": message["ts"], "message": message}


async def post_ephemeral(call: Call) -> JSON:
    channel = call.channel()
    may_post(call, channel)
    (user_id,) = call.arguments.required("user")
    if user_id not in call.core.state.users:
        raise SlackError("user_not_found")
    if user_id not in channel.members:
        raise SlackError("user_not_in_channel")
    text, content = _content(call)
    if len(text) > POST_LIMIT:
        raise SlackError("msg_too_long")
    if thread_ts := call.arguments.text("thread_ts"):
        content["thread_ts"] = thread_ts
    author = call.core.messages.as_app(call.app, **signature(call))
    message = call.core.messages.ephemeral(channel, user_id, author, text, **content)
    return {"message_ts": message["ts"]}


async def update(call: Call) -> JSON:
    channel = call.channel()
    (ts,) = call.arguments.required("ts")
    previous = own_message(call, channel, ts, "cant_update_message")
    values = dict(call.arguments.values)
    if len(call.arguments.text("text")) > UPDATE_LIMIT:
        raise SlackError("msg_too_long")
    text, content = _content(call)
    # What is left out stays: old blocks go only when an empty list replaces them.
    changes: JSON = {**content, "text": text if "text" in values else previous["text"]}
    for name in ("blocks", "attachments"):
        if name in content and not content[name]:
            changes[name] = None
    edited = changes["text"] != previous["text"] and previous.get("streaming_state") is None
    message = call.core.messages.update(channel, ts, changes, editor=call.app.bot_user_id if edited else None)
    return {"channel": channel.id, "ts": ts, "text": message["text"], "message": message}


async def delete(call: Call) -> JSON:
    channel = call.channel()
    (ts,) = call.arguments.required("ts")
    own_message(call, channel, ts, "cant_delete_message")
    call.core.messages.delete(channel, ts)
    return {"channel": channel.id, "ts": ts}


async def permalink(call: Call) -> JSON:
    channel = call.channel()
    (ts,) = call.arguments.required("message_ts")
    message = channel.message(ts)
    path = f"/archives/{channel.id}/p{ts.replace('.', '')}"
    thread = message.get("thread_ts")
    suffix = f"?thread_ts={thread}&cid={channel.id}" if thread and thread != ts else ""
    # The page opens these addresses itself, so a link leads to where the message can be seen.
    return {"channel": channel.id, "permalink": f"{call.core.base_url}{path}{suffix}"}


def may_post(call: Call, channel: Channel) -> None:
    """Raise is_archived or not_in_channel when the app may not write there."""
    if channel.is_archived:
        raise SlackError("is_archived")
    if call.is_member(channel):
        return
    if channel.kind != "channel" or "chat:write.public" not in call.app.scopes:
        raise SlackError("not_in_channel")


def own_message(call: Call, channel: Channel, ts: str, refusal: str) -> JSON:
    message = channel.message(ts)
    if channel.is_archived:
        raise SlackError("is_archived")
    if message.get("app_id") != call.app.app_id:
        raise SlackError(refusal)
    return message


def signature(call: Call) -> JSON:
    """Return how the app signs a message when it may choose: chat:write.customize."""
    chosen = {name: call.arguments.text(name) for name in ("username", "icon_emoji", "icon_url")}
    chosen = {name: value for name, value in chosen.items() if value}
    if not chosen:
        return {}
    call.need("chat:write.customize")
    signed: JSON = {"username": chosen.pop("username", "")}
    if chosen:
        signed["icons"] = {name.removeprefix("icon_"): value for name, value in chosen.items()}
    return signed


def _content(call: Call) -> tuple[str, JSON]:
    """Read what the call says, and refuse pictures of files that nobody uploaded."""
    text, content = read_content(dict(call.arguments.values))
    for number, block in enumerate(content.get("blocks", ())):
        for place, holder in (("", block), ("/accessory", block.get("accessory") or {})):
            if holder.get("type") == "image" and "slack_file" in holder and not _known_file(call, holder["slack_file"]):
                pointer = f"/blocks/{number}{place}/slack_file"
                raise SlackError("invalid_blocks", messages=[f"[ERROR] invalid slack file [json-pointer:{pointer}]"])
    return text, content


def _known_file(call: Call, reference: JSON) -> bool:
    if reference.get("id"):
        return call.core.files.find(str(reference["id"])) is not None
    files = call.core.state.files.values()
    return any(
        reference.get("url") in (f["url_private"], f["permalink"]) and call.core.files.find(f["id"]) for f in files
    )


def _destination(call: Call) -> Channel:
    """Return where to post: a conversation, or a person's direct message with the app when given a user id."""
    (wanted,) = call.arguments.required("channel")
    if wanted in call.core.state.users:
        if wanted == call.app.bot_user_id:
            raise SlackError("channel_not_found")
        return call.core.membership.direct((wanted, call.app.bot_user_id))[0]
    return call.channel()


_WRITE = ("chat:write",)
METHODS: Methods = {
    "chat.postMessage": Method(post_message, _WRITE),
    "chat.postEphemeral": Method(post_ephemeral, _WRITE),
    "chat.update": Method(update, _WRITE),
    "chat.delete": Method(delete, _WRITE),
    "chat.getPermalink": Method(permalink),
}
