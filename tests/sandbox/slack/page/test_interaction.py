"""What people do on the page reaches the app, and what the app does reaches the page."""

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Page, expect
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackWorkspace
from sandbox.slack.state import JSON
from tests.sandbox.slack.page.blocks import button, mrkdwn, option, plain
from tests.sandbox.slack.page.conftest import ConnectApp, OpenPage, Scenarios

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
]

CONFIRM: JSON = {
    "title": plain("Restart it?"),
    "text": mrkdwn("This restarts *3 pods*."),
    "confirm": plain("Restart"),
    "deny": plain("Not now"),
}
PROPOSAL: list[JSON] = [
    {"type": "section", "text": mrkdwn("*Proposed fix*")},
    {
        "type": "actions",
        "block_id": "decide",
        "elements": [
            button("approve", "Approve", style="primary", value="p1", confirm=CONFIRM),
            button("reject", "Reject", value="p1"),
            {"type": "static_select", "action_id": "pick", "options": [option("First"), option("Second")]},
            {"type": "overflow", "action_id": "more", "options": [option("Snooze"), option("Mute")]},
        ],
    },
]
REASON: JSON = {
    "type": "modal",
    "callback_id": "reason",
    "title": plain("Reject the proposal"),
    "submit": plain("Reject"),
    "close": plain("Back"),
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": plain("Reason"),
            "element": {"type": "plain_text_input", "action_id": "text", "multiline": True},
        },
        {
            "type": "input",
            "block_id": "kind",
            "optional": True,
            "label": plain("Kind"),
            "element": {"type": "static_select", "action_id": "kind", "options": [option("Risky"), option("Wrong")]},
        },
    ],
}


async def _post(workspace: SlackWorkspace, client: AsyncWebClient, **fields: Any) -> str:
    channel = workspace.channel_id("incidents")
    answer = await client.chat_postMessage(channel=channel, text="A proposal", **fields)
    return str(answer["ts"])


async def test_a_confirmed_button_waits_for_the_app_and_shows_its_update(
    workspace: SlackWorkspace, client: AsyncWebClient, bolt: AsyncApp, connect_app: ConnectApp, open_page: OpenPage
) -> None:
    clicks: list[JSON] = []
    release = asyncio.Event()

    @bolt.action("approve")
    async def approve(ack: Any, body: JSON) -> None:
        clicks.append(body)
        await release.wait()
        await ack()
        outcome = [{"type": "section", "text": mrkdwn(f"Approved by <@{body['user']['id']}>")}]
        await client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text="Approved", blocks=outcome
        )

    await connect_app(bolt)
    await _post(workspace, client, blocks=PROPOSAL)
    page = await open_page()
    approve_button = page.get_by_role("button", name="Approve")

    await approve_button.click()
    dialog = page.get_by_role("alertdialog")
    await expect(dialog).to_contain_text("This restarts 3 pods.")
    await dialog.get_by_role("button", name="Not now").click()
    await expect(dialog).to_have_count(0)
    await expect(approve_button).not_to_have_attribute("aria-busy", "true")
    assert clicks == []

    await approve_button.click()
    await dialog.get_by_role("button", name="Restart").click()
    await expect(approve_button).to_have_attribute("aria-busy", "true")
    release.set()
    await expect(page.locator(".message")).to_contain_text("Approved by @Maya")
    await expect(approve_button).to_have_count(0)
    assert [(click["user"]["id"], click["actions"][0]["value"]) for click in clicks] == [("U01MAYACHEN", "p1")]


async def test_a_button_nobody_answers_says_so(
    workspace: SlackWorkspace, client: AsyncWebClient, open_page: OpenPage
) -> None:
    await _post(workspace, client, blocks=PROPOSAL)
    page = await open_page()
    await page.get_by_role("button", name="Reject").click()
    await expect(page.locator(".toast-error")).to_contain_text("Oncall Agent")
    await expect(page.get_by_role("button", name="Reject")).not_to_have_attribute("aria-busy", "true")


