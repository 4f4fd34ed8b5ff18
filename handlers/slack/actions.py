"""Buttons and selects. The click carries an id; what may be done with it is decided by the services."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.domain.actor import Actor
from bot.domain.entity import ObjectRef
from bot.domain.interaction import ActionId
from bot.errors import ConfirmationNeeded, InvalidInput
from handlers.slack import home
from handlers.slack.replies import NETWORK_ERRORS, Reply, explain
from handlers.slack.wiring import Wiring

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Click:
    """One click. `value` is a button's value or the chosen option's, `view` the view it happened in, if any."""

    wiring: Wiring
    reply: Reply
    value: str
    trigger_id: str
    view: JSON | None

    async def person(self) -> Actor:
        return await self.wiring.services.people.person(self.reply.user_id)

    async def open(self, view: JSON) -> None:
        """Show a modal: on top of an open one, else as the first."""
        client = self.wiring.client
        if self.view is not None and self.view.get("type") == "modal":
            await client.views_push(trigger_id=self.trigger_id, view=view)
        else:
            await client.views_open(trigger_id=self.trigger_id, view=view)

    async def say(self, text: str) -> None:
        await self.reply.say(self.wiring.screens.notice(text))

    async def refresh_home(self) -> None:
        """Publish App Home anew after a decision that was taken there."""
        if self.view is not None and self.view.get("type") == "home":
            await home.publish(self.wiring, self.reply.user_id, home.read_days(self.view))


async def approve(click: Click) -> None:
    approvals = click.wiring.services.approvals
    try:
        await approvals.approve(click.value, await click.person())
    except ConfirmationNeeded:
        await click.open(click.wiring.screens.confirm(await approvals.get(click.value)))
        return
    await click.refresh_home()


async def open_reject(click: Click) -> None:
    await click.open(click.wiring.screens.reject(await click.wiring.services.approvals.get(click.value)))


async def open_proposal(click: Click) -> None:
    await click.open(click.wiring.screens.proposal(await click.wiring.services.approvals.get(click.value)))


async def undo(click: Click) -> None:
    proposal = await click.wiring.services.approvals.propose_undo(click.value, await click.person())
    await click.say(f"↩️ The undo is proposed as `{proposal.id}`. It waits for a decision like any other.")


async def open_evidence(click: Click) -> None:
    incidents = click.wiring.services.incidents
    incident, evidence = await asyncio.gather(incidents.get(click.value), incidents.evidence(click.value))
    await click.open(click.wiring.screens.evidence(incident, evidence))


async def attach_evidence(click: Click) -> None:
    await click.wiring.services.incidents.attach_evidence(click.value)


async def choose_target(click: Click) -> None:
    incident_id, _, chosen = click.value.partition("|")
    try:
        target = ObjectRef.parse(chosen)
    except ValueError as error:
        raise InvalidInput("That choice cannot be read.", next_step="Choose again.") from error
    await click.wiring.services.investigation.choose_target(incident_id, target, await click.person())


async def investigate_again(click: Click) -> None:
    await click.wiring.services.investigation.again(click.value, await click.person())
    await click.say("🔎 Looking again. The thread shows what I find.")


async def acknowledge(click: Click) -> None:
    await click.wiring.services.incidents.acknowledge(click.value, await click.person())


async def resolve(click: Click) -> None:
    await click.wiring.services.incidents.resolve(click.value, await click.person())


async def open_link(click: Click) -> None:
    """Do nothing: the browser has opened it already."""


async def show_period(click: Click) -> None:
    days = int(click.value) if click.value.isdecimal() else home.DEFAULT_DAYS
    await home.publish(click.wiring, click.reply.user_id, days)


ACTIONS: dict[ActionId, Callable[[Click], Awaitable[None]]] = {
    ActionId.APPROVE: approve,
    ActionId.REJECT: open_reject,
    ActionId.PROPOSAL_DETAILS: open_proposal,
    ActionId.UNDO: undo,
    ActionId.EVIDENCE_DETAILS: open_evidence,
    ActionId.EVIDENCE_FILE: attach_evidence,
    ActionId.CHOOSE_TARGET: choose_target,
    ActionId.INVESTIGATE_AGAIN: investigate_again,
    ActionId.ACKNOWLEDGE: acknowledge,
    ActionId.RESOLVE: resolve,
    ActionId.OPEN_LINK: open_link,
    ActionId.HOME_REFRESH: show_period,
    ActionId.HOME_PERIOD: show_period,
}


def read_click(wiring: Wiring, body: JSON) -> Click:
    """Return the click in a block_actions payload."""
    action, container = body["actions"][0], body.get("container") or {}
    channel = (body.get("channel") or {}).get("id") or container.get("channel_id")
    message_ts = container.get("message_ts")
    thread_ts = container.get("thread_ts") or (body.get("message") or {}).get("thread_ts")
    if thread_ts is None and not container.get("is_ephemeral"):
        thread_ts = message_ts  # a root message: what the person is told belongs into its thread
    chosen = action.get("selected_option") or {}
    return Click(
        wiring=wiring,
        reply=Reply(wiring.client, str(body["user"]["id"]), channel, thread_ts),
        value=str(chosen.get("value") or action.get("value") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
        view=body.get("view"),
    )


async def perform(run: Callable[[Click], Awaitable[None]], click: Click) -> None:
    """Run an action. Outside a channel a refusal is a modal, as long as Slack lets us open one."""
    try:
        await run(click)
    except Exception as error:
        if click.reply.channel is not None:
            raise
        await _refuse_in_view(click, error, run.__name__)


async def _refuse_in_view(click: Click, error: Exception, name: str) -> None:
    message = explain(error, click.wiring.screens, name=name)
    title = click.wiring.screens.error_view("")
    try:
        await click.open({**title, "blocks": message["blocks"]})
    except NETWORK_ERRORS:
        await click.reply.say(message)


def register(app: AsyncApp, wiring: Wiring) -> None:
    for action_id, run in ACTIONS.items():
        app.action(action_id.value)(_listener(run, wiring, action_id))


def _listener(
    run: Callable[[Click], Awaitable[None]], wiring: Wiring, action_id: ActionId
) -> Callable[[AsyncAck, JSON], Awaitable[None]]:
    async def on_action(ack: AsyncAck, body: JSON) -> None:
        await ack()
        click = read_click(wiring, body)
        wiring.launch(perform(run, click), click.reply, name=action_id.value)

    return on_action
