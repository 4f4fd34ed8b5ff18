"""Posting, changing and deleting messages: one place that stores, tells the apps and tells the pages."""

from collections.abc import Callable
from typing import Any

from sandbox.slack.apps import InstalledApp
from sandbox.slack.deliveries import Deliveries
from sandbox.slack.errors import SlackError
from sandbox.slack.pages import Pages
from sandbox.slack.state import JSON, Channel, State
from sandbox.slack.unread import Unread

MAX_REPLY_USERS = 5


class Messages:
    """`changed` wakes whoever waits for something to happen in the workspace."""

    def __init__(
        self, state: State, deliveries: Deliveries, pages: Pages, unread: Unread, changed: Callable[[], None]
    ) -> None:
        self._state = state
        self._deliveries = deliveries
        self._pages = pages
        self._unread = unread
        self._changed = changed

    def as_app(self, app: InstalledApp, **overrides: Any) -> JSON:
        """Return the author's fields of an app's message; `username` and icons replace how it signs."""
        author: JSON = {
            "user": app.bot_user_id,
            "bot_id": app.bot_id,
            "app_id": app.app_id,
            "team": app.team_id,
            "bot_profile": app.bot_profile,
        }
        author.update({name: value for name, value in overrides.items() if value})
        return author

    def as_user(self, user_id: str) -> JSON:
        return {"user": user_id, "team": self._state.team_id}

    def post(
        self,
        channel: Channel,
        author: JSON,
        text: str,
        *,
        thread_ts: str | None = None,
        broadcast: bool = False,
        **content: Any,
    ) -> JSON:
        """Store a message and deliver it. `content` holds blocks, attachments, metadata, files; nothing empty is kept.

        Raise SlackError thread_not_found when `thread_ts` names no message.
        """
        parent = self._parent(channel, thread_ts) if thread_ts else None
        message: JSON = {"type": "message", **author, "ts": self._state.timestamps.next(), "text": text}
        message.update({name: value for name, value in content.items() if value})
        if parent is not None:
            message["thread_ts"] = parent["ts"]
            message["parent_user_id"] = parent.get("user")
            if broadcast:
                message["subtype"] = "thread_broadcast"
                message["root"] = {k: parent[k] for k in ("user", "bot_id", "ts", "text") if k in parent}
        channel.messages[message["ts"]] = message
        self._deliveries.message(channel, message)
        self._pages.publish({"type": "message", "channel": channel.id, "message": message}, channel.members)
        if parent is not None:
            self._replied(channel, parent, message)
        self._count(channel, message)
        self._changed()
        return message

    def update(self, channel: Channel, ts: str, changes: JSON, *, editor: str | None = None) -> JSON:
        """Replace fields of a message (None removes one). `editor` is set when a person would see "(edited)"."""
        previous = channel.message(ts)
        message = {name: value for name, value in {**previous, **changes}.items() if value is not None}
        if editor:
            message["edited"] = {"user": editor, "ts": self._state.timestamps.next()}
        self._replace(channel, message, previous)
        return message

    def delete(self, channel: Channel, ts: str) -> JSON:
        previous = channel.message(ts)
        thread_ts = previous.get("thread_ts")
        if channel.threads.get(ts):
            # A parent with replies stays as a tombstone, so that the thread keeps its place.
            kept = ("type", "ts", "thread_ts", "reply_count", "reply_users", "reply_users_count", "latest_reply")
            tombstone = {name: previous[name] for name in kept if name in previous}
            tombstone.update(subtype="tombstone", text="This message was deleted.", user="USLACKBOT", hidden=True)
            self._replace(channel, tombstone, previous)
            return previous
        del channel.messages[ts]
        self._deliveries.message_deleted(channel, previous)
        self._pages.publish({"type": "message_deleted", "channel": channel.id, "ts": ts}, channel.members)
        if thread_ts and thread_ts != ts and ts in channel.threads.get(thread_ts, ()):
            channel.threads[thread_ts].remove(ts)
            self._refresh_parent(channel, thread_ts)
        self._unread.recount(channel)
        for user_id in channel.members:
            self._tell_unread(channel, user_id)
        self._changed()
        return previous

    def ephemeral(self, channel: Channel, user_id: str, author: JSON, text: str, **content: Any) -> JSON:
        """Show a message to one person only. It is kept for that person's page to find again."""
        message: JSON = {"type": "message", **author, "ts": self._state.timestamps.next(), "text": text}
        message.update({name: value for name, value in content.items() if value})
        message.update(is_ephemeral=True, ephemeral_user=user_id)
        channel.ephemerals.setdefault(user_id, []).append(message)
        self._pages.publish({"type": "ephemeral", "channel": channel.id, "message": message}, (user_id,))
        self._changed()
        return message

    def find_ephemeral(self, channel: Channel, user_id: str, ts: str) -> JSON:
        for message in channel.ephemerals.get(user_id, ()):
            if message["ts"] == ts:
                return message
        raise SlackError("message_not_found")

    def replace_ephemeral(self, channel: Channel, user_id: str, ts: str, changes: JSON | None) -> None:
        """Change an ephemeral message in place, or take it away with None."""
        kept = channel.ephemerals.get(user_id, [])
        place = next((n for n, m in enumerate(kept) if m["ts"] == ts), None)
        if place is None:
            raise SlackError("message_not_found")
        if changes is None:
            del kept[place]
            event: JSON = {"type": "message_deleted", "channel": channel.id, "ts": ts}
        else:
            kept[place] = {k: v for k, v in {**kept[place], **changes}.items() if v is not None}
            event = {"type": "message_changed", "channel": channel.id, "message": kept[place]}
        self._pages.publish(event, (user_id,))
        self._changed()

    def react(self, channel: Channel, ts: str, user_id: str, name: str, *, remove: bool = False) -> None:
        """Add or take away a reaction. Raise already_reacted or no_reaction."""
        message = channel.message(ts)
        reactions = {r["name"]: list(r["users"]) for r in message.get("reactions", ())}
        users = reactions.setdefault(name, [])
        if remove and user_id not in users:
            raise SlackError("no_reaction")
        if not remove and user_id in users:
            raise SlackError("already_reacted")
        if remove:
            users.remove(user_id)
        else:
            users.append(user_id)
        kept = [{"name": n, "users": u, "count": len(u)} for n, u in reactions.items() if u]
        message.pop("reactions", None)
        if kept:
            message["reactions"] = kept
        self._deliveries.reaction(channel, message, user_id, name, added=not remove)
        event = {"type": "reaction", "channel": channel.id, "ts": ts, "reactions": kept}
        self._pages.publish(event, channel.members)
        self._changed()

    def _replace(self, channel: Channel, message: JSON, previous: JSON) -> None:
        channel.messages[message["ts"]] = message
        self._deliveries.message_changed(channel, message, previous)
        event = {"type": "message_changed", "channel": channel.id, "message": message}
        self._pages.publish(event, channel.members)
        self._changed()

    def _parent(self, channel: Channel, thread_ts: str) -> JSON:
        target = channel.messages.get(thread_ts)
        if target is None:
            raise SlackError("thread_not_found")
        root = target.get("thread_ts")
        return channel.messages.get(root, target) if root else target

    def _replied(self, channel: Channel, parent: JSON, reply: JSON) -> None:
        replies = channel.threads.setdefault(parent["ts"], [])
        replies.append(reply["ts"])
        previous = None if len(replies) > 1 else dict(parent)
        users = parent.setdefault("reply_users", [])
        if (user := reply.get("user")) and user not in users and len(users) < MAX_REPLY_USERS:
            users.append(user)
        parent.update(
            thread_ts=parent["ts"],
            reply_count=len(replies),
            reply_users_count=len(users),
            latest_reply=reply["ts"],
            is_locked=False,
        )
        if previous is not None:
            # Becoming a thread's parent is a change without an edit, and apps do hear of it.
            self._deliveries.message_changed(channel, parent, previous)
        self._pages.publish({"type": "message_changed", "channel": channel.id, "message": parent}, channel.members)

    def _refresh_parent(self, channel: Channel, thread_ts: str) -> None:
        parent, replies = channel.messages.get(thread_ts), channel.threads[thread_ts]
        if parent is None:
            return
        users = list(dict.fromkeys(u for ts in replies if (u := channel.messages[ts].get("user"))))
        parent.update(reply_count=len(replies), reply_users=users[:MAX_REPLY_USERS], reply_users_count=len(users))
        if replies:
            parent["latest_reply"] = replies[-1]
        else:
            for name in ("thread_ts", "reply_count", "reply_users", "reply_users_count", "latest_reply", "is_locked"):
                parent.pop(name, None)
        self._pages.publish({"type": "message_changed", "channel": channel.id, "message": parent}, channel.members)

    def _count(self, channel: Channel, message: JSON) -> None:
        for user_id in self._unread.posted(channel, message):
            self._tell_unread(channel, user_id)

    def _tell_unread(self, channel: Channel, user_id: str) -> None:
        if self._pages.watching(user_id):
            count = self._unread.of(user_id, channel.id)
            event = {"type": "unread", "channel": channel.id, "unread": count.unread, "mentions": count.mentions}
            self._pages.publish(event, (user_id,))
