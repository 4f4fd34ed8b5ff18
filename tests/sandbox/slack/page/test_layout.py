"""The page in light and dark, on a phone, by keyboard, and for somebody who comes for the first time."""

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackWorkspace
from tests.sandbox.slack.page.blocks import MESSAGE
from tests.sandbox.slack.page.conftest import PHONE, OpenPage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
]

# The contrast of every visible piece of text with the ground it stands on, as WCAG 2.2 reckons it.
FAINT = """() => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, under) => ({
    r: top.r * top.a + under.r * (1 - top.a),
    g: top.g * top.a + under.g * (1 - top.a),
    b: top.b * top.a + under.b * (1 - top.a),
    a: 1,
  });
  const linear = (one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
  const light = ({ r, g, b }) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const ground = (node) => {
    const layers = [];
    for (let one = node; one; one = one.parentElement) layers.push(parse(getComputedStyle(one).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), { r: 255, g: 255, b: 255, a: 1 });
  };
  const faint = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    const shown = node.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    if (!text.data.trim() || !shown || node.closest(".visually-hidden, noscript, svg, :disabled")) continue;
    const under = ground(node);
    const style = getComputedStyle(node);
    const [one, other] = [light(over(parse(style.color), under)), light(under)].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.add(`${text.data.trim().slice(0, 30)} ${ratio.toFixed(2)} .${node.className}`);
  }
  return [...faint];
}"""

# Controls a finger cannot hit: less than 40 CSS pixels high, links in running text aside.
SMALL = """() => [...document.querySelectorAll("button, a.side-item, summary, input, select, textarea, [role=tab]")]
  .filter((one) => one.checkVisibility() && !one.closest(".visually-hidden"))
  .map((one) => ({
    box: (one.closest("label") ?? one).getBoundingClientRect(),
    name: `${one.className} ${one.getAttribute("aria-label") ?? one.textContent.slice(0, 20)}`,
  }))
  .filter(({ box }) => box.height < 39.5 && box.top < innerHeight)
  .map(({ name, box }) => `${name} ${Math.round(box.height)}`)"""


async def _fill(workspace: SlackWorkspace, client: AsyncWebClient) -> str:
    channel = workspace.channel_id("incidents")
    await workspace.act_as("jonas").send("general", "Hello @Maya")
    posted = await client.chat_postMessage(channel=channel, text="An incident with @somebody")
    for name in ("section", "fields", "actions", "context", "rich_text", "plan", "table"):
        block = next(exhibit.block for exhibit in MESSAGE if exhibit.name == name)
        await client.chat_postMessage(channel=channel, thread_ts=posted["ts"], text=name, blocks=[block])
    await workspace.act_as("jonas").react("incidents", posted["ts"], "eyes")
    await client.chat_postEphemeral(channel=channel, user=workspace.people["maya"].id, text="For you")
    return str(posted["ts"])


async def _ground(page: Page) -> Any:
    return await page.evaluate("getComputedStyle(document.body).backgroundColor")


async def test_the_theme_follows_the_system_and_the_switch(open_page: OpenPage) -> None:
    light, dark = await open_page(), await open_page(dark=True)
    assert await _ground(light) == "rgb(255, 255, 255)"
    assert await _ground(dark) == "rgb(21, 27, 31)"
    await light.get_by_role("button", name="Theme").click()
    await light.get_by_role("menuitemradio", name="Dark").click()
    assert await _ground(light) == "rgb(21, 27, 31)"
    await light.reload()
    await light.wait_for_selector(".sidebar")
    assert await _ground(light) == "rgb(21, 27, 31)"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_text_has_enough_contrast(
    dark: bool, workspace: SlackWorkspace, client: AsyncWebClient, open_page: OpenPage
) -> None:
    ts = await _fill(workspace, client)
    page = await open_page(f"#/{workspace.channel_id('incidents')}/t/{ts}", dark=dark, welcomed=False)
    await expect(page.locator(".thread .message")).to_have_count(8)
    assert await page.evaluate(FAINT) == []
    await page.get_by_role("button", name="Inspector").click()
    await page.get_by_role("option").first.click()
    assert await page.evaluate(FAINT) == []
    await page.locator(".welcome").get_by_role("button", name="Break something").click()
    assert await page.evaluate(FAINT) == []


