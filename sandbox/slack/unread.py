"""Who has read what: the counts beside each conversation."""

import re
from dataclasses import dataclass, field

from sandbox.slack.state import JSON, Channel, State, is_top_level

_GROUP_MENTION = re.compile(r"<!subteam\^([A-Z0-9]+)")


@dataclass(slots=True)
class Count:
    """`last_read` is the ts of the newest message seen."""

    unread: int = 0
    mentions: int = 0
    last_read: str = "0000000000.000000"


@dataclass(slots=True)
class Unread:
    """Counts per person and conversation, kept up as messages arrive rather than counted on every look."""

    state: State
    _counts: dict[tuple[str, str], Count] = field(default_factory=dict)

    def of(self, user_id: str, channel_id: str) -> Count:
        return self._counts.setdefault((user_id, channel_id), Count())

    def posted(self, channel: Channel, message: JSON) -> list[str]:
        """Count a new message and return the people whose counts changed."""
        author = message.get("user")
        top_level = is_top_level(message)
        touched = []
        if top_level and author in self.state.people:
            # Whoever writes in a channel has read it.
            touched.append(author)
            own = self.of(author, channel.id)
            own.unread, own.mentions, own.last_read = 0, 0, message["ts"]
        for user_id in channel.members:
            if user_id == author or user_id not in self.state.people:
                continue
            mentioned = self._mentions(channel, message, user_id)
            if top_level or mentioned:
                count = self.of(user_id, channel.id)
                count.unread += top_level
                count.mentions += mentioned
                touched.append(user_id)
        return touched

    def mark(self, channel: Channel, user_id: str, ts: str) -> Count:
        """Set how far somebody has read, and count again what is left."""
        count = self.of(user_id, channel.id)
        count.last_read = ts
        count.unread = count.mentions = 0
        for message in reversed(channel.messages.values()):
            if message["ts"] <= ts:
                break
            if message.get("user") != user_id:
                count.unread += is_top_level(message)
                count.mentions += self._mentions(channel, message, user_id)
        return count

    def recount(self, channel: Channel) -> None:
        for user_id in self.state.people:
            if user_id in channel.members:
                self.mark(channel, user_id, self.of(user_id, channel.id).last_read)

    def _mentions(self, channel: Channel, message: JSON, user_id: str) -> bool:
        if channel.user_ids:
            return is_top_level(message)
        text = message.get("text", "")
        if "<" not in text:
            return False
        if f"<@{user_id}" in text or "<!here" in text or "<!channel" in text or "<!everyone" in text:
            return True
        groups = self.state.groups
        return any(g in groups and user_id in groups[g].users for g in _GROUP_MENTION.findall(text))
