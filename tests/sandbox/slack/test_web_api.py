import dataclasses

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackWorkspace, default_seed
from sandbox.slack.apps import oncall_app
from sandbox.slack.state import JSON


def error_of(refused: pytest.ExceptionInfo[SlackApiError]) -> str:
    return str(refused.value.response["error"])


async def test_who_is_calling(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    answer = await client.auth_test()
    app = workspace.app("oncall")
    assert (answer["user_id"], answer["bot_id"], answer["team"]) == (app.bot_user_id, app.bot_id, "Acme")
    assert "chat:write" in answer.headers["x-oauth-scopes"]
    profile = await client.bots_info(bot=workspace.app("pagerduty").bot_id)
    assert profile["bot"]["app_id"] == "A1FKYAUUX"


async def test_a_form_with_its_token_inside_works_like_json(workspace: SlackWorkspace) -> None:
    form = {"token": workspace.app("oncall").bot_token, "channel": workspace.channel_id("incidents"), "text": "hi"}
    async with aiohttp.ClientSession() as session, session.post(workspace.api_url + "chat.postMessage", data=form) as a:
        body = await a.json()
    assert body["ok"]
    assert body["message"]["text"] == "hi"


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        ("{}", "application/json; charset=utf-8", {"ok": True}),
        ("{}", "application/json", {"ok": True, "warning": "missing_charset"}),
        ("", "application/x-www-form-urlencoded; charset=utf-8", {"ok": True, "warning": "superfluous_charset"}),
        ("{", "application/json; charset=utf-8", {"ok": False, "error": "invalid_json"}),
        ("[]", "application/json; charset=utf-8", {"ok": False, "error": "json_not_object"}),
    ],
)
async def test_bodies_are_read_as_slack_reads_them(
    workspace: SlackWorkspace, body: str, kind: str, expected: JSON
) -> None:
    headers = {"Authorization": f"Bearer {workspace.app('oncall').bot_token}", "Content-Type": kind}
    url = workspace.api_url + "api.test"
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, data=body.encode()) as answer:
        got = await answer.json()
    assert {name: got.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("token", "method", "code"),
    [
        ("", "auth.test", "not_authed"),
        ("xoxb-1-2-3", "auth.test", "invalid_auth"),
        ("app", "auth.test", "not_allowed_token_type"),
        ("bot", "apps.connections.open", "not_allowed_token_type"),
        ("bot", "chat.shout", "unknown_method"),
    ],
)
async def test_tokens_and_methods_are_checked(workspace: SlackWorkspace, token: str, method: str, code: str) -> None:
    app = workspace.app("oncall")
    sent = {"app": app.app_token, "bot": app.bot_token}.get(token, token)
    headers = {"Authorization": f"Bearer {sent}"} if sent else {}
    async with aiohttp.ClientSession(headers=headers) as session, session.post(workspace.api_url + method) as answer:
        body = await answer.json()
    assert (body["ok"], body["error"]) == (False, code)


async def test_a_missing_scope_says_what_is_needed() -> None:
    poor = dataclasses.replace(oncall_app(), scopes=("chat:write",))
    workspace = SlackWorkspace(seed=default_seed(poor))
    await workspace.start()
    client = AsyncWebClient(token=workspace.app("oncall").bot_token, base_url=workspace.api_url)
    with pytest.raises(SlackApiError) as refused:
        await client.conversations_history(channel=workspace.channel_id("incidents"))
    await workspace.stop()
    answer = refused.value.response
    assert (answer["error"], answer["needed"], answer["provided"]) == (
        "missing_scope",
        "channels:history",
        "chat:write",
    )


