"""What people do in the workspace, shared by the web page's requests and by the Python driver."""

import uuid
from typing import TYPE_CHECKING

from sandbox.slack.composer import compose, rich_text
from sandbox.slack.errors import SlackError
from sandbox.slack.state import JSON, Channel

if TYPE_CHECKING:
    from sandbox.slack.core import Core


class PeopleDesk:
    """Every method takes the id of the person who acts and raises SlackError with the reason when refused."""

    def __init__(self, core: "Core") -> None:
        self._core = core

    def channel(self, user_id: str, channel_id: str) -> Channel:
        """Return a conversation this person may see."""
        channel = self._core.state.channel(channel_id)
        if channel.kind != "channel" and user_id not in channel.members:
            raise SlackError("channel_not_found")
        return channel

    async def send(self, user_id: str, channel_id: str, text: str, thread_ts: str | None = None) -> JSON | None:
        """Post what a person typed; text that starts with a slash is a command and returns None."""
        channel = self.channel(user_id, channel_id)
        if not text.strip():
            raise SlackError("no_text")
        if text.startswith("/"):
            await self._core.interactions.command(user_id, channel, text, thread_ts)
            return None
        if channel.is_archived:
            raise SlackError("is_archived")
        if user_id not in channel.members:
            raise SlackError("not_in_channel")
        composed = compose(self._core.state, text)
        author = {**self._core.messages.as_user(user_id), "client_msg_id": str(uuid.uuid4())}
        return self._core.messages.post(channel, author, composed, thread_ts=thread_ts, blocks=rich_text(composed))

    def timeline(self, user_id: str, channel_id: str, before: str = "", limit: int = 50) -> tuple[list[JSON], bool]:
        """Return up to `limit` messages, oldest first, with the person's ephemeral ones, and whether more exist."""
        channel = self.channel(user_id, channel_id)
        shown = [m for m in channel.timeline() if not before or m["ts"] < before]
        page = shown[-limit:]
        has_more = len(shown) > len(page)
        oldest = page[0]["ts"] if page and has_more else ""
        page += [
            m
            for m in channel.ephemerals.get(user_id, ())
            if "thread_ts" not in m and m["ts"] >= oldest and (not before or m["ts"] < before)
        ]
        return sorted(page, key=lambda m: m["ts"]), has_more

    def thread(self, user_id: str, channel_id: str, ts: str) -> list[JSON]:
        channel = self.channel(user_id, channel_id)
        parent, *replies = channel.thread(ts)
        replies += [m for m in channel.ephemerals.get(user_id, ()) if m.get("thread_ts") == ts]
        return [parent, *sorted(replies, key=lambda m: m["ts"])]

    def conversations(self, user_id: str) -> list[JSON]:
        """Return what this person's side bar shows: public channels and the conversations they are in."""
        return [
            self._core.membership.seen_by(c, user_id)
            for c in self._core.state.channels.values()
            if c.kind == "channel" or user_id in c.members
        ]

    def open_dm(self, user_id: str, other: str) -> Channel:
        self._core.state.user(other)
        if other == user_id:
            raise SlackError("cannot_dm_self")
        return self._core.membership.direct((user_id, other))[0]

    def join(self, user_id: str, channel_id: str) -> Channel:
        channel = self.channel(user_id, channel_id)
        if channel.is_archived:
            raise SlackError("is_archived")
        if user_id not in channel.members:
            self._core.membership.join(channel, user_id)
        return channel

    def upload(self, user_id: str, filename: str, content: bytes) -> JSON:
        """Store a file somebody chose in a file input and return Slack's file object."""
        file = self._core.files.promise(filename, len(content), user_id)
        self._core.files.store(file, content)
        return file

    def mark(self, user_id: str, channel_id: str, ts: str) -> None:
        channel = self.channel(user_id, channel_id)
        count = self._core.unread.mark(channel, user_id, ts)
        event = {"type": "unread", "channel": channel.id, "unread": count.unread, "mentions": count.mentions}
        self._core.pages.publish(event, (user_id,))
