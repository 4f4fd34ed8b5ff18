"""Submitted modals."""

import asyncio
from typing import Any

import pytest

from bot.domain.actor import Actor
from bot.domain.interaction import REASON_BLOCK, REASON_INPUT, SUBJECT_BLOCK, SUBJECT_INPUT, CallbackId
from handlers.slack import views
from sandbox.slack.workspace import SlackWorkspace
from tests.handlers.slack.conftest import Dispatch
from tests.handlers.slack.fakes import REFUSED, Recorder, submission
from tests.integrations.slack import samples as s


def reject(text: str | None, user: str = "") -> dict[str, Any]:
    return submission(CallbackId.REJECT_REASON, REASON_BLOCK, REASON_INPUT, text, "P-4TX9KQ", user)


async def test_a_reason_rejects(dispatch: Dispatch, recorder: Recorder) -> None:
    response = await dispatch(reject("  a deploy is on its way "))
    assert (response.status, response.body) == (200, "")
    assert recorder.calls == [("reject", "P-4TX9KQ", "U01MAYACHEN", "a deploy is on its way")]


@pytest.mark.parametrize("text", [None, "", "  ", "no"])
async def test_no_reason_no_rejection(dispatch: Dispatch, recorder: Recorder, text: str | None) -> None:
    response = await dispatch(reject(text))
    assert '"response_action": "errors"' in response.body
    assert recorder.calls == []


async def test_a_refusal_is_shown_in_the_modal(dispatch: Dispatch, recorder: Recorder) -> None:
    response = await dispatch(reject("because", "U01ROBINOKA"))
    assert REFUSED in response.body
    assert recorder.calls == []


async def test_a_slow_rejection_is_acknowledged_in_time_and_told_later(
    dispatch: Dispatch, recorder: Recorder, workspace: SlackWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PATIENCE_SECONDS", 0.01)

    async def find(user_id: str) -> Actor:
        await asyncio.sleep(0.1)
        return s.MAYA.model_copy(update={"id": user_id, "groups": frozenset()})

    recorder.find_person = find
    assert (await dispatch(reject("because", "U01ROBINOKA"))).body == ""
    robin = workspace.act_as("robin")
    assert REFUSED in robin.messages(robin.dm("U01ONCALLAG"))[-1]["text"]


async def test_an_unexpected_error_stays_in_the_modal_as_an_id(dispatch: Dispatch, recorder: Recorder) -> None:
    recorder.failure = RuntimeError("internals")
    response = await dispatch(reject("because"))
    assert "Something went wrong (E-" in response.body
    assert "internals" not in response.body


async def test_the_investigate_modal(dispatch: Dispatch, recorder: Recorder) -> None:
    body = submission(CallbackId.INVESTIGATE, SUBJECT_BLOCK, SUBJECT_INPUT, "deployment/payment-service")
    assert (await dispatch(body)).body == ""
    assert recorder.calls == [("start", "deployment/payment-service", "U01MAYACHEN", None, None)]
    response = await dispatch(submission(CallbackId.INVESTIGATE, SUBJECT_BLOCK, SUBJECT_INPUT, " "))
    assert '"errors"' in response.body
