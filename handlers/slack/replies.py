"""Answers that only the person who acted sees, and what becomes of errors."""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.errors import OncallError, VendorError, new_error_id
from handlers.slack.screens import JSON, Screens

logger = structlog.get_logger(__name__)

NETWORK_ERRORS = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Reply:
    """Where a person's answer goes.

    A slash command is answered at its `response_url` (it works where the bot is no member), a click in a message
    inside that thread, anything else in the person's direct messages.
    """

    client: AsyncWebClient
    user_id: str
    channel: str | None = None
    thread_ts: str | None = None
    response_url: str | None = None

    async def say(self, message: JSON) -> None:
        """Send `message` to the person alone. A failure is logged: there is nobody left to tell."""
        try:
            if self.response_url is not None and await self._respond(self.response_url, message):
                return
            if self.channel is not None and await self._ephemeral(message):
                return
            await self.client.chat_postMessage(channel=self.user_id, unfurl_links=False, unfurl_media=False, **message)
        except NETWORK_ERRORS as error:
            logger.warning("slack_reply_failed", user=self.user_id, channel=self.channel, reason=str(error))

    async def _respond(self, url: str, message: JSON) -> bool:
        webhook = AsyncWebhookClient(url, session=self.client.session)
        try:
            answer = await webhook.send_dict({**message, "response_type": "ephemeral", "replace_original": False})
        except NETWORK_ERRORS as error:
            logger.warning("slack_response_url_failed", user=self.user_id, reason=str(error))
            return False
        return bool(answer.status_code == 200)

    async def _ephemeral(self, message: JSON) -> bool:
        try:
            await self.client.chat_postEphemeral(
                channel=str(self.channel), user=self.user_id, thread_ts=self.thread_ts, **message
            )
        except NETWORK_ERRORS as error:
            logger.warning("slack_ephemeral_failed", user=self.user_id, channel=self.channel, reason=str(error))
            return False
        return True


def explain(error: Exception, screens: Screens, *, name: str) -> JSON:
    """Return what a person sees of an error; the traceback of an unexpected one goes to the log only."""
    if isinstance(error, OncallError):
        if isinstance(error, VendorError):
            logger.warning("slack_handler_vendor_failed", handler=name, vendor=error.vendor, reason=error.message)
        return screens.error(error.message, error.next_step)
    error_id = new_error_id()
    logger.error("slack_handler_failed", handler=name, error_id=error_id, exc_info=error)
    return screens.error(
        f"Something went wrong ({error_id}).", "Try again; if it stays so, quote the id to whoever runs this bot."
    )


async def guarded(work: Coroutine[Any, Any, None], reply: Reply, screens: Screens, *, name: str) -> None:
    """Await `work`; answer the person with a sentence when it raises."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - explain() logs what is not ours, with its traceback
        await reply.say(explain(error, screens, name=name))
