"""Message events: what becomes an alert, and when it is acknowledged."""

from typing import Any

from bot.domain.alert import AlertState
from bot.errors import Unavailable
from handlers.slack.wiring import Wiring
from sandbox.slack.workspace import SlackWorkspace
from tests.handlers.slack.conftest import Dispatch
from tests.handlers.slack.fakes import Recorder, card, changed, event


async def test_an_alert_is_stored_before_it_is_acknowledged(dispatch: Dispatch, recorder: Recorder) -> None:
    response = await dispatch(event(card(), "Ev1"))
    assert response.status == 200
    assert recorder.calls == [("accept", "Ev1")]
    assert recorder.alerts[0].message is not None


async def test_an_alert_that_cannot_be_stored_is_not_acknowledged(dispatch: Dispatch, recorder: Recorder) -> None:
    recorder.failure = Unavailable("The database is away.", vendor="SQLite")
    assert (await dispatch(event(card(), "Ev1"))).status == 500
    recorder.failure = None
    assert (await dispatch(event(card(), "Ev1"))).status == 200
    assert recorder.names() == ["accept"]


async def test_an_edit_is_an_alert_and_an_echo_is_not(dispatch: Dispatch, recorder: Recorder) -> None:
    await dispatch(event(changed(card("Resolved"), card())))
    await dispatch(event(changed(card() | {"reply_count": 1}, card())))
    assert [alert.state for alert in recorder.alerts] == [AlertState.RESOLVED]


async def test_other_bots_and_people_are_let_pass(dispatch: Dispatch, recorder: Recorder) -> None:
    url = "https://acme.pagerduty.com/incidents/P0EF57N"
    other = card(text=url, bot_profile={"app_id": "A0OTHER"})
    person = {"type": "message", "channel": "C1", "channel_type": "channel", "user": "U01MAYACHEN", "ts": "1.0"}
    deleted = {**changed(card(), card()), "subtype": "message_deleted", "previous_message": card()}
    for inner in (other, person | {"text": f"see {url}"}, deleted, person | {"subtype": "channel_join"}):
        assert (await dispatch(event(inner))).status == 200
    assert recorder.calls == []


async def test_a_bare_reply_is_matched_by_the_first_message_of_its_thread(
    dispatch: Dispatch, recorder: Recorder, workspace: SlackWorkspace, wiring: Wiring
) -> None:
    from slack_sdk.web.async_client import AsyncWebClient

    pagerduty = AsyncWebClient(token=workspace.app("pagerduty").bot_token, base_url=workspace.api_url)
    posted = await pagerduty.chat_postMessage(channel="C01INCIDENT", text=card()["text"])
    reply = card(text="Resolved by Maya", attachments=[], ts="1795403900.1", thread_ts=posted["ts"])
    await dispatch(event(reply))
    await dispatch(event(reply | {"text": "Triggered again"}))
    assert [a.external_id for a in recorder.alerts] == ["Q2E7MG6P1H0D3P"] * 2
    replies = [x for x in workspace.traffic.exchanges if x.path.endswith("conversations.replies")]
    assert len(replies) == 1


async def test_a_direct_message_is_a_question(dispatch: Dispatch, recorder: Recorder) -> None:
    inner: dict[str, Any] = {
        "type": "message",
        "channel": "D1",
        "channel_type": "im",
        "user": "U01MAYACHEN",
        "text": "is the checkout slow?",
        "ts": "5.0",
    }
    await dispatch(event(inner, "Ev7"))
    await dispatch(event(inner, "Ev7"))
    assert [call[:3] for call in recorder.calls] == [("start", "is the checkout slow?", "U01MAYACHEN")]
