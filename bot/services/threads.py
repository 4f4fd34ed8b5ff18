"""Posting into an incident's thread exactly once, also across a crash."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from bot.domain.alert import MessageRef
from bot.domain.incident import Incident
from bot.errors import NotFound
from bot.ports.messenger import Messenger
from bot.services.core import Core
from bot.settings import SlackSettings
from bot.store import incidents as incident_store
from bot.store import proposals as proposal_store

logger = structlog.get_logger(__name__)

_POLL_SECONDS = 0.1


class ThreadService:
    """Knows where an incident is discussed and what has been posted there."""

    def __init__(self, core: Core, messenger: Messenger, settings: SlackSettings) -> None:
        self._core = core
        self._messenger = messenger
        self._settings = settings

    async def post_once(self, incident: Incident, key: str, post: Callable[[], Awaitable[MessageRef]]) -> MessageRef:
        """Post by calling `post`, unless a message with this key is there already.

        The intention is stored first. When it was stored before but no message is known, a crash may have come
        between the posting and its record: then the thread is searched before anything is posted again.
        """
        async with self._core.transaction() as session:
            intended, ref = await proposal_store.intend_message(session, key, incident.id, self._core.now())
        if ref is not None:
            return ref
        ref = await self._messenger.find_posted(incident, key) if intended else None
        if ref is None:
            ref = await post()
        async with self._core.transaction() as session:
            await proposal_store.record_message(session, key, ref)
        return ref

    async def ensure_thread(self, incident: Incident) -> Incident:
        """Return the incident with the thread it is discussed in, opening one of ours when there is none.

        An incident whose vendor posts to chat gets a moment for that message to arrive, so that the channel does not
        show it twice.
        """
        waits = incident.source.traits.posts_to_chat
        deadline = incident.opened_at + timedelta(seconds=self._settings.thread_grace_seconds if waits else 0)
        while incident.thread is None and self._core.now() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
            incident = await self.reload(incident.id)
        if incident.thread is not None:
            return incident
        ref = await self.post_once(incident, f"{incident.id}:root", lambda: self._open(incident))
        async with self._core.transaction() as session:
            await incident_store.update(session, incident.id, thread=ref, channel=ref.channel, thread_is_ours=True)
        return await self.reload(incident.id)

    async def _open(self, incident: Incident) -> MessageRef:
        key = f"{incident.id}:root"
        routed = self._settings.service_channels.get(incident.service or "", self._settings.incident_channel)
        if incident.channel is not None and incident.channel != routed:
            try:
                return await self._messenger.open_thread(incident, incident.channel, key)
            except NotFound:
                # Somebody asked in a channel that the bot is not in: the incident channel has to do.
                logger.info("channel_not_joined", incident=incident.id, channel=incident.channel)
        return await self._messenger.open_thread(incident, routed, key)

    async def reload(self, incident_id: str) -> Incident:
        """Return the incident as it is stored now. Raise NotFound."""
        async with self._core.reading() as session:
            incident = await incident_store.get(session, incident_id)
        if incident is None:
            raise NotFound(f"There is no incident {incident_id}.", vendor="Oncall Agent")
        return incident

    async def posted(self, key: str) -> MessageRef | None:
        async with self._core.reading() as session:
            return await proposal_store.posted_message(session, key)
