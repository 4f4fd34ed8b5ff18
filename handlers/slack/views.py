"""Submitted modals: the reason of a rejection, the confirmation of an approval, and what to investigate."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.domain.interaction import (
    CONFIRM_BLOCK,
    CONFIRM_INPUT,
    REASON_BLOCK,
    REASON_INPUT,
    SUBJECT_BLOCK,
    SUBJECT_INPUT,
    CallbackId,
)
from bot.errors import OncallError
from handlers.slack.replies import Reply, explain
from handlers.slack.wiring import Wiring

logger = structlog.get_logger(__name__)

JSON = dict[str, Any]
SHORTEST = 3
# Slack waits 3 s for the answer to a submission; what takes longer goes on behind the closed modal.
PATIENCE_SECONDS = 2.0


def read_input(view: JSON, block_id: str, action_id: str) -> str:
    """Return the text that was typed into an input, without blanks around it."""
    values = (view.get("state") or {}).get("values") or {}
    return str(((values.get(block_id) or {}).get(action_id) or {}).get("value") or "").strip()


async def submit(
    ack: AsyncAck, wiring: Wiring, work: Coroutine[Any, Any, None], reply: Reply, block_id: str, name: str
) -> None:
    """Do `work` and close the modal; a refusal that comes in time is shown in the modal, at the input."""

    async def attempt() -> str | None:
        try:
            await work
        except OncallError as error:
            return " ".join(part for part in (error.message, error.next_step) if part)
        return None

    task = wiring.tasks.start(attempt(), name=f"slack {name}")
    await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
    if not task.done():
        await ack()
        wiring.tasks.start(_tell_later(task, reply, wiring), name=f"slack {name} outcome")
    elif (error := task.exception()) is not None:
        message = explain(error if isinstance(error, Exception) else RuntimeError(name), wiring.screens, name=name)
        await ack(response_action="errors", errors={block_id: message["text"][:1000]})
    elif refusal := task.result():
        await ack(response_action="errors", errors={block_id: refusal[:1000]})
    else:
        await ack()


async def _tell_later(task: asyncio.Task[str | None], reply: Reply, wiring: Wiring) -> None:
    try:
        refusal = await task
    except Exception as error:  # noqa: BLE001 - explain() logs what is not ours, with its traceback
        await reply.say(explain(error, wiring.screens, name=task.get_name()))
    else:
        if refusal:
            await reply.say(wiring.screens.error(refusal))


def register(app: AsyncApp, wiring: Wiring) -> None:
    services = wiring.services

    @app.view(CallbackId.REJECT_REASON.value)
    async def on_reject(ack: AsyncAck, body: JSON, view: JSON) -> None:
        reason, proposal_id = read_input(view, REASON_BLOCK, REASON_INPUT), str(view.get("private_metadata") or "")
        reply = Reply(wiring.client, str(body["user"]["id"]))
        if len(reason) < SHORTEST:
            await ack(response_action="errors", errors={REASON_BLOCK: "Write a few words, so that others know why."})
            return

        async def reject() -> None:
            person = await services.people.person(reply.user_id)
            await services.approvals.reject(proposal_id, person, reason)

        await submit(ack, wiring, reject(), reply, REASON_BLOCK, CallbackId.REJECT_REASON.value)

    @app.view(CallbackId.CONFIRM_APPROVAL.value)
    async def on_confirm(ack: AsyncAck, body: JSON, view: JSON) -> None:
        typed, proposal_id = read_input(view, CONFIRM_BLOCK, CONFIRM_INPUT), str(view.get("private_metadata") or "")
        reply = Reply(wiring.client, str(body["user"]["id"]))

        async def approve() -> None:
            person = await services.people.person(reply.user_id)
            await services.approvals.approve(proposal_id, person, typed)

        await submit(ack, wiring, approve(), reply, CONFIRM_BLOCK, CallbackId.CONFIRM_APPROVAL.value)

    @app.view(CallbackId.INVESTIGATE.value)
    async def on_investigate(ack: AsyncAck, body: JSON, view: JSON) -> None:
        subject = read_input(view, SUBJECT_BLOCK, SUBJECT_INPUT)
        reply = Reply(wiring.client, str(body["user"]["id"]))
        if len(subject) < SHORTEST:
            await ack(response_action="errors", errors={SUBJECT_BLOCK: "Name a workload or describe what you see."})
            return

        async def investigate() -> None:
            person = await services.people.person(reply.user_id)
            await services.investigation.start(subject, person, None, None)

        await submit(ack, wiring, investigate(), reply, SUBJECT_BLOCK, CallbackId.INVESTIGATE.value)
