"""Clicks: every action does its work for the right person, and refusals are seen by the clicker alone."""

import pytest

from bot.domain.interaction import ActionId
from handlers.slack.actions import ACTIONS
from sandbox.slack.workspace import SlackWorkspace
from tests.handlers.slack.conftest import Dispatch
from tests.handlers.slack.fakes import REFUSED, Recorder, click

ROBIN = "U01ROBINOKA"


def test_every_action_has_a_handler() -> None:
    assert set(ACTIONS) == set(ActionId)


@pytest.mark.parametrize(
    ("action", "value", "call"),
    [
        (ActionId.APPROVE, "P-4TX9KQ", ("approve", "P-4TX9KQ", "U01MAYACHEN")),
        (ActionId.UNDO, "P-4TX9KQ", ("propose_undo", "P-4TX9KQ", "U01MAYACHEN")),
        (ActionId.INVESTIGATE_AGAIN, "INC-1", ("again", "INC-1", "U01MAYACHEN")),
        (ActionId.ACKNOWLEDGE, "INC-1", ("acknowledge", "INC-1", "U01MAYACHEN")),
        (ActionId.RESOLVE, "INC-1", ("resolve", "INC-1", "U01MAYACHEN")),
    ],
)
async def test_buttons(dispatch: Dispatch, recorder: Recorder, action: ActionId, value: str, call: object) -> None:
    assert (await dispatch(click(action, value))).status == 200
    assert recorder.calls == [call]


async def test_a_link_button_is_only_acknowledged(dispatch: Dispatch, recorder: Recorder) -> None:
    assert (await dispatch(click(ActionId.OPEN_LINK, ""))).status == 200
    assert recorder.calls == []


async def test_choosing_a_workload(dispatch: Dispatch, recorder: Recorder) -> None:
    body = click(ActionId.CHOOSE_TARGET, "")
    chosen = {"text": {"type": "plain_text", "text": "x"}, "value": "INC-1|Deployment/shop/payment-service"}
    body["actions"] = [
        {"type": "static_select", "action_id": ActionId.CHOOSE_TARGET, "block_id": "b", "selected_option": chosen}
    ]
    await dispatch(body)
    assert recorder.calls == [("choose_target", "INC-1", "Deployment/shop/payment-service", "U01MAYACHEN")]


@pytest.mark.parametrize("action", [ActionId.APPROVE, ActionId.UNDO, ActionId.ACKNOWLEDGE, ActionId.RESOLVE])
async def test_a_refusal_is_shown_to_the_clicker_alone(
    dispatch: Dispatch, recorder: Recorder, workspace: SlackWorkspace, action: ActionId
) -> None:
    assert (await dispatch(click(action, "P-4TX9KQ", ROBIN))).status == 200
    assert recorder.calls == []
    shown = workspace.core.state.channel("C01INCIDENT").ephemerals
    assert [REFUSED in m["text"] for m in shown[ROBIN]] == [True]
    assert list(shown) == [ROBIN]


async def test_an_unexpected_error_becomes_an_id(
    dispatch: Dispatch, recorder: Recorder, workspace: SlackWorkspace, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.failure = RuntimeError("secret internals")
    assert (await dispatch(click(ActionId.APPROVE, "P-4TX9KQ"))).status == 200
    (message,) = workspace.core.state.channel("C01INCIDENT").ephemerals["U01MAYACHEN"]
    assert message["text"].startswith("Something went wrong (E-")
    assert "secret internals" not in str(message)


async def test_the_person_is_told_by_direct_message_where_ephemeral_does_not_work(
    dispatch: Dispatch, workspace: SlackWorkspace
) -> None:
    body = click(ActionId.APPROVE, "P-4TX9KQ", ROBIN)
    body["channel"] = {"id": "C01RANDOM00", "name": "random"}
    await dispatch(body)
    robin = workspace.act_as("robin")
    assert REFUSED in robin.messages(robin.dm("U01ONCALLAG"))[-1]["text"]


async def test_an_unknown_action_is_not_acknowledged(dispatch: Dispatch) -> None:
    assert (await dispatch(click("something_else", "x"))).status == 404
