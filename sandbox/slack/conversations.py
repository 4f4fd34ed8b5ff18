"""Slack's channel object, and joining and leaving."""

from typing import TYPE_CHECKING, Any

from sandbox.slack.state import JSON, Channel, State

if TYPE_CHECKING:
    from sandbox.slack.core import Core


def described(state: State, channel: Channel, user_id: str) -> JSON:
    """Return the channel object as `user_id` sees it."""
    common: JSON = {
        "id": channel.id,
        "created": channel.created,
        "is_archived": channel.is_archived,
        "is_im": channel.kind == "im",
        "is_mpim": channel.kind == "mpim",
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_private": channel.kind != "channel",
        "is_org_shared": False,
        "context_team_id": state.team_id,
        "updated": channel.created * 1000,
    }
    if channel.kind == "im":
        other = next((u for u in channel.user_ids if u != user_id), user_id)
        return {**common, "user": other, "is_user_deleted": False, "is_open": True, "priority": 0}
    return {
        **common,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_general": channel.name == "general",
        "is_member": user_id in channel.members,
        "is_shared": False,
        "is_ext_shared": False,
        "is_pending_ext_shared": False,
        "unlinked": 0,
        "creator": channel.creator,
        "topic": {"value": channel.topic, "creator": channel.creator, "last_set": channel.created},
        "purpose": {"value": channel.purpose, "creator": channel.creator, "last_set": channel.created},
        "previous_names": [],
        "num_members": len(channel.members),
    }


class Membership:
    """Joining, leaving, and telling the pages that a conversation changed."""

    def __init__(self, core: "Core") -> None:
        self._core = core

    def direct(self, user_ids: tuple[str, ...]) -> tuple[Channel, bool]:
        """Return the direct message between users and whether it was there already; a new one is announced."""
        before = len(self._core.state.channels)
        channel = self._core.state.direct_message(user_ids)
        known = len(self._core.state.channels) == before
        if not known:
            self.announce(channel)
        return channel, known

    def join(self, channel: Channel, user_id: str, inviter: str | None = None) -> None:
        channel.members[user_id] = None
        self._core.deliveries.membership(channel, user_id, inviter, joined=True)
        self.note(channel, user_id, "channel_join", f"<@{user_id}> has joined the channel")
        self.announce(channel)

    def note(self, channel: Channel, user_id: str, subtype: str, text: str, **fields: Any) -> None:
        """Leave the line in a channel that says who joined or changed it."""
        self._core.messages.post(channel, {"user": user_id}, text, subtype=subtype, **fields)

    def leave(self, channel: Channel, user_id: str) -> None:
        channel.members.pop(user_id, None)
        self._core.deliveries.membership(channel, user_id, None, joined=False)
        self.announce(channel)

    def seen_by(self, channel: Channel, user_id: str) -> JSON:
        """Return the conversation object of the page: the channel with what this person has not read."""
        count = self._core.unread.of(user_id, channel.id)
        return {
            **described(self._core.state, channel, user_id),
            "unread": count.unread,
            "mentions": count.mentions,
            "last_read": count.last_read,
        }

    def announce(self, channel: Channel) -> None:
        """Tell every page that may see the conversation what it looks like now."""
        for user_id in self._core.state.people:
            if channel.kind == "channel" or user_id in channel.members:
                event = {"type": "conversation", "conversation": self.seen_by(channel, user_id)}
                self._core.pages.publish(event, (user_id,))
        self._core.changes.notify()
