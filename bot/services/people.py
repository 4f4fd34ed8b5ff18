"""Who somebody is."""

from bot.domain.actor import Actor
from bot.ports.messenger import Messenger


class PeopleService:
    """People by their Slack user id, which is the only identity that counts."""

    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger

    async def person(self, user_id: str) -> Actor:
        """Return the person with e-mail and user groups. Raise VendorError."""
        return await self._messenger.person(user_id)