async def test_a_phone_shows_one_pane_at_a_time(
    workspace: SlackWorkspace, client: AsyncWebClient, open_page: OpenPage
) -> None:
    ts = await _fill(workspace, client)
    page = await open_page("", viewport=PHONE)
    sidebar, main = page.locator(".sidebar"), page.locator(".main")
    thread = page.locator(".thread")
    await expect(sidebar).to_be_visible()
    await expect(main).to_be_hidden()
    assert await page.evaluate(SMALL) == []

    await page.get_by_role("link", name=re.compile("^incidents")).tap()
    await expect(main).to_be_visible()
    await expect(sidebar).to_be_hidden()
    assert await page.evaluate(SMALL) == []

    await page.locator(f'.message[data-ts="{ts}"] .thread-summary').tap()
    await expect(thread).to_be_visible()
    await expect(main).to_be_hidden()
    await expect(thread.locator(".message")).to_have_count(8)
    assert await page.evaluate(SMALL) == []
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]

    await page.get_by_role("button", name="Back to the channel", exact=True).tap()
    await expect(main).to_be_visible()
    await page.get_by_role("button", name="Back to the channels").tap()
    await expect(sidebar).to_be_visible()


async def test_everything_can_be_reached_by_keyboard(
    workspace: SlackWorkspace, client: AsyncWebClient, open_page: OpenPage
) -> None:
    await _fill(workspace, client)
    page = await open_page()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("gen")
    await page.keyboard.press("Enter")
    await expect(page.locator(".pane-title").first).to_have_text("general")
    await page.keyboard.press("Control+k")
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)

    await page.goto(f"{workspace.url}/#/{workspace.channel_id('incidents')}")
    await expect(page.locator(".main .message")).to_have_count(2)
    await page.locator(".main .scroller").focus()
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowUp")
    focused = page.locator(".message:focus")
    await expect(focused).to_contain_text("An incident")
    await expect(focused.get_by_role("button", name="Reply in thread")).to_be_visible()
    outline = await focused.evaluate("(node) => getComputedStyle(node).outlineStyle")
    assert outline == "solid"


async def test_every_control_has_a_name(workspace: SlackWorkspace, client: AsyncWebClient, open_page: OpenPage) -> None:
    ts = await _fill(workspace, client)
    page = await open_page(f"#/{workspace.channel_id('incidents')}/t/{ts}")
    await expect(page.locator(".thread .message")).to_have_count(8)
    tree = await page.locator("body").aria_snapshot()
    controls = re.findall(r"- '?((?:button|link|combobox|textbox|checkbox|radio)\b.*)", tree)
    assert len(controls) > 25
    assert [one for one in controls if '"' not in one] == []


async def test_the_welcome_says_what_to_do_once(open_page: OpenPage) -> None:
    page = await open_page(welcomed=False)
    welcome = page.get_by_role("region", name="Welcome")
    await expect(welcome.get_by_role("listitem")).to_have_count(3)
    await welcome.get_by_role("button", name="Got it").click()
    await expect(welcome).to_have_count(0)
    await page.reload()
    await page.wait_for_selector(".sidebar")
    await expect(welcome).to_have_count(0)


async def test_less_motion_is_respected(open_page: OpenPage) -> None:
    page = await open_page()
    await page.emulate_media(reduced_motion="reduce")
    await page.get_by_role("button", name="Break something").click()
    duration = await page.locator("dialog").evaluate("(node) => getComputedStyle(node).animationDuration")
    assert float(duration.removesuffix("s")) < 0.001


async def test_a_permalink_leads_to_its_message(
    workspace: SlackWorkspace, client: AsyncWebClient, open_page: OpenPage
) -> None:
    channel = workspace.channel_id("incidents")
    posted = await client.chat_postMessage(channel=channel, text="This one")
    await client.chat_postMessage(channel=channel, text="Another")
    answer = await client.chat_getPermalink(channel=channel, message_ts=posted["ts"])
    page = await open_page(str(answer["permalink"]).removeprefix(f"{workspace.url}/"))
    await expect(page.locator(".message-found")).to_contain_text("This one")
