import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackWorkspace
from sandbox.slack.state import JSON

BUTTON: JSON = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go"}


def error_of(refused: pytest.ExceptionInfo[SlackApiError]) -> str:
    return str(refused.value.response["error"])


async def test_a_posted_message_is_signed_stored_and_seen(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    incidents = workspace.channel_id("incidents")
    blocks: list[JSON] = [{"type": "actions", "elements": [BUTTON, {**BUTTON, "action_id": "stop"}]}]
    metadata = {"event_type": "incident", "event_payload": {"id": 7}}
    posted = await client.chat_postMessage(channel=incidents, text="Down", blocks=blocks, metadata=metadata)
    message = posted["message"]
    assert message["bot_id"] == workspace.app("oncall").bot_id
    assert message["bot_profile"]["name"] == "Oncall Agent"
    assert len(message["blocks"][0]["block_id"]) == 5
    seen = workspace.act_as("robin").messages("incidents")
    assert [(m["ts"], m["text"]) for m in seen] == [(posted["ts"], "Down")]
    assert workspace.act_as("robin").unread("incidents") == 1


async def test_pagerduty_signs_with_its_own_app_id(workspace: SlackWorkspace, pagerduty: AsyncWebClient) -> None:
    posted = await pagerduty.chat_postMessage(channel=workspace.channel_id("incidents"), text="Triggered")
    assert posted["message"]["bot_profile"]["app_id"] == "A1FKYAUUX"
    assert posted["message"]["bot_profile"]["name"] == "PagerDuty"
    assert "subtype" not in posted["message"]


async def test_threads_count_their_replies(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    incidents = workspace.channel_id("incidents")
    parent = await client.chat_postMessage(channel=incidents, text="parent")
    first = await client.chat_postMessage(channel=incidents, text="one", thread_ts=parent["ts"])
    # Replying to a reply lands in the same thread.
    second = await client.chat_postMessage(channel=incidents, text="two", thread_ts=first["ts"], reply_broadcast=True)
    replies = (await client.conversations_replies(channel=incidents, ts=parent["ts"]))["messages"]
    assert [m["text"] for m in replies] == ["parent", "one", "two"]
    assert replies[0]["reply_count"] == 2
    assert replies[0]["latest_reply"] == second["ts"]
    history = (await client.conversations_history(channel=incidents))["messages"]
    assert [m["text"] for m in history] == ["two", "parent"]
    await client.chat_delete(channel=incidents, ts=second["ts"])
    await client.chat_delete(channel=incidents, ts=first["ts"])
    left = (await client.conversations_history(channel=incidents))["messages"]
    assert "reply_count" not in left[0]


async def test_an_update_keeps_what_it_does_not_name(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    incidents = workspace.channel_id("incidents")
    blocks: list[JSON] = [{"type": "actions", "elements": [BUTTON]}]
    ts = (await client.chat_postMessage(channel=incidents, text="Go?", blocks=blocks))["ts"]
    kept = (await client.chat_update(channel=incidents, ts=ts, text="Really go?"))["message"]
    assert kept["blocks"][0]["elements"][0]["action_id"] == "go"
    assert "edited" in kept
    cleared = (await client.chat_update(channel=incidents, ts=ts, text="Gone", blocks=[]))["message"]
    assert "blocks" not in cleared


async def test_a_deleted_parent_leaves_a_tombstone(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    incidents = workspace.channel_id("incidents")
    ts = (await client.chat_postMessage(channel=incidents, text="parent"))["ts"]
    await client.chat_postMessage(channel=incidents, text="reply", thread_ts=ts)
    await client.chat_delete(channel=incidents, ts=ts)
    replies = (await client.conversations_replies(channel=incidents, ts=ts))["messages"]
    assert [m.get("subtype") for m in replies] == ["tombstone", None]


async def test_a_permalink_points_into_the_thread(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    incidents = workspace.channel_id("incidents")
    parent = (await client.chat_postMessage(channel=incidents, text="parent"))["ts"]
    reply = (await client.chat_postMessage(channel=incidents, text="reply", thread_ts=parent))["ts"]
    link = (await client.chat_getPermalink(channel=incidents, message_ts=reply))["permalink"]
    expected = f"{workspace.url}/archives/{incidents}/p{reply.replace('.', '')}?thread_ts={parent}&cid={incidents}"
    assert link == expected


async def test_an_ephemeral_message_is_seen_by_its_recipient_only(
    workspace: SlackWorkspace, client: AsyncWebClient
) -> None:
    incidents, maya = workspace.channel_id("incidents"), workspace.people["maya"].id
    await client.chat_postEphemeral(channel=incidents, user=maya, text="for you")
    assert [m["text"] for m in workspace.act_as("maya").messages("incidents")] == ["for you"]
    assert workspace.act_as("jonas").messages("incidents") == []
    assert (await client.conversations_history(channel=incidents))["messages"] == []


async def test_a_long_text_is_cut_with_a_warning(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel=workspace.channel_id("incidents"), text="x" * 40_001)
    assert len(posted["message"]["text"]) == 40_000
    assert posted["response_metadata"]["warnings"] == ["message_truncated"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"channel": "C0NOWHERE00", "text": "x"}, "channel_not_found"),
        ({"channel": "#nowhere", "text": "x"}, "channel_not_found"),
        ({"channel": "#general", "text": "x"}, "not_in_channel"),
        ({"channel": "#incidents", "text": " "}, "no_text"),
        ({"channel": "#incidents"}, "no_text"),
        ({"text": "x"}, "invalid_arguments"),
        ({"channel": "#incidents", "text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        ({"channel": "#incidents", "text": "x", "thread_ts": "yesterday"}, "invalid_thread_ts"),
        ({"channel": "#incidents", "text": "x", "markdown_text": "*x*"}, "markdown_text_conflict"),
        ({"channel": "#incidents", "markdown_text": "x" * 12_001}, "msg_too_long"),
        ({"channel": "#incidents", "text": "x", "blocks": "[{"}, "invalid_blocks_format"),
        ({"channel": "#incidents", "text": "x", "attachments": "{}"}, "invalid_attachments"),
        ({"channel": "#incidents", "text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_schema"),
        ({"channel": "#incidents", "text": "x", "metadata": "not json"}, "invalid_metadata_format"),
        ({"channel": "#incidents", "text": "x", "username": "Somebody"}, "missing_scope"),
    ],
)
async def test_a_bad_post_is_refused(client: AsyncWebClient, arguments: JSON, code: str) -> None:
    with pytest.raises(SlackApiError) as refused:
        await client.api_call("chat.postMessage", json=arguments)
    assert error_of(refused) == code


async def test_others_messages_and_long_updates_are_refused(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    incidents = workspace.channel_id("incidents")
    theirs = await workspace.act_as("maya").send("incidents", "mine")
    assert theirs is not None
    with pytest.raises(SlackApiError) as refused:
        await client.chat_update(channel=incidents, ts=theirs["ts"], text="no, mine")
    assert error_of(refused) == "cant_update_message"
    with pytest.raises(SlackApiError) as refused:
        await client.chat_delete(channel=incidents, ts=theirs["ts"])
    assert error_of(refused) == "cant_delete_message"
    with pytest.raises(SlackApiError) as refused:
        await client.chat_update(channel=incidents, ts="1.000001", text="x")
    assert error_of(refused) == "message_not_found"
    ours = (await client.chat_postMessage(channel=incidents, text="x"))["ts"]
    with pytest.raises(SlackApiError) as refused:
        await client.chat_update(channel=incidents, ts=ours, text="x" * 4_001)
    assert error_of(refused) == "msg_too_long"


async def test_an_archived_channel_takes_no_messages(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    incidents = workspace.channel_id("incidents")
    await client.conversations_archive(channel=incidents)
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=incidents, text="x")
    assert error_of(refused) == "is_archived"


async def test_bad_blocks_are_named_by_a_pointer(client: AsyncWebClient) -> None:
    blocks: list[JSON] = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel="#incidents", text="x", blocks=blocks)
    assert error_of(refused) == "invalid_blocks"
    complaint = "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    assert refused.value.response["response_metadata"]["messages"] == [complaint]


async def test_markdown_becomes_a_block(client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="#incidents", markdown_text="**Down**")
    assert posted["message"]["blocks"][0]["text"] == posted["message"]["text"] == "**Down**"


async def test_a_picture_must_have_been_uploaded(client: AsyncWebClient) -> None:
    uploaded = (await client.files_upload_v2(filename="chart.png", content=b"\x89PNG"))["file"]
    for reference in ({"id": uploaded["id"]}, {"url": uploaded["url_private"]}):
        block: JSON = {"type": "image", "slack_file": reference, "alt_text": "Errors per minute"}
        await client.chat_postMessage(channel="#incidents", text="x", blocks=[block])
    block = {"type": "image", "slack_file": {"id": "F0NOTHING00"}, "alt_text": "x"}
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel="#incidents", text="x", blocks=[block])
    complaint = "[ERROR] invalid slack file [json-pointer:/blocks/0/slack_file]"
    assert refused.value.response["errors"] == [complaint]
