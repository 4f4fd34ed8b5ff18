"""The messenger: says in Slack what the core wants said, once, at Slack's pace."""

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from time import monotonic
from typing import Any, TypeVar

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import clock
from bot.domain.action import Proposal, ProposalState
from bot.domain.actor import Actor
from bot.domain.alert import MessageRef
from bot.domain.analysis import Analysis
from bot.domain.entity import ObjectRef
from bot.domain.evidence import Evidence, Progress
from bot.domain.incident import Incident
from bot.errors import InvalidInput, Unavailable, VendorError
from bot.settings import SlackSettings
from integrations.slack import blocks
from integrations.slack.directory import Directory
from integrations.slack.errors import LayoutRefused, error_code, translated
from integrations.slack.pacing import PostPacer, UpdateCoalescer

logger = structlog.get_logger(__name__)

EVENT_TYPE = "oncall_agent"
JSON = dict[str, Any]
T = TypeVar("T")
SEARCH_BACK_SECONDS = 120  # how long before an incident was opened its root message may have been posted


class SlackMessenger:
    """Implements bot.ports.messenger.Messenger.

    `now` decides how long people, their groups and channels are remembered; pacing has a clock of its own.
    """

    def __init__(
        self, client: AsyncWebClient, settings: SlackSettings, now: Callable[[], datetime] = clock.now
    ) -> None:
        self._client = client
        self._settings = settings
        self._directory = Directory(client, lambda: now().timestamp())
        self._posts = PostPacer(monotonic)
        self._updates = UpdateCoalescer(monotonic)

    # The root message

    async def open_thread(self, incident: Incident, channel: str, key: str) -> MessageRef:
        """Post the root message into `channel` (id or name), joining a public channel where necessary."""
        channel_id = await self._directory.channel_id(channel)
        return await self._post(channel_id, None, blocks.root(incident), incident, key)

    async def update_root(self, incident: Incident, message: MessageRef) -> None:
        await self._update(message, blocks.root(incident))

    # The investigation

    async def post_progress(self, incident: Incident, progress: Progress, key: str) -> MessageRef:
        return await self._reply(incident, blocks.progress(incident, progress), key)

    async def update_progress(self, incident: Incident, message: MessageRef, progress: Progress) -> None:
        await self._update(message, blocks.progress(incident, progress))

    async def show_analysis(
        self, incident: Incident, message: MessageRef, analysis: Analysis, proposals: int, progress: Progress
    ) -> None:
        await self._update(message, blocks.analysis(incident, analysis, proposals, progress), urgent=True)

    async def ask_target(
        self, incident: Incident, message: MessageRef, candidates: Sequence[ObjectRef], reason: str
    ) -> None:
        await self._update(message, blocks.question(incident, candidates, reason), urgent=True)

    # Proposals

    async def post_proposal(self, incident: Incident, proposal: Proposal, key: str) -> MessageRef:
        return await self._reply(incident, blocks.proposal(incident, proposal), key)

    async def update_proposal(self, incident: Incident, proposal: Proposal, step: str = "") -> None:
        """Show the present state. A proposal whose message was never posted has nothing to update."""
        if proposal.message is None:
            return
        urgent = proposal.state is not ProposalState.EXECUTING
        await self._update(proposal.message, blocks.proposal(incident, proposal, step), urgent=urgent)

    async def offer_resolve(self, incident: Incident, proposal: Proposal, key: str) -> MessageRef:
        return await self._reply(incident, blocks.resolve(incident, proposal), key)

    async def update_resolve(self, incident: Incident, proposal: Proposal, message: MessageRef) -> None:
        await self._update(message, blocks.resolve(incident, proposal), urgent=True)

    async def post_notice(self, incident: Incident, text: str, key: str) -> MessageRef:
        return await self._reply(incident, blocks.notice(text), key)

    async def post_evidence_file(self, incident: Incident, evidence: Sequence[Evidence], key: str) -> None:
        """Attach the evidence as one JSON file. Files carry no metadata: the file's name stands for the key."""
        thread = _thread_of(incident)
        name = f"evidence-{incident.id}-{hashlib.sha256(key.encode()).hexdigest()[:8]}.json"
        async for message in self._thread_messages(thread):
            if any(file.get("name") == name for file in message.get("files") or ()):
                return
        content = json.dumps([item.model_dump(mode="json") for item in evidence], indent=2, ensure_ascii=False)
        await self._posts.wait(thread.channel)
        async with translated():
            await self._client.files_upload_v2(
                channel=thread.channel,
                thread_ts=thread.ts,
                filename=name,
                title=f"Evidence of {incident.id}",
                content=content,
            )

    # Looking things up

    async def find_posted(self, incident: Incident, key: str) -> MessageRef | None:
        """Look through the incident's thread, or through its channel while it has none, for a message of ours."""
        ours = (await self._directory.identity()).bot_id
        if incident.thread is not None:
            messages = self._thread_messages(_thread_of(incident))
            channel = incident.thread.channel
        elif incident.channel is not None:
            channel = await self._directory.channel_id(incident.channel)
            messages = self._channel_messages(channel, incident.opened_at.timestamp() - SEARCH_BACK_SECONDS)
        else:
            return None
        return await _find(messages, channel, key, ours)

    async def person(self, user_id: str) -> Actor:
        return await self._directory.person(user_id)

    def forget_groups(self) -> None:
        """Read user groups anew next time (call it on subteam_members_changed)."""
        self._directory.forget_groups()

    async def thread_linker(self) -> Callable[[Incident], str | None]:
        """Return a function from an incident to its thread's address; without Slack it knows no address."""
        try:
            base = (await self._directory.identity()).team_url
        except VendorError:
            base = ""

        def link(incident: Incident) -> str | None:
            if incident.thread is None or not base:
                return None
            return f"{base}archives/{incident.thread.channel}/p{incident.thread.ts.replace('.', '')}"

        return link

    async def check(self) -> str:
        """Return one sentence about the connection. Raise VendorError when it does not work."""
        identity = await self._directory.identity()
        channel = await self._directory.channel_id(self._settings.incident_channel)
        return f"Connected to {identity.team} as {identity.user_id}; incidents go to channel {channel}."

    async def granted_scopes(self) -> frozenset[str]:
        """Return the scopes of the bot token, as Slack names them in the header of every answer."""
        async with translated():
            answer = await self._client.auth_test()
        header = next((v for k, v in answer.headers.items() if k.lower() == "x-oauth-scopes"), "")
        return frozenset(scope.strip() for scope in header.split(",") if scope.strip())

    # Sending

    async def _reply(self, incident: Incident, content: JSON, key: str) -> MessageRef:
        thread = _thread_of(incident)
        return await self._post(thread.channel, thread.ts, content, incident, key)

    async def _post(
        self, channel: str, thread_ts: str | None, content: JSON, incident: Incident, key: str
    ) -> MessageRef:
        """Post once: after a lost answer look whether the message is there before posting it again."""
        arguments: JSON = {
            "channel": channel,
            "thread_ts": thread_ts,
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": key, "incident": incident.id}},
            "unfurl_links": False,
            "unfurl_media": False,
        }
        await self._posts.wait(channel)
        try:
            return await self._post_or_join(arguments, content)
        except Unavailable as error:
            if error.retry_after is not None:
                raise
            logger.warning("slack_post_unanswered", channel=channel, key=key, reason=error.message)
        placed = MessageRef(channel=channel, ts=thread_ts) if thread_ts else None
        found = await self.find_posted(incident.model_copy(update={"channel": channel, "thread": placed}), key)
        return found or await self._post_or_join(arguments, content)

    async def _post_or_join(self, arguments: JSON, content: JSON) -> MessageRef:
        async def post(body: JSON) -> MessageRef:
            async with translated():
                try:
                    answer = await self._client.chat_postMessage(**arguments, **body)
                except SlackApiError as error:
                    if error_code(error) != "not_in_channel":
                        raise
                    # A public channel can be joined; a private one refuses, and that refusal says what to do.
                    await self._client.conversations_join(channel=arguments["channel"])
                    answer = await self._client.chat_postMessage(**arguments, **body)
            return MessageRef(channel=answer["channel"], ts=answer["ts"], thread_ts=arguments["thread_ts"])

        return await _with_plain_fallback(content, post)

    async def _update(self, message: MessageRef, content: JSON, *, urgent: bool = False) -> None:
        async def update(body: JSON) -> None:
            async with translated():
                # What an update leaves out stays; without blocks of its own it has to take the old ones away.
                await self._client.chat_update(channel=message.channel, ts=message.ts, **{"blocks": [], **body})

        async def send() -> None:
            await _with_plain_fallback(content, update)

        await self._updates.send(message.channel, message.ts, send, urgent=urgent)

    # Reading

    async def _thread_messages(self, thread: MessageRef) -> AsyncIterator[JSON]:
        cursor = ""
        while True:
            async with translated():
                answer = await self._client.conversations_replies(
                    channel=thread.channel, ts=thread.ts, include_all_metadata=True, limit=200, cursor=cursor
                )
            for message in answer.get("messages") or ():
                yield message
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    async def _channel_messages(self, channel: str, oldest: float) -> AsyncIterator[JSON]:
        cursor = ""
        while True:
            async with translated():
                answer = await self._client.conversations_history(
                    channel=channel, oldest=f"{oldest:.6f}", include_all_metadata=True, limit=200, cursor=cursor
                )
            for message in answer.get("messages") or ():
                yield message
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return


