"""conversations.history and conversations.replies: what was said."""

from sandbox.slack.errors import SlackError
from sandbox.slack.state import JSON, Channel
from sandbox.slack.web_api import paging
from sandbox.slack.web_api.method import Call, Method, Methods


async def history(call: Call) -> JSON:
    """Answer newest first."""
    channel = _readable(call)
    messages = [m for m in reversed(channel.timeline()) if _within(call, m)]
    chosen, cursor = paging.page(messages, call.arguments, most=999)
    return {
        "messages": [_shown(call, m) for m in chosen],
        "has_more": bool(cursor),
        "pin_count": len(channel.pins),
        **paging.metadata(cursor),
    }


async def replies(call: Call) -> JSON:
    """Answer the parent, then the replies, oldest first."""
    channel = _readable(call)
    (ts,) = call.arguments.required("ts")
    thread = channel.thread(ts)
    chosen = [thread[0], *(m for m in thread[1:] if _within(call, m))]
    page, cursor = paging.page(chosen, call.arguments, default=1000)
    return {"messages": [_shown(call, m) for m in page], "has_more": bool(cursor), **paging.metadata(cursor)}


def _readable(call: Call) -> Channel:
    channel = call.channel()
    call.need(f"{channel.scope_family}:history")
    if not call.is_member(channel):
        raise SlackError("not_in_channel")
    return channel


def _within(call: Call, message: JSON) -> bool:
    ts = message["ts"]
    oldest, latest = call.arguments.text("oldest", "0"), call.arguments.text("latest")
    inclusive = call.arguments.flag("inclusive")
    after = _order(ts) > _order(oldest) or (inclusive and ts == oldest)
    before = not latest or _order(ts) < _order(latest) or (inclusive and ts == latest)
    return after and before


def _order(ts: str) -> tuple[int, int]:
    """Compare timestamps as numbers without the rounding a float would bring."""
    seconds, _, micros = ts.partition(".")
    try:
        return int(seconds), int(micros.ljust(6, "0") or 0)
    except ValueError as malformed:
        raise SlackError("invalid_ts_latest") from malformed


def _shown(call: Call, message: JSON) -> JSON:
    allowed = call.arguments.flag("include_all_metadata") and "metadata.message:read" in call.app.scopes
    if "metadata" not in message or allowed:
        return message
    return {name: value for name, value in message.items() if name != "metadata"}


METHODS: Methods = {
    "conversations.history": Method(history),
    "conversations.replies": Method(replies),
}
