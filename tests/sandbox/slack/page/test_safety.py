"""Whatever an app or a person writes stays text: no element of theirs, no script, no address that runs one."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import Page, expect
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackWorkspace
from sandbox.slack.state import JSON
from tests.sandbox.slack.page.blocks import MESSAGE, OTHER
from tests.sandbox.slack.page.conftest import OpenPage
from tests.sandbox.slack.page.test_gallery import DRAW

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
]

ATTACKS = (
    "<img src=x onerror=window.hacked=1>",
    "<script>window.hacked=1</script>",
    '"><svg onload=window.hacked=1>',
    "<javascript:window.hacked=1|click me>",
    "[click me](javascript:window.hacked=1)",
    "<a href='javascript:window.hacked=1'>click me</a>",
    "`<iframe srcdoc='<script>parent.hacked=1</script>'>`",
    "```\n</code></pre><img src=x onerror=window.hacked=1>\n```",
    '<https://a.example/"onmouseover=window.hacked=1|x>',
    "<!date^1^{date}^javascript:window.hacked=1|x>",
    "&lt;img src=x onerror=window.hacked=1&gt;",
)
SAFE_ADDRESSES = ("http:", "https:", "mailto:", "tel:", "#")

# Names and kinds the page compares rather than shows.
_KEPT = {"type", "block_id", "action_id", "style", "status", "level", "width", "icon", "source", "range", "align"}


def _poisoned(value: Any, attack: str, key: str = "") -> Any:
    """Return the block with the attack in every place that holds text or an address."""
    if isinstance(value, dict):
        return {name: _poisoned(inner, attack, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_poisoned(inner, attack, key) for inner in value]
    if not isinstance(value, str) or key in _KEPT:
        return value
    return "javascript:window.hacked=1" if "url" in key else attack


async def _findings(page: Page) -> JSON:
    found: JSON = await page.evaluate(
        """() => ({
          hacked: window.hacked ?? null,
          elements: document.querySelector("#app")
            .querySelectorAll("script, iframe, object, embed, base, style, [srcdoc]").length,
          handlers: [...document.querySelectorAll("*")].flatMap((one) => one.getAttributeNames())
            .filter((name) => name.startsWith("on")).length,
          addresses: [...document.querySelectorAll("#app [href], #app [src]")]
            .map((one) => one.getAttribute("href") ?? one.getAttribute("src")),
        })"""
    )
    return found


def _unsafe(addresses: list[str]) -> Iterator[str]:
    for address in addresses:
        own = address.startswith(("/assets/", "/client/files/"))
        if not own and not address.startswith((*SAFE_ADDRESSES, "data:image/png")):
            yield address


async def _assert_harmless(page: Page) -> None:
    await page.wait_for_timeout(150)
    found = await _findings(page)
    assert found["hacked"] is None
    assert found["elements"] == 0
    assert found["handlers"] == 0
    assert list(_unsafe(found["addresses"])) == []


async def test_hostile_text_in_every_place_of_every_block_stays_text(open_page: OpenPage) -> None:
    page = await open_page()
    blocks = [exhibit.block for exhibit in (*MESSAGE, *OTHER)]
    for attack in ATTACKS:
        await page.evaluate("document.querySelector('#stage')?.remove()")
        await page.evaluate(DRAW, [_poisoned(block, attack) for block in blocks])
        await expect(page.locator("#stage > .block")).to_have_count(len(blocks))
        for details in await page.locator("#stage button[aria-haspopup=menu]").all():
            await details.click()
            await page.keyboard.press("Escape")
        await _assert_harmless(page)


async def test_hostile_messages_attachments_and_names_stay_text(
    workspace: SlackWorkspace, client: AsyncWebClient, open_page: OpenPage
) -> None:
    channel = workspace.channel_id("incidents")
    for attack in ATTACKS:
        places = ("title", "text", "pretext", "fallback", "footer", "author_name", "color")
        attachment: JSON = {
            **dict.fromkeys(places, attack),
            "title_link": "javascript:window.hacked=1",
            "fields": [{"title": attack, "value": attack}],
        }
        await client.chat_postMessage(channel=channel, text=attack, attachments=[attachment])
        await workspace.act_as("jonas").send("incidents", attack)
    await client.conversations_setTopic(channel=channel, topic=ATTACKS[0])
    page = await open_page()
    # Two of each, and the line that says that the topic was set.
    await expect(page.locator(".message")).to_have_count(len(ATTACKS) * 2 + 1)
    await expect(page.locator(".pane-topic")).to_contain_text("<img src=x")
    await expect(page.locator(".message").first).to_contain_text("<img src=x onerror")
    await page.get_by_role("button", name="Details").click()
    await _assert_harmless(page)


async def test_the_page_runs_nothing_but_its_own_files(workspace: SlackWorkspace, open_page: OpenPage) -> None:
    page = await open_page(watched=False)
    refused = await page.evaluate(
        """() => new Promise((resolve) => {
          document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
          const script = document.createElement("script");
          script.textContent = "window.hacked = 1";
          document.body.append(script);
          setTimeout(() => resolve(null), 1000);
        })"""
    )
    assert refused in {"script-src-elem", "script-src"}
    assert await page.evaluate("window.hacked ?? null") is None
    hosts = await page.evaluate("performance.getEntriesByType('resource').map((one) => new URL(one.name).origin)")
    assert set(hosts) <= {workspace.url, workspace.url.replace("http:", "ws:")}