async def test_selects_and_overflow_menus_send_what_was_chosen(
    workspace: SlackWorkspace, client: AsyncWebClient, bolt: AsyncApp, connect_app: ConnectApp, open_page: OpenPage
) -> None:
    chosen: list[tuple[str, str]] = []

    @bolt.action(re.compile("pick|more"))
    async def pick(ack: Any, action: JSON) -> None:
        await ack()
        chosen.append((action["action_id"], action["selected_option"]["value"]))

    await connect_app(bolt)
    await _post(workspace, client, blocks=PROPOSAL)
    page = await open_page()

    await page.get_by_role("button", name="Choose one").click()
    await page.keyboard.type("sec")
    await page.keyboard.press("Enter")
    await expect(page.locator(".select-value")).to_have_text("Second")
    await page.get_by_role("button", name="More choices").click()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await workspace.wait_for(lambda: len(chosen) == 2)
    assert chosen == [("pick", "second"), ("more", "mute")]


async def _reject(page: Page) -> None:
    await page.get_by_role("button", name="Reject").first.click()
    await page.wait_for_selector("dialog.dialog-modal")


async def test_a_modal_shows_input_errors_keeps_the_focus_and_closes(
    workspace: SlackWorkspace, client: AsyncWebClient, bolt: AsyncApp, connect_app: ConnectApp, open_page: OpenPage
) -> None:
    submitted: list[JSON] = []

    @bolt.action("reject")
    async def reject(ack: Any, body: JSON) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=REASON)

    @bolt.view("reason")
    async def reason(ack: Any, view: JSON) -> None:
        values = view["state"]["values"]
        if len(values["why"]["text"]["value"]) < 10:
            await ack(response_action="errors", errors={"why": "Say a little more."})
            return
        submitted.append(values)
        await ack()

    await connect_app(bolt)
    await _post(workspace, client, blocks=PROPOSAL)
    page = await open_page()
    await _reject(page)
    dialog = page.locator("dialog.dialog-modal")
    field = dialog.get_by_label("Reason")
    await expect(field).to_be_focused()

    await dialog.get_by_role("button", name="Reject").click()
    await expect(dialog.get_by_role("alert").first).to_have_text("Please complete this required field.")
    await field.fill("short")
    await dialog.get_by_role("button", name="Reject").click()
    await expect(dialog.get_by_role("alert").first).to_have_text("Say a little more.")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_value("short")

    for _ in range(12):
        await page.keyboard.press("Tab")
        inside = "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        assert await page.evaluate(inside), "the focus left the modal"

    await field.fill("It restarts the wrong workload")
    await dialog.get_by_role("button", name="Kind").click()
    await dialog.get_by_role("option", name="Wrong").click()
    await dialog.get_by_role("button", name="Reject").click()
    await expect(dialog).to_have_count(0)
    assert submitted[0]["why"]["text"]["value"] == "It restarts the wrong workload"
    assert submitted[0]["kind"]["kind"]["selected_option"]["value"] == "wrong"
    assert workspace.act_as("maya").views() == []


async def test_modals_stack_and_escape_leaves_them(
    workspace: SlackWorkspace, client: AsyncWebClient, bolt: AsyncApp, connect_app: ConnectApp, open_page: OpenPage
) -> None:
    @bolt.action("reject")
    async def reject(ack: Any, body: JSON) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=REASON)

    @bolt.view("reason")
    async def reason(ack: Any) -> None:
        sure = {**REASON, "callback_id": "sure", "title": plain("Are you sure?"), "blocks": PROPOSAL[:1]}
        await ack(response_action="push", view=sure)

    await connect_app(bolt)
    await _post(workspace, client, blocks=PROPOSAL)
    page = await open_page()
    await _reject(page)
    dialog = page.locator("dialog.dialog-modal")
    await dialog.get_by_label("Reason").fill("It restarts the wrong workload")
    await dialog.get_by_role("button", name="Reject").click()
    await expect(dialog.get_by_role("heading")).to_have_text("Are you sure?")
    await dialog.locator(".modal-back").click()
    await expect(dialog.get_by_role("heading")).to_have_text("Reject the proposal")
    await expect(dialog.get_by_label("Reason")).to_have_value("It restarts the wrong workload")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await workspace.wait_for(lambda: workspace.act_as("maya").views() == [])