async def test_pages_follow_one_another(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    incidents = workspace.channel_id("incidents")
    for number in range(7):
        await client.chat_postMessage(channel=incidents, text=str(number))
    pages = [
        [m["text"] for m in page["messages"]]
        async for page in await client.conversations_history(channel=incidents, limit=3)
    ]
    assert pages == [["6", "5", "4"], ["3", "2", "1"], ["0"]]
    with pytest.raises(SlackApiError) as refused:
        await client.conversations_history(channel=incidents, cursor="nonsense")
    assert error_of(refused) == "invalid_cursor"


async def test_history_can_be_bounded(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    incidents = workspace.channel_id("incidents")
    stamps = [(await client.chat_postMessage(channel=incidents, text=str(n)))["ts"] for n in range(4)]
    newer = await client.conversations_history(channel=incidents, oldest=stamps[1])
    assert [m["text"] for m in newer["messages"]] == ["3", "2"]
    exact = await client.conversations_history(channel=incidents, oldest=stamps[1], latest=stamps[1], inclusive=True)
    assert [m["text"] for m in exact["messages"]] == ["1"]


async def test_metadata_is_given_when_asked_for(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    incidents = workspace.channel_id("incidents")
    metadata = {"event_type": "incident", "event_payload": {"id": 7}}
    await client.chat_postMessage(channel=incidents, text="x", metadata=metadata)
    plain = await client.conversations_history(channel=incidents)
    assert "metadata" not in plain["messages"][0]
    full = await client.conversations_history(channel=incidents, include_all_metadata=True)
    assert full["messages"][0]["metadata"] == metadata


async def test_a_channel_is_made_filled_and_described(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    made = (await client.conversations_create(name="inc-42", is_private=True))["channel"]
    assert made["is_private"]
    people = [workspace.people[key].id for key in ("maya", "jonas")]
    await client.conversations_invite(channel=made["id"], users=people)
    await client.conversations_setTopic(channel=made["id"], topic="payment-service is down")
    await client.conversations_setPurpose(channel=made["id"], purpose="fix it")
    shown = (await client.conversations_info(channel=made["id"], include_num_members=True))["channel"]
    assert (shown["topic"]["value"], shown["num_members"]) == ("payment-service is down", 3)
    members = (await client.conversations_members(channel=made["id"]))["members"]
    assert set(members) == {*people, workspace.app("oncall").bot_user_id}
    for arguments, code in (
        ({"channel": made["id"], "users": people}, "already_in_channel"),
        ({"channel": made["id"], "users": ["U0NOBODY000"]}, "user_not_found"),
        ({"channel": workspace.channel_id("general"), "users": people}, "not_in_channel"),
    ):
        with pytest.raises(SlackApiError) as refused:
            await client.conversations_invite(**arguments)
        assert error_of(refused) == code
    with pytest.raises(SlackApiError) as refused:
        await client.conversations_create(name="inc-42")
    assert error_of(refused) == "name_taken"
    with pytest.raises(SlackApiError) as refused:
        await client.conversations_create(name="Not A Name")
    assert error_of(refused) == "invalid_name_specials"
    await client.conversations_archive(channel=made["id"])
    with pytest.raises(SlackApiError) as refused:
        await client.conversations_archive(channel=made["id"])
    assert error_of(refused) == "already_archived"


async def test_a_direct_message_has_no_topic(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    direct = (await client.conversations_open(users=[workspace.people["maya"].id]))["channel"]["id"]
    with pytest.raises(SlackApiError) as refused:
        await client.conversations_setTopic(channel=direct, topic="x")
    assert error_of(refused) == "method_not_supported_for_channel_type"


async def test_a_private_channel_is_unknown_to_outsiders(
    workspace: SlackWorkspace, client: AsyncWebClient, pagerduty: AsyncWebClient
) -> None:
    made = (await client.conversations_create(name="secret", is_private=True))["channel"]["id"]
    with pytest.raises(SlackApiError) as refused:
        await pagerduty.conversations_info(channel=made)
    assert error_of(refused) == "channel_not_found"
    assert made not in {c["id"] for c in workspace.core.people.conversations(workspace.people["robin"].id)}


async def test_channels_are_listed_by_type_and_joined(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    everything = (await client.conversations_list(types="public_channel,private_channel"))["channels"]
    assert {c["name"]: c["is_member"] for c in everything} == {
        "incidents": True,
        "payments": True,
        "general": False,
        "random": False,
    }
    await client.conversations_join(channel=workspace.channel_id("general"))
    again = await client.conversations_join(channel=workspace.channel_id("general"))
    assert again["warning"] == "already_in_channel"
    mine = (await client.users_conversations())["channels"]
    assert {c["name"] for c in mine} == {"incidents", "payments", "general"}
    with pytest.raises(SlackApiError) as refused:
        await client.conversations_list(types="everything")
    assert error_of(refused) == "invalid_types"


async def test_people_are_found(workspace: SlackWorkspace, client: AsyncWebClient, pagerduty: AsyncWebClient) -> None:
    maya = workspace.people["maya"]
    assert (await client.users_lookupByEmail(email="maya.chen@acme.example"))["user"]["id"] == maya.id
    assert (await client.users_info(user=maya.id))["user"]["profile"]["email"] == maya.email
    # Without users:read.email the address stays hidden.
    assert "email" not in (await pagerduty.users_info(user=maya.id))["user"]["profile"]
    listed = [u["id"] async for page in await client.users_list(limit=2) for u in page["members"]]
    assert set(listed) == set(workspace.core.state.users)
    with pytest.raises(SlackApiError) as refused:
        await client.users_lookupByEmail(email="nobody@acme.example")
    assert error_of(refused) == "users_not_found"


async def test_user_groups_are_read(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    groups = (await client.usergroups_list(include_users=True))["usergroups"]
    assert [(g["id"], g["handle"], len(g["users"])) for g in groups] == [("S0ONCALL", "oncall", 2)]
    users = (await client.usergroups_users_list(usergroup=workspace.group_id("oncall")))["users"]
    assert users == [workspace.people["maya"].id, workspace.people["jonas"].id]


async def test_a_direct_message_is_opened_once(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    maya = workspace.people["maya"].id
    opened = await client.conversations_open(users=[maya])
    assert not opened["already_open"]
    posted = await client.chat_postMessage(channel=maya, text="psst")
    assert posted["channel"] == opened["channel"]["id"]
    assert (await client.conversations_open(users=[maya]))["already_open"]


async def test_reactions_pins_and_bookmarks(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    incidents = workspace.channel_id("incidents")
    ts = (await client.chat_postMessage(channel=incidents, text="x"))["ts"]
    await client.reactions_add(channel=incidents, timestamp=ts, name="eyes")
    with pytest.raises(SlackApiError) as refused:
        await client.reactions_add(channel=incidents, timestamp=ts, name="eyes")
    assert error_of(refused) == "already_reacted"
    reactions = (await client.reactions_get(channel=incidents, timestamp=ts))["message"]["reactions"]
    assert [(r["name"], r["count"]) for r in reactions] == [("eyes", 1)]
    await client.reactions_remove(channel=incidents, timestamp=ts, name="eyes")
    with pytest.raises(SlackApiError) as refused:
        await client.reactions_remove(channel=incidents, timestamp=ts, name="eyes")
    assert error_of(refused) == "no_reaction"

    await client.pins_add(channel=incidents, timestamp=ts)
    assert [p["message"]["ts"] for p in (await client.pins_list(channel=incidents))["items"]] == [ts]
    await client.pins_remove(channel=incidents, timestamp=ts)
    with pytest.raises(SlackApiError) as refused:
        await client.pins_remove(channel=incidents, timestamp=ts)
    assert error_of(refused) == "no_pin"

    kept = await client.bookmarks_add(channel_id=incidents, title="Runbook", type="link", link="http://127.0.0.1/r")
    listed = (await client.bookmarks_list(channel_id=incidents))["bookmarks"]
    assert [b["id"] for b in listed] == [kept["bookmark"]["id"]]
    await client.bookmarks_remove(channel_id=incidents, bookmark_id=kept["bookmark"]["id"])
    assert (await client.bookmarks_list(channel_id=incidents))["bookmarks"] == []


async def test_traffic_is_recorded_without_secrets(workspace: SlackWorkspace, client: AsyncWebClient) -> None:
    app = workspace.app("oncall")
    await client.apps_connections_open(app_token=app.app_token)
    form = {"token": app.bot_token}
    async with aiohttp.ClientSession() as session, session.post(workspace.api_url + "auth.test", data=form) as answer:
        assert (await answer.json())["ok"]
    records = workspace.traffic.since(0, "slack")
    assert [(r["path"], r["status"]) for r in records] == [("/api/apps.connections.open", 200), ("/api/auth.test", 200)]
    everything = "".join(r["request"] + r["response"] for r in records)
    assert app.bot_token not in everything
    assert "ticket=***" in everything
