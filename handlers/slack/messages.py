"""Messages: PagerDuty's become alerts, a person's direct message is a question, everything else is let pass."""

from collections import OrderedDict
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp

from handlers.slack import commands, pagerduty_message
from handlers.slack.mentions import answer
from handlers.slack.wiring import Wiring

logger = structlog.get_logger(__name__)

JSON = dict[str, Any]
MOST_THREADS = 1000


class AlertMessages:
    """Turns the messages of the apps that send alerts into alerts, and hands them to intake.

    The event is acknowledged only after intake has stored the alert: whatever raises here makes Slack deliver again.
    """

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._threads: OrderedDict[tuple[str, str], tuple[str, str] | None] = OrderedDict()

    def is_alert(self, message: JSON) -> bool:
        profile = message.get("bot_profile") or {}
        return (profile.get("app_id") or message.get("app_id")) in self._wiring.alert_app_ids

    async def take(self, event: JSON, event_id: str) -> None:
        """Store the alert in a message event, if there is one."""
        channel = str(event["channel"])
        if event.get("subtype") == "message_changed":
            message, previous = event["message"], event.get("previous_message") or {}
            edited = message.get("edited") or {}
            changed_at = edited.get("ts") or event.get("event_ts") or event.get("ts")
        else:
            message, previous, changed_at = event, None, None
        incident = await self._incident_of_thread(channel, message)
        alert = pagerduty_message.parse(
            message,
            channel=channel,
            event_id=event_id,
            incident=incident,
            previous=previous,
            changed_at=changed_at,
        )
        if alert is None:
            logger.debug("alert_message_without_news", channel=channel, ts=message.get("ts"))
            return
        await self._wiring.services.intake.accept(alert)

    async def _incident_of_thread(self, channel: str, message: JSON) -> tuple[str, str] | None:
        """Return the incident that a thread's first message links to, for replies that link to none themselves."""
        thread_ts = message.get("thread_ts")
        if not thread_ts or thread_ts == message.get("ts"):
            return None
        if pagerduty_message.incident_url(pagerduty_message.strings(message)):
            return None
        key = (channel, str(thread_ts))
        if key not in self._threads:
            answered = await self._wiring.client.conversations_replies(channel=channel, ts=str(thread_ts), limit=1)
            parents = answered.get("messages") or ()
            texts = pagerduty_message.strings(parents[0]) if parents and self.is_alert(parents[0]) else []
            self._threads[key] = pagerduty_message.incident_url(texts)
            while len(self._threads) > MOST_THREADS:
                self._threads.popitem(last=False)
        return self._threads[key]


def register(app: AsyncApp, wiring: Wiring) -> None:
    alerts, known = AlertMessages(wiring), commands.load()

    @app.event("message")
    async def on_message(event: JSON, body: JSON) -> None:
        message = event.get("message") or event
        if alerts.is_alert(message):
            if event.get("subtype") != "message_deleted":
                await alerts.take(event, str(body.get("event_id") or f"{event['channel']}:{event.get('event_ts')}"))
            return
        if event.get("channel_type") == "im" and not event.get("bot_id") and event.get("subtype") is None:
            await wiring.deliveries.once(str(body.get("event_id")), lambda: answer(wiring, known, event))
