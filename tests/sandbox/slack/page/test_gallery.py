"""Every block type is drawn: those a message may hold through the Web API, the rest by the page's own renderer."""

import pytest
from playwright.async_api import Page, expect
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackWorkspace
from tests.sandbox.slack.page.blocks import MESSAGE, OTHER
from tests.sandbox.slack.page.conftest import OpenPage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
]

DRAW = """async (blocks) => {
  const { renderBlocks } = await import("/assets/blocks/index.js");
  const { Surface } = await import("/assets/surface.js");
  const stage = document.createElement("div");
  stage.id = "stage";
  stage.append(...renderBlocks(blocks, new Surface("modal", { type: "view", view_id: "V1" })));
  document.querySelector(".messages").append(stage);
}"""


async def test_every_message_block_is_drawn(
    workspace: SlackWorkspace, client: AsyncWebClient, open_page: OpenPage
) -> None:
    channel = workspace.channel_id("payments")
    sent = {}
    for exhibit in MESSAGE:
        answer = await client.chat_postMessage(channel=channel, text=exhibit.name, blocks=[exhibit.block])
        sent[exhibit.name] = answer["ts"]

    page = await open_page(f"#/{channel}")

    for exhibit in MESSAGE:
        row = page.locator(f'.message[data-ts="{sent[exhibit.name]}"]')
        await expect(row.locator(exhibit.selector).first, exhibit.name).to_be_attached()
        for words in exhibit.shows:
            await expect(row, exhibit.name).to_contain_text(words)
    await expect(page.locator(".unknown-block")).to_have_count(0)


async def test_blocks_of_other_surfaces_are_drawn(open_page: OpenPage) -> None:
    page = await open_page()
    await page.evaluate(DRAW, [exhibit.block for exhibit in OTHER])

    blocks = page.locator("#stage > .block")
    await expect(blocks).to_have_count(len(OTHER))
    for index, exhibit in enumerate(OTHER):
        await expect(blocks.nth(index).locator(exhibit.selector).first, exhibit.name).to_be_attached()
        for words in exhibit.shows:
            await expect(blocks.nth(index), exhibit.name).to_contain_text(words)


async def test_attachments_have_their_bar_title_fields_and_blocks(
    workspace: SlackWorkspace, pagerduty: AsyncWebClient, open_page: OpenPage
) -> None:
    attachment = {
        "color": "#d64545",
        "title": "#4211 payment-service",
        "title_link": "https://example.com/incidents/4211",
        "text": "It *crashes*",
        "fields": [{"title": "Urgency", "value": "high", "short": True}],
        "fallback": "Incident 4211",
    }
    inner = {"color": "good", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "in a _block_"}}]}
    await pagerduty.chat_postMessage(
        channel=workspace.channel_id("incidents"), text="Incident", attachments=[attachment, inner]
    )
    page = await open_page()

    first, second = page.locator(".attachment").nth(0), page.locator(".attachment").nth(1)
    await expect(first.get_by_role("link", name="#4211 payment-service")).to_have_attribute(
        "href", "https://example.com/incidents/4211"
    )
    await expect(first.locator(".attachment-short")).to_have_text("Urgencyhigh")
    await expect(first.locator("strong")).to_have_text("crashes")
    assert await _bar(page, 0) == "rgb(214, 69, 69)"
    await expect(second.locator("em")).to_have_text("block")
    assert await _bar(page, 1) == "rgb(47, 158, 88)"


async def test_a_data_table_sorts_filters_and_turns_pages(open_page: OpenPage) -> None:
    table = next(exhibit.block for exhibit in MESSAGE if exhibit.name == "data_table")
    page = await open_page()
    await page.evaluate(DRAW, [table])

    stage = page.locator("#stage")
    figures = stage.locator("tbody td")
    await stage.locator(".sort-button").nth(1).click()
    await expect(figures).to_have_text(["1", "2"])
    await stage.get_by_label("Page after").click()
    await expect(figures).to_have_text(["3"])
    await stage.get_by_label("Filter: Pods").fill("2")
    await expect(figures).to_have_text(["2"])


async def _bar(page: Page, index: int) -> str:
    script = "(node) => getComputedStyle(node, '::before').backgroundColor"
    return str(await page.locator(".attachment").nth(index).evaluate(script))
