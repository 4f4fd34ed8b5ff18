"""A person's way through the product in a real browser, which also makes the README's picture."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from sandbox.scenarios.applications import is_healthy
from tests.sandbox.slack.page.conftest import ARGUMENTS, LAPTOP, PHONE, chromium
from tests.scenarios.conftest import Stage, open_stage

__all__ = ["chromium"]

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.xdist_group("browser")]

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "thread.png"


@pytest.fixture
async def stage(tmp_path: Path, sqlite_url: str, chromium: str) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path, sqlite_url) as stage:
        yield stage


@pytest.fixture
async def page(stage: Stage, chromium: str) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        context = await browser.new_context(viewport=LAPTOP, color_scheme="light", reduced_motion="reduce")
        page = await context.new_page()
        page.set_default_timeout(30_000)
        expect.set_options(timeout=60_000)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(stage.world.slack.url)
        yield page
        await browser.close()
        assert not problems, problems


async def break_payments(page: Page) -> None:
    await page.get_by_role("button", name="Got it").click()
    await page.get_by_role("button", name="Break something").first.click()
    await page.get_by_text("Payments crash at start").first.click()
    await page.get_by_text(re.compile(r"\d+ repl(y|ies)")).first.click()


async def test_payment_service_from_alert_to_resolved(stage: Stage, page: Page, request: pytest.FixtureRequest) -> None:
    await break_payments(page)
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.get_by_text("a configuration file is missing").first).to_be_visible()
    await expect(thread.get_by_role("button", name=re.compile("^Approve"))).to_be_visible()

    if request.config.getoption("--update-picture"):
        await take_picture(page)

    await thread.get_by_role("button", name=re.compile("evidence")).first.click()
    modal = page.get_by_role("dialog")
    await expect(modal.get_by_text(re.compile("Logs|log")).first).to_be_visible()
    await modal.get_by_role("button", name=re.compile("Attach all evidence")).click()
    await expect(thread.get_by_text(re.compile("Evidence of INC-")).first).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(modal).to_be_hidden()

    await thread.get_by_role("button", name=re.compile("^Approve")).click()
    dialog = page.get_by_role("dialog").or_(page.get_by_role("alertdialog"))
    await expect(dialog.get_by_text("Roll back").first).to_be_visible()
    await dialog.get_by_role("button", name=re.compile("^Roll back")).click()
    await expect(thread.get_by_role("button", name=re.compile("Resolve in PagerDuty"))).to_be_visible()
    async with stage.world.open_cluster() as cluster:
        assert await is_healthy(cluster, "payment-service")

    await thread.get_by_role("button", name=re.compile("Resolve in PagerDuty")).click()
    confirm = page.get_by_role("alertdialog").or_(page.get_by_role("dialog"))
    if await confirm.count():
        await confirm.get_by_role("button", name=re.compile("Resolve")).click()
    [incident] = stage.world.pagerduty.incidents()
    await stage.wait(lambda: incident.status == "resolved", 20, "resolved in PagerDuty")

    await page.get_by_text("Oncall Agent").first.click()
    await page.get_by_role("tab", name="Home").click()
    home = page.get_by_role("main")
    await expect(home.get_by_text(re.compile("MTTR|resolve", re.IGNORECASE)).first).to_be_visible()
    await expect(home.get_by_text("payment-service").first).to_be_visible()


async def take_picture(page: Page) -> None:
    """Write the picture of the thread that the README shows: the alert, the analysis and the offer to fix it."""
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    await page.set_viewport_size({"width": 1440, "height": 1760})
    await page.mouse.move(5, 1750)
    await expect(page.locator(".toast")).to_have_count(0)
    await page.screenshot(path=PICTURE)
    await page.set_viewport_size(LAPTOP)


async def test_somebody_without_the_right_is_told_so_and_nothing_changes(stage: Stage, page: Page) -> None:
    await break_payments(page)
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.get_by_role("button", name=re.compile("^Approve"))).to_be_visible()
    await page.get_by_role("button", name=re.compile("Acting as")).click()
    await page.get_by_text(re.compile("Robin")).last.click()
    await page.get_by_text("incidents").first.click()
    await page.get_by_text(re.compile(r"\d+ repl(y|ies)")).first.click()
    await thread.get_by_role("button", name=re.compile("^Approve")).click()
    dialog = page.get_by_role("dialog").or_(page.get_by_role("alertdialog"))
    await dialog.get_by_role("button", name=re.compile("^Roll back")).click()
    await expect(thread.get_by_text("not among the approvers")).to_be_visible()
    code, output = await stage.run("audit", "export")
    assert code == 0
    actions = [json.loads(line)["action"] for line in output.splitlines() if line.startswith("{")]
    assert "slack:proposal:refuse" in actions
    assert "slack:proposal:approve" not in actions


async def test_a_rejection_asks_for_a_reason_and_shows_it(stage: Stage, page: Page) -> None:
    await break_payments(page)
    thread = page.get_by_role("complementary", name="Thread")
    await thread.get_by_role("button", name=re.compile("^Reject")).click()
    modal = page.get_by_role("dialog")
    await modal.get_by_role("textbox").fill("We are rolling forward instead.")
    await modal.get_by_role("button", name=re.compile("Reject")).click()
    await expect(thread.get_by_text("We are rolling forward instead.")).to_be_visible()
    await expect(thread.get_by_role("button", name=re.compile("^Approve"))).to_have_count(0)


async def test_the_thread_is_readable_on_a_phone(stage: Stage, page: Page) -> None:
    await break_payments(page)
    await page.set_viewport_size(PHONE)
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.get_by_role("button", name=re.compile("^Approve"))).to_be_visible()
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"], "nothing makes the page scroll sideways"
