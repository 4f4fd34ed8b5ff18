"""Destructive approvals, as two people give them in a workspace: a modal each, and one line for the command."""

from typing import Any

import pytest

from bot.domain.action import ProposalState
from bot.domain.interaction import CONFIRM_BLOCK, CONFIRM_INPUT, ActionId, CallbackId
from handlers.slack.app import SlackGateway
from integrations.slack.messenger import SlackMessenger
from sandbox.slack.driver import Driver
from sandbox.slack.workspace import SlackWorkspace
from tests.handlers.slack.conftest import Dispatch
from tests.handlers.slack.fakes import REFUSED, Recorder, slash, submission
from tests.handlers.slack.test_commands import told
from tests.handlers.slack.test_gateway import eventually, offered, whispers

ID, NAME = "P-X0DEAD", "payment-service"
MAYA, JONAS, ROBIN = "U01MAYACHEN", "U01JONASWEB", "U01ROBINOKA"


@pytest.fixture(autouse=True)
def real_people(recorder: Recorder, messenger: SlackMessenger) -> None:
    recorder.find_person = messenger.person


def confirm(text: str | None, user: str = MAYA) -> dict[str, Any]:
    return submission(CallbackId.CONFIRM_APPROVAL, CONFIRM_BLOCK, CONFIRM_INPUT, text, ID, user)


async def opened(person: Driver, ts: str) -> dict[str, Any]:
    """Click Approve and return the modal that opens."""
    await person.click("incidents", ts, ActionId.APPROVE)
    view = await eventually(lambda: next(iter(person.views()), None))
    assert view["callback_id"] == CallbackId.CONFIRM_APPROVAL
    assert view["private_metadata"] == ID
    return view


async def test_two_people_confirm_in_a_modal_each(
    gateway: SlackGateway, workspace: SlackWorkspace, recorder: Recorder, messenger: SlackMessenger
) -> None:
    ts = await offered(messenger, recorder.destructive)
    maya, jonas = workspace.act_as("maya"), workspace.act_as("jonas")
    view = await opened(maya, ts)
    shown = str(view["blocks"])
    for part in ("--replicas=0", "3 to 0 replicas", "stops everything", NAME, "approval 1 of 2"):
        assert part in shown
    assert recorder.calls == []

    answer = await maya.submit_view(view["id"], {CONFIRM_BLOCK: "payment"})
    assert "not the name of the target" in answer["errors"][CONFIRM_BLOCK]
    assert maya.views()
    assert recorder.calls == []
    assert (await maya.submit_view(view["id"], {CONFIRM_BLOCK: f" {NAME} "}))["closed"]
    assert recorder.calls == [("approve", ID, MAYA, NAME)]

    view = await opened(jonas, ts)
    assert "approval 2 of 2" in str(view["blocks"])
    assert (await jonas.submit_view(view["id"], {CONFIRM_BLOCK: NAME}))["closed"]
    assert recorder.destructive.state is ProposalState.APPROVED
    assert recorder.calls == [("approve", ID, MAYA, NAME), ("approve", ID, JONAS, NAME)]


async def test_whoever_may_not_approve_gets_a_sentence_and_no_modal(
    gateway: SlackGateway, workspace: SlackWorkspace, recorder: Recorder, messenger: SlackMessenger
) -> None:
    ts = await offered(messenger, recorder.destructive)
    maya, robin = workspace.act_as("maya"), workspace.act_as("robin")
    await robin.click("incidents", ts, ActionId.APPROVE)
    assert REFUSED in (await eventually(lambda: whispers(workspace, "robin")))[0]["text"]
    view = await opened(maya, ts)
    await maya.submit_view(view["id"], {CONFIRM_BLOCK: NAME})
    await maya.click("incidents", ts, ActionId.APPROVE)
    assert "needs a second person" in (await eventually(lambda: whispers(workspace, "maya")))[0]["text"]
    assert maya.views() == robin.views() == []
    assert recorder.calls == [("approve", ID, MAYA, NAME)]


@pytest.mark.parametrize("text", [None, "", "Payment-Service", "payment-service!", "deployment/payment-service"])
async def test_a_mismatch_is_answered_in_the_modal(dispatch: Dispatch, recorder: Recorder, text: str | None) -> None:
    response = await dispatch(confirm(text))
    assert '"response_action": "errors"' in response.body
    assert "not the name of the target" in response.body
    assert recorder.calls == []


async def test_a_second_submission_by_the_same_person_is_refused_in_the_modal(
    dispatch: Dispatch, recorder: Recorder
) -> None:
    assert (await dispatch(confirm(NAME))).body == ""
    assert "You have approved this already" in (await dispatch(confirm(NAME))).body
    assert REFUSED in (await dispatch(confirm(NAME, ROBIN))).body
    assert recorder.names() == ["approve"]


async def test_the_command_takes_the_name(dispatch: Dispatch, recorder: Recorder, workspace: SlackWorkspace) -> None:
    await dispatch(slash(f"approve {ID}"))
    assert f"/oncall approve {ID} &lt;name&gt;" in told(workspace)
    assert NAME in told(workspace)
    await dispatch(slash(f"approve {ID} payment-service please"))
    assert "not the name of the target" in told(workspace)
    assert recorder.calls == []
    await dispatch(slash(f"approve {ID} {NAME}"))
    assert "until a second approver confirms" in told(workspace)
    await dispatch(slash(f"approve {ID} {NAME}"))
    assert "You have approved this already" in told(workspace)
    await dispatch(slash(f"approve {ID} {NAME}", JONAS))
    assert f"Approved `{ID}`" in told(workspace, JONAS)
    assert recorder.calls == [("approve", ID, MAYA, NAME), ("approve", ID, JONAS, NAME)]