async def test_a_thread_reply_is_sent_counted_and_answered(
    workspace: SlackWorkspace, client: AsyncWebClient, open_page: OpenPage
) -> None:
    channel = workspace.channel_id("incidents")
    parent = await _post(workspace, client)
    page = await open_page()

    await page.locator(".message").hover()
    await page.get_by_role("button", name="Reply in thread").click()
    thread = page.get_by_role("complementary", name="Thread")
    await thread.get_by_role("combobox").fill("On it")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("second line")
    await page.keyboard.press("Enter")
    await expect(thread.locator(".message").nth(1)).to_contain_text("second line")
    await expect(page.locator(".main .thread-count")).to_have_text("1 reply")
    assert workspace.act_as("maya").replies("incidents", parent)[1]["text"] == "On it\nsecond line"

    await client.chat_postMessage(channel=channel, thread_ts=parent, text="Looking at *payment-service*")
    await expect(thread.locator(".message").nth(2).locator("strong")).to_have_text("payment-service")
    await expect(page.locator(".main .thread-count")).to_have_text("2 replies")
    await page.keyboard.press("Escape")
    await expect(thread).to_be_hidden()


async def test_slash_commands_are_completed_and_sent(
    workspace: SlackWorkspace, bolt: AsyncApp, connect_app: ConnectApp, open_page: OpenPage
) -> None:
    @bolt.command("/oncall")
    async def oncall(ack: Any, respond: Any, command: JSON) -> None:
        await ack()
        await respond(f"You asked for *{command['text']}*")

    await connect_app(bolt)
    page = await open_page()
    field = page.locator(".composer-field").first
    await field.press_sequentially("/onc")
    suggestion = page.get_by_role("option").first
    await expect(suggestion).to_contain_text("/oncall")
    await expect(suggestion).to_contain_text("Incidents, investigations and approvals")
    await expect(suggestion.locator(".usage")).to_contain_text("help | status")
    await page.keyboard.press("Tab")
    await expect(field).to_have_value("/oncall ")
    await field.press_sequentially("status")
    await page.keyboard.press("Enter")
    answer = page.locator(".message-ephemeral")
    await expect(answer).to_contain_text("Only visible to you")
    await expect(answer.locator("strong")).to_have_text("status")
    await expect(field).to_have_value("")


async def test_mentions_are_completed_and_tell_the_person(workspace: SlackWorkspace, open_page: OpenPage) -> None:
    page = await open_page(f"#/{workspace.channel_id('general')}")
    field = page.locator(".composer-field").first
    await field.press_sequentially("look, @jon")
    await page.keyboard.press("Enter")
    await field.press_sequentially("please")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message .mention")).to_have_text("@Jonas")

    other = await open_page(person="jonas")
    entry = other.get_by_role("link", name=re.compile("^general"))
    await expect(entry.locator(".mention-count")).to_have_text("1")


async def test_acting_as_somebody_changes_marks_rights_and_private_messages(
    workspace: SlackWorkspace, client: AsyncWebClient, open_page: OpenPage
) -> None:
    await workspace.act_as("maya").send("general", "Good morning")
    channel = workspace.channel_id("incidents")
    await client.chat_postEphemeral(channel=channel, user=workspace.people["maya"].id, text="For Maya alone")
    page = await open_page()
    general = page.get_by_role("link", name=re.compile("^general"))
    await expect(page.locator(".message-ephemeral")).to_contain_text("For Maya alone")
    await expect(general).not_to_have_class(re.compile("side-unread"))

    await page.get_by_role("button", name=re.compile("^Acting as Maya")).click()
    robin = page.get_by_role("menuitemradio", name=re.compile("Robin"))
    await expect(robin).to_contain_text("may not approve")
    await robin.click()
    await expect(page.get_by_role("button", name=re.compile("^Acting as Robin"))).to_be_visible()
    await expect(page.locator(".message-ephemeral")).to_have_count(0)
    await expect(general).to_have_class(re.compile("side-unread"))

    await general.click()
    await expect(page.locator(".new-line")).to_be_visible()
    await expect(general).not_to_have_class(re.compile("side-unread"))
    await workspace.wait_for(lambda: workspace.act_as("robin").unread("general") == 0)
    await page.reload()
    await expect(page.get_by_role("button", name=re.compile("^Acting as Robin"))).to_be_visible()


