"""/oncall and mentions."""

import pytest

from handlers.slack import commands
from handlers.slack.mentions import read_words
from sandbox.slack.workspace import SlackWorkspace
from tests.handlers.slack.conftest import Dispatch
from tests.handlers.slack.fakes import Recorder, event, slash

MAYA = "U01MAYACHEN"


def told(workspace: SlackWorkspace, user: str = MAYA) -> str:
    """What the person was told last, for their eyes only."""
    return str(workspace.core.state.channel("C01INCIDENT").ephemerals[user][-1])


def test_the_subcommands_are_these() -> None:
    assert list(commands.load()) == ["investigate", "incidents", "status", "approve", "reject", "help"]


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("investigate deployment/payment-service", ("start", "deployment/payment-service", MAYA, "C01INCIDENT", None)),
        ("INVESTIGATE  why is it slow", ("start", "why is it slow", MAYA, "C01INCIDENT", None)),
        ("incidents", ("open",)),
        ("status", ("report",)),
        ("approve P-4TX9KQ", ("approve", "P-4TX9KQ", MAYA)),
        ("reject P-4TX9KQ too risky now", ("reject", "P-4TX9KQ", MAYA, "too risky now")),
        ("reject P-4TX9KQ", ("reject", "P-4TX9KQ", MAYA, "No reason given.")),
    ],
)
async def test_subcommands(
    dispatch: Dispatch, recorder: Recorder, workspace: SlackWorkspace, text: str, call: object
) -> None:
    response = await dispatch(slash(text))
    assert (response.status, response.body) == (200, "")
    assert recorder.calls == [call]
    assert told(workspace)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "What I can do"),
        ("help", "reject &lt;proposal id&gt; [reason]"),
        ("statsu", "Did you mean “/oncall status”?"),
        ("xyzzy", "I do not know “xyzzy”."),
        ("approve", "Say which proposal"),
        ("reject", "Say which proposal"),
    ],
)
async def test_explanations(
    dispatch: Dispatch, recorder: Recorder, workspace: SlackWorkspace, text: str, said: str
) -> None:
    await dispatch(slash(text))
    assert said in told(workspace)
    assert recorder.calls == []


async def test_a_refusal_is_ephemeral(dispatch: Dispatch, recorder: Recorder, workspace: SlackWorkspace) -> None:
    await dispatch(slash("approve P-4TX9KQ", "U01ROBINOKA"))
    assert "not among the approvers" in told(workspace, "U01ROBINOKA")
    assert recorder.calls == []


def mention(text: str, **changes: object) -> dict[str, object]:
    inner = {"type": "app_mention", "channel": "C01INCIDENT", "user": MAYA, "text": text, "ts": "7.0"}
    return inner | changes


async def test_a_mention_investigates(dispatch: Dispatch, recorder: Recorder) -> None:
    await dispatch(event(mention("<@U01ONCALLAG> the checkout is slow &amp; red", thread_ts="6.0")))
    ((name, text, person, channel, message),) = recorder.calls
    assert (name, text, person, channel) == ("start", "the checkout is slow & red", MAYA, "C01INCIDENT")
    assert (message.ts, message.thread_ts) == ("7.0", "6.0")


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("<@U01ONCALLAG> status", ["report"]),
        ("<@U01ONCALLAG> status of the checkout?", ["start"]),
        ("<@U01ONCALLAG>", []),
        ("<@U01ONCALLAG> approve P-4TX9KQ", []),
    ],
)
async def test_words_in_a_mention(dispatch: Dispatch, recorder: Recorder, text: str, calls: list[str]) -> None:
    await dispatch(event(mention(text)))
    assert recorder.names() == calls


async def test_bots_that_mention_are_not_answered(dispatch: Dispatch, recorder: Recorder) -> None:
    await dispatch(event(mention("<@U01ONCALLAG> status", bot_id="B0OTHER")))
    assert recorder.calls == []


async def test_a_redelivered_mention_is_worked_on_once(dispatch: Dispatch, recorder: Recorder) -> None:
    for _ in range(3):
        await dispatch(event(mention("<@U01ONCALLAG> slow"), "Ev55"))
    assert recorder.names() == ["start"]


def test_markup_is_taken_off() -> None:
    assert read_words("hey <@U1> look at <https://x.example|x>  &lt;now&gt;") == "hey look at x <now>"
