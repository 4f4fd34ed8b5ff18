import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.messages.chunk import MarkdownTextChunk, TaskUpdateChunk
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackWorkspace
from sandbox.slack.state import JSON


async def test_a_file_is_uploaded_shared_and_downloaded(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    incidents = workspace.channel_id("incidents")
    parent = (await client.chat_postMessage(channel=incidents, text="parent"))["ts"]
    answer = await client.files_upload_v2(
        channel=incidents,
        thread_ts=parent,
        filename="pod.log",
        title="Log of the pod",
        content="line one\nline two\n",
        initial_comment="The last lines",
    )
    file = answer["file"]
    assert (file["title"], file["size"], file["channels"]) == ("Log of the pod", 18, [incidents])
    reply = workspace.act_as("maya").replies("incidents", parent)[1]
    assert (reply["text"], reply["files"][0]["id"]) == ("The last lines", file["id"])
    assert reply["files"][0]["preview"] == "line one\nline two\n"
    shown = await client.files_info(file=file["id"])
    assert shown["file"]["shares"]["public"][incidents][0]["thread_ts"] == parent
    token = {"Authorization": f"Bearer {workspace.app('oncall').bot_token}"}
    async with aiohttp.ClientSession() as session:
        async with session.get(file["url_private"], headers=token) as download:
            assert await download.text() == "line one\nline two\n"
        async with session.get(file["url_private"]) as download:
            assert download.status == 403
        async with session.get(f"{workspace.url}/client/files/{file['id']}") as download:
            assert (download.status, download.headers["X-Content-Type-Options"]) == (200, "nosniff")


async def test_several_files_make_one_message(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    uploads: list[JSON] = [{"filename": f"{n}.txt", "content": str(n)} for n in range(3)]
    await client.files_upload_v2(channel=workspace.channel_id("incidents"), file_uploads=uploads)
    (message,) = workspace.act_as("maya").messages("incidents")
    assert [f["name"] for f in message["files"]] == ["0.txt", "1.txt", "2.txt"]


async def test_an_upload_must_keep_its_word(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    promised = await client.files_getUploadURLExternal(filename="a.txt", length=5)
    with pytest.raises(SlackApiError) as refused:
        await client.files_completeUploadExternal(files=[{"id": promised["file_id"]}])
    assert refused.value.response["error"] == "file_not_found"
    async with aiohttp.ClientSession() as session:
        async with session.post(promised["upload_url"], data=b"too much of it") as answer:
            assert answer.status == 400
        async with session.post(promised["upload_url"], data=b"12345") as answer:
            assert answer.status == 404


async def test_a_stream_grows_into_a_message(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    incidents, maya = workspace.channel_id("incidents"), workspace.act_as("maya")
    asked = await maya.send("incidents", "why?")
    assert asked is not None
    stream = await client.chat_stream(
        channel=incidents,
        thread_ts=asked["ts"],
        recipient_team_id="T01ACMECORP",
        recipient_user_id=maya.id,
        buffer_size=1,
    )
    await stream.append(markdown_text="**Because** ")
    growing = maya.replies("incidents", asked["ts"])[1]
    assert (growing["text"], growing["streaming_state"]) == ("**Because** ", "in_progress")
    await stream.append(chunks=[TaskUpdateChunk(id="1", title="Read the logs", status="in_progress")])
    await stream.append(chunks=[TaskUpdateChunk(id="1", title="Read the logs", status="complete", output="3 lines")])
    await stream.append(chunks=[MarkdownTextChunk(text="of the deploy.")])
    await stream.stop(blocks=[{"type": "divider"}])
    final = maya.replies("incidents", asked["ts"])[1]
    assert final["text"] == "**Because** of the deploy."
    assert [b["type"] for b in final["blocks"]] == ["markdown", "task_card", "markdown", "divider"]
    assert final["blocks"][1]["status"] == "complete"
    with pytest.raises(SlackApiError) as refused:
        await client.chat_appendStream(channel=incidents, ts=final["ts"], markdown_text="more")
    assert refused.value.response["error"] == "message_not_in_streaming_state"


async def test_a_stream_in_a_channel_needs_somebody_to_read_it(
    workspace: SlackWorkspace, client: AsyncWebClient
) -> None:
    incidents = workspace.channel_id("incidents")
    ts = (await client.chat_postMessage(channel=incidents, text="x"))["ts"]
    with pytest.raises(SlackApiError) as refused:
        await client.chat_startStream(channel=incidents, thread_ts=ts)
    assert refused.value.response["error"] == "missing_recipient_user_id"