async def test_reactions_come_and_go_for_everybody(
    workspace: SlackWorkspace, client: AsyncWebClient, open_page: OpenPage
) -> None:
    ts = await _post(workspace, client)
    page = await open_page()
    await page.locator(".message").hover()
    await page.get_by_role("button", name="Add a reaction").first.click()
    await page.keyboard.type("eyes")
    await page.keyboard.press("Enter")
    chip = page.locator(".reaction[aria-pressed=true]")
    await expect(chip).to_have_text("1")
    await workspace.act_as("jonas").react("incidents", ts, "eyes")
    await expect(chip).to_have_text("2")
    await chip.click()
    await expect(page.locator(".reaction[aria-pressed=false]")).to_have_text("1")


async def test_a_message_shortcut_names_its_message(
    workspace: SlackWorkspace, client: AsyncWebClient, bolt: AsyncApp, connect_app: ConnectApp, open_page: OpenPage
) -> None:
    asked: list[str] = []

    @bolt.shortcut("investigate_message")
    async def investigate(ack: Any, body: JSON) -> None:
        await ack()
        asked.append(body["message"]["ts"])

    await connect_app(bolt)
    ts = await _post(workspace, client)
    page = await open_page()
    await page.locator(".message").hover()
    await page.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Investigate this").click()
    await workspace.wait_for(lambda: asked == [ts])


async def test_the_home_tab_shows_what_the_app_publishes(
    workspace: SlackWorkspace, client: AsyncWebClient, bolt: AsyncApp, connect_app: ConnectApp, open_page: OpenPage
) -> None:
    opened: list[str] = []

    async def publish(user: str, text: str) -> None:
        view = {"type": "home", "blocks": [{"type": "header", "text": plain(text)}, PROPOSAL[1]]}
        await client.views_publish(user_id=user, view=view)

    @bolt.event("app_home_opened")
    async def home(event: JSON) -> None:
        opened.append(event["tab"])
        await publish(event["user"], "2 open incidents")

    @bolt.action("reject")
    async def reject(ack: Any, body: JSON) -> None:
        await ack()
        await publish(body["user"]["id"], "1 open incident")

    await connect_app(bolt)
    page = await open_page()
    await page.get_by_role("link", name="Oncall Agent").click()
    await expect(page.locator(".home-view h3")).to_have_text("2 open incidents")
    assert opened == ["home"]
    await page.get_by_role("button", name="Reject").click()
    await expect(page.locator(".home-view h3")).to_have_text("1 open incident")
    await page.get_by_role("tab", name="Messages").click()
    await expect(page.locator(".home .composer-field")).to_be_visible()


async def test_breaking_something_starts_the_scenario_and_goes_to_its_channel(
    scenarios: Scenarios, workspace: SlackWorkspace, open_page: OpenPage
) -> None:
    page = await open_page(f"#/{workspace.channel_id('random')}")
    await page.get_by_role("button", name="Break something").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("heading", level=3)).to_have_text(["Kubernetes", "Database"])
    await dialog.get_by_role("button", name=re.compile("Connection pool")).click()
    await expect(page.locator(".toast")).to_contain_text("Connection pool exhausted")
    await expect(page.locator(".pane-title").first).to_have_text("incidents")
    assert scenarios.started == ["pool"]


async def test_the_inspector_shows_traffic_and_sets_faults(
    workspace: SlackWorkspace, client: AsyncWebClient, open_page: OpenPage
) -> None:
    page = await open_page()
    await page.get_by_role("button", name="Inspector").click()
    await _post(workspace, client)
    row = page.get_by_role("option").filter(has_text="/api/chat.postMessage")
    await expect(row).to_contain_text("200")
    await row.click()
    await expect(page.locator(".exchange-detail")).to_contain_text("A proposal")
    await page.get_by_label("Search the traffic").fill("no such thing")
    await expect(row).to_have_count(0)
    await page.get_by_label("Search the traffic").fill("")
    await page.get_by_role("button", name="Pause").click()
    await _post(workspace, client)
    await expect(row).to_have_count(1)
    await page.get_by_role("button", name="Resume").click()
    await expect(row).to_have_count(2)

    await page.get_by_role("button", name="Faults").click()
    await page.get_by_role("button", name=re.compile("^429")).click()
    await expect(page.locator(".fault-list")).to_contain_text("429 on *")
    assert [rule.kind for rule in workspace.faults.rules] == ["rate_limited"]
    await page.get_by_role("button", name="Remove all").click()
    await expect(page.locator(".fault-list")).to_contain_text("No fault is in force.")
    assert workspace.faults.rules == []
