import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackWorkspace
from sandbox.slack.state import JSON
from tests.sandbox.slack.conftest import Connect

BUTTON: JSON = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go"}


class Page:
    """Speaks to the workspace as the web page does."""

    def __init__(self, workspace: SlackWorkspace, session: aiohttp.ClientSession, person: str) -> None:
        self.workspace = workspace
        self.session = session
        self.me = workspace.people[person].id
        self.events: asyncio.Queue[JSON] = asyncio.Queue()

    async def get(self, path: str, **query: str) -> JSON:
        url = f"{self.workspace.url}/client/{path}"
        async with self.session.get(url, params={"as": self.me, **query}) as answer:
            body: JSON = await answer.json()
            return body

    async def post(self, path: str, **body: Any) -> JSON:
        url = f"{self.workspace.url}/client/{path}"
        async with self.session.post(url, json={"as": self.me, **body}) as answer:
            result: JSON = await answer.json()
            return result

    async def listen(self) -> None:
        async with self.session.ws_connect(f"{self.workspace.url}/client/ws?as={self.me}") as socket:
            async for message in socket:
                event = json.loads(message.data)
                if event["type"] != "traffic":
                    self.events.put_nowait(event)

    async def next(self, kind: str) -> JSON:
        async with asyncio.timeout(5):
            while (event := await self.events.get())["type"] != kind:
                pass
        return event


@pytest.fixture
async def pages(workspace: SlackWorkspace) -> AsyncIterator[dict[str, Page]]:
    async with aiohttp.ClientSession() as session:
        opened = {key: Page(workspace, session, key) for key in ("maya", "robin")}
        listening = [asyncio.create_task(page.listen()) for page in opened.values()]
        await workspace.wait_for(lambda: all(workspace.core.pages.watching(page.me) for page in opened.values()))
        yield opened
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)


async def test_bootstrap_has_what_the_page_draws(workspace: SlackWorkspace, pages: dict[str, Page]) -> None:
    start = await pages["maya"].get("bootstrap")
    assert start["ok"]
    assert start["me"] == pages["maya"].me
    assert [(p["real_name"], p["can_approve"]) for p in start["people"]] == [
        ("Maya Chen", True),
        ("Jonas Weber", True),
        ("Robin Okafor", False),
    ]
    assert {c["name"] for c in start["conversations"]} == {"incidents", "payments", "general", "random"}
    oncall = next(a for a in start["apps"] if a["name"] == "Oncall Agent")
    assert oncall["has_home"]
    assert oncall["commands"][0]["command"] == "/oncall"
    assert start["users"][oncall["bot_user_id"]]["is_bot"]
    assert (start["scenarios"], start["open_views"]) == ([], [])


async def test_a_message_reaches_other_pages_and_counts(workspace: SlackWorkspace, pages: dict[str, Page]) -> None:
    incidents = workspace.channel_id("incidents")
    sent = await pages["maya"].post("send", channel=incidents, text="a <b> & @Robin see #payments http://x.example/a.")
    expected = (
        f"a &lt;b&gt; &amp; <@{pages['robin'].me}> see <#{workspace.channel_id('payments')}|payments> "
        "<http://x.example/a>."
    )
    assert sent["message"]["text"] == expected
    assert [e["type"] for e in sent["message"]["blocks"][0]["elements"][0]["elements"]] == [
        "text",
        "user",
        "text",
        "channel",
        "text",
        "link",
        "text",
    ]
    assert (await pages["robin"].next("message"))["message"]["ts"] == sent["message"]["ts"]
    unread = await pages["robin"].next("unread")
    assert (unread["unread"], unread["mentions"]) == (1, 1)
    await pages["robin"].post("mark", channel=incidents, ts=sent["message"]["ts"])
    unread = await pages["robin"].next("unread")
    assert (unread["unread"], unread["mentions"]) == (0, 0)