def _thread_of(incident: Incident) -> MessageRef:
    """Return the root of the incident's thread. Raise InvalidInput while it has none."""
    if incident.thread is None:
        raise InvalidInput(f"Incident {incident.id} has no thread in Slack yet.")
    return MessageRef(channel=incident.thread.channel, ts=incident.thread.thread_ts or incident.thread.ts)


async def _find(messages: AsyncIterator[JSON], channel: str, key: str, bot_id: str) -> MessageRef | None:
    """Return the message of ours that carries `key`; anybody's app could write the same metadata."""
    async for message in messages:
        metadata = message.get("metadata") or {}
        payload = metadata.get("event_payload") or {}
        if metadata.get("event_type") == EVENT_TYPE and payload.get("key") == key and message.get("bot_id") == bot_id:
            thread_ts = message.get("thread_ts")
            return MessageRef(
                channel=channel, ts=message["ts"], thread_ts=thread_ts if thread_ts != message["ts"] else None
            )
    return None


async def _with_plain_fallback(content: JSON, send: Callable[[JSON], Awaitable[T]]) -> T:
    """Send blocks; if Slack refuses them, send the text alone, so that a person sees something at 3 a.m."""
    try:
        return await send(content)
    except LayoutRefused as error:
        logger.error("slack_layout_refused", reason=error.message, text=content["text"])  # noqa: TRY400 - no traceback needed
        return await send({"text": content["text"]})