async def test_whoever_writes_has_read(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    maya, incidents = workspace.act_as("maya"), workspace.channel_id("incidents")
    parent = await client.chat_postMessage(channel=incidents, text="one")
    await client.chat_postMessage(channel=incidents, text=f"two <@{maya.id}> <!subteam^S0ONCALL>")
    await maya.send("incidents", "in the thread", thread_ts=parent["ts"])
    assert maya.unread("incidents") == 2
    await maya.send("incidents", "in the channel")
    assert maya.unread("incidents") == 0
    assert workspace.act_as("jonas").unread("incidents") == 3


async def test_a_message_to_a_person_shows_them_a_new_conversation(
    client: AsyncWebClient, pages: dict[str, Page]
) -> None:
    posted = await client.chat_postMessage(channel=pages["maya"].me, text="psst")
    conversation = (await pages["maya"].next("conversation"))["conversation"]
    assert (conversation["id"], conversation["is_im"]) == (posted["channel"], True)
    assert (await pages["maya"].next("message"))["message"]["text"] == "psst"


async def test_history_goes_back_page_by_page(workspace: SlackWorkspace, pages: dict[str, Page]) -> None:
    incidents, maya = workspace.channel_id("incidents"), pages["maya"]
    for number in range(5):
        await maya.post("send", channel=incidents, text=str(number))
    newest = await maya.get("history", channel=incidents, limit="2")
    assert ([m["text"] for m in newest["messages"]], newest["has_more"]) == (["3", "4"], True)
    older = await maya.get("history", channel=incidents, limit="5", before=newest["messages"][0]["ts"])
    assert ([m["text"] for m in older["messages"]], older["has_more"]) == (["0", "1", "2"], False)
    await maya.post("send", channel=incidents, text="reply", thread_ts=older["messages"][0]["ts"])
    thread = await maya.get("replies", channel=incidents, ts=older["messages"][0]["ts"])
    assert [m["text"] for m in thread["messages"]] == ["0", "reply"]


async def test_an_ephemeral_message_survives_a_reload(
    workspace: SlackWorkspace, client: AsyncWebClient, pages: dict[str, Page]
) -> None:
    incidents = workspace.channel_id("incidents")
    await client.chat_postEphemeral(channel=incidents, user=pages["robin"].me, text="You may not approve.")
    assert (await pages["robin"].next("ephemeral"))["message"]["is_ephemeral"]
    robins = await pages["robin"].get("history", channel=incidents)
    assert [m["text"] for m in robins["messages"]] == ["You may not approve."]
    assert (await pages["maya"].get("history", channel=incidents))["messages"] == []


async def test_actions_and_modals_through_the_page(
    workspace: SlackWorkspace, client: AsyncWebClient, bolt: AsyncApp, connect: Connect, pages: dict[str, Page]
) -> None:
    @bolt.action("go")
    async def go(ack: Any, body: JSON, client: AsyncWebClient) -> None:
        await ack()
        element = {"type": "plain_text_input", "action_id": "text"}
        label = {"type": "plain_text", "text": "Why?"}
        view = {
            "type": "modal",
            "callback_id": "why",
            "title": {"type": "plain_text", "text": "Why"},
            "submit": {"type": "plain_text", "text": "Send"},
            "blocks": [{"type": "input", "block_id": "b", "label": label, "element": element}],
        }
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    @bolt.view("why")
    async def why(ack: Any, view: JSON) -> None:
        value = view["state"]["values"]["b"]["text"]["value"]
        await (ack() if value else ack(response_action="errors", errors={"b": "Say why."}))

    await connect(workspace, bolt)
    incidents, maya = workspace.channel_id("incidents"), pages["maya"]
    posted = await client.chat_postMessage(
        channel=incidents, text="?", blocks=[{"type": "actions", "elements": [BUTTON]}]
    )
    container = {"type": "message", "channel": incidents, "ts": posted["ts"]}
    block_id = posted["message"]["blocks"][0]["block_id"]
    action = {"type": "button", "action_id": "go"}
    assert (await maya.post("action", container=container, block_id=block_id, action=action))["ok"]
    view = (await maya.next("view_opened"))["view"]
    assert [v["id"] for v in (await maya.get("bootstrap"))["open_views"]] == [view["id"]]
    empty = {"b": {"text": {"type": "plain_text_input", "value": None}}}
    refused = await maya.post("view_submit", view_id=view["id"], state=empty)
    assert refused["errors"] == {"b": "Say why."}
    filled = {"b": {"text": {"type": "plain_text_input", "value": "x"}}}
    assert (await maya.post("view_submit", view_id=view["id"], state=filled))["closed"]
    assert (await maya.next("view_closed"))["view_id"] == view["id"]


async def test_a_silent_app_gives_a_toast(hasty: SlackWorkspace, connect: Connect) -> None:
    app = AsyncApp(client=AsyncWebClient(token=hasty.app("oncall").bot_token, base_url=hasty.api_url))

    @app.command("/oncall")
    async def silent() -> None:
        """Never acknowledges."""

    await connect(hasty, app)
    async with aiohttp.ClientSession() as session:
        page = Page(hasty, session, "maya")
        listening = asyncio.create_task(page.listen())
        await hasty.wait_for(lambda: hasty.core.pages.watching(page.me))
        answer = await page.post("send", channel=hasty.channel_id("incidents"), text="/oncall status")
        toast = await page.next("toast")
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert (answer["ok"], answer["error"]) == (False, "operation_timeout")
    assert (toast["level"], "did not respond in time" in toast["text"]) == ("error", True)


async def test_home_direct_messages_and_reactions(
    workspace: SlackWorkspace, client: AsyncWebClient, pages: dict[str, Page]
) -> None:
    app, maya = workspace.app("oncall"), pages["maya"]
    assert (await maya.post("home", app_id=app.app_id))["view"] is None
    await client.views_publish(user_id=maya.me, view={"type": "home", "blocks": [{"type": "divider"}]})
    assert (await maya.next("home_published"))["app_id"] == app.app_id
    assert (await maya.post("home", app_id=app.app_id))["view"]["type"] == "home"

    opened = (await maya.post("open_dm", user=app.bot_user_id))["conversation"]
    assert (opened["is_im"], opened["user"]) == (True, app.bot_user_id)
    posted = await client.chat_postMessage(channel=opened["id"], text="hello")
    assert (await maya.next("unread"))["mentions"] == 1
    assert (await pages["robin"].get("history", channel=opened["id"]))["error"] == "channel_not_found"

    assert (await maya.post("react", channel=opened["id"], ts=posted["ts"], name="eyes"))["ok"]
    assert (await maya.next("reaction"))["reactions"][0]["users"] == [maya.me]


async def test_a_chosen_file_is_uploaded_and_read_back(workspace: SlackWorkspace, pages: dict[str, Page]) -> None:
    content = base64.b64encode(b"uid,amount").decode()
    file = (await pages["maya"].post("upload", filename="charges.csv", content_base64=content))["file"]
    assert (file["name"], file["size"], file["user"]) == ("charges.csv", 10, pages["maya"].me)
    async with pages["maya"].session.get(f"{workspace.url}/client/files/{file['id']}") as answer:
        assert await answer.text() == "uid,amount"
    broken = await pages["maya"].post("upload", filename="x", content_base64="***")
    assert broken["error"] == "invalid_arguments"


async def test_what_an_app_says_it_is_doing_is_shown(
    workspace: SlackWorkspace, client: AsyncWebClient, pages: dict[str, Page]
) -> None:
    incidents = workspace.channel_id("incidents")
    ts = (await client.chat_postMessage(channel=incidents, text="x"))["ts"]
    await client.assistant_threads_setStatus(channel_id=incidents, thread_ts=ts, status="is reading the logs")
    event = await pages["robin"].next("typing")
    assert (event["channel"], event["thread_ts"], event["text"]) == (incidents, ts, "is reading the logs")


class Scenarios:
    def __init__(self) -> None:
        self.started: list[tuple[str, str]] = []

    def list(self) -> list[JSON]:
        return [{"name": "oom", "title": "Out of memory", "family": "kubernetes", "description": "A pod is killed."}]

    async def start(self, name: str, actor: str) -> str:
        titles = {scenario["name"]: scenario["title"] for scenario in self.list()}
        self.started.append((name, actor))
        return str(titles[name])


async def test_scenarios_are_listed_and_started() -> None:
    scenarios = Scenarios()
    workspace = SlackWorkspace(scenarios=scenarios)
    await workspace.start()
    async with aiohttp.ClientSession() as session:
        page = Page(workspace, session, "maya")
        assert (await page.get("bootstrap"))["scenarios"] == scenarios.list()
        assert (await page.post("scenarios/oom"))["title"] == "Out of memory"
        assert (await page.post("scenarios/flood"))["error"] == "scenario_not_found"
    assert scenarios.started[0] == ("oom", workspace.people["maya"].id)
    await workspace.stop()


async def test_faults_and_traffic_are_reachable(workspace: SlackWorkspace, pages: dict[str, Page]) -> None:
    maya = pages["maya"]
    added = await maya.post("faults", add=[{"kind": "rate_limited", "method": "chat.*", "retry_after": 3}])
    assert (added["faults"][0]["kind"], added["faults"][0]["retry_after"]) == ("rate_limited", 3)
    assert (await maya.get("faults"))["faults"] == added["faults"]
    assert (await maya.post("faults", add=[{"kind": "gremlins"}]))["error"] == "invalid_fault"
    assert (await maya.post("faults", clear=True))["faults"] == []
    client = AsyncWebClient(token=workspace.app("oncall").bot_token, base_url=workspace.api_url)
    await client.auth_test()
    exchanges = (await maya.get("traffic", after="0", server="slack"))["exchanges"]
    assert exchanges[-1]["path"] == "/api/auth.test"
    assert (await maya.get("traffic", after=str(exchanges[-1]["seq"])))["exchanges"] == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1; script-src *"}, 403),
        ({"Host": "localhost:80"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_other_web_sites_are_kept_out(workspace: SlackWorkspace, headers: dict[str, str], status: int) -> None:
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{workspace.url}/client/bootstrap") as answer:
            assert answer.status == status
        async with session.get(f"{workspace.url}/client/ws") as answer:
            assert answer.status == (400 if status == 200 else 403)


async def test_a_form_cannot_drive_the_workspace(workspace: SlackWorkspace) -> None:
    url = f"{workspace.url}/client/send"
    async with aiohttp.ClientSession() as session, session.post(url, data={"text": "x"}) as answer:
        assert (await answer.json())["error"] == "invalid_arguments"


async def test_the_page_is_served_under_a_strict_policy(workspace: SlackWorkspace) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("/assets/nothing.js", "/assets/../../workspace.py", "/assets/%2e%2e/%2e%2e/workspace.py"):
            async with session.get(workspace.url + path) as answer:
                assert answer.status == 404
        async with session.get(workspace.url) as answer:
            if answer.status == 200:
                policy = answer.headers["Content-Security-Policy"]
                assert "script-src 'self'" in policy
                assert "unsafe" not in policy
                assert answer.headers["Cache-Control"] == "no-cache"
            else:
                assert answer.status == 404
