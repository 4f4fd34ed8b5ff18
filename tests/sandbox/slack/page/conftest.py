"""One browser for the session; a workspace with a connected app, and fresh pages, for each test."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize, async_playwright
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

from sandbox.slack import SlackWorkspace
from sandbox.slack.state import JSON

OpenPage = Callable[..., Awaitable[Page]]
ConnectApp = Callable[[AsyncApp], Awaitable[None]]

LAPTOP: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


class Scenarios:
    """Two scenarios that only remember that they were started."""

    def __init__(self) -> None:
        self.started: list[str] = []

    def list(self) -> list[JSON]:
        return [
            {
                "name": "payment-service",
                "title": "payment-service crashes",
                "family": "kubernetes",
                "description": "Every pod exits at start.",
            },
            {
                "name": "pool",
                "title": "Connection pool exhausted",
                "family": "database",
                "description": "All connections are taken.",
            },
        ]

    async def start(self, name: str, actor: str) -> str:
        self.started.append(name)
        return next(str(one["title"]) for one in self.list() if one["name"] == name)


@pytest.fixture(scope="session")
def chromium() -> str:
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    pytest.skip("no Chromium on this machine: none of " + ", ".join(BROWSERS) + " is on the PATH")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield running
        await running.close()


@pytest.fixture
def scenarios() -> Scenarios:
    return Scenarios()


@pytest_asyncio.fixture(loop_scope="session")
async def workspace(scenarios: Scenarios) -> AsyncIterator[SlackWorkspace]:
    running = SlackWorkspace(scenarios=scenarios)
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def connect_app(workspace: SlackWorkspace) -> AsyncIterator[ConnectApp]:
    """Connect a Bolt app whose other events are accepted and ignored."""
    handlers: list[AsyncSocketModeHandler] = []

    async def connected(app: AsyncApp) -> None:
        async def accept() -> None:
            """Nothing to do: the event only must not stay unanswered."""

        for event in ("message", "reaction_added", "reaction_removed", "app_home_opened", "app_mention"):
            app.event(event)(accept)
        handler = AsyncSocketModeHandler(app, workspace.app("oncall").app_token)
        handlers.append(handler)
        await handler.connect_async()  # type: ignore[no-untyped-call]
        await workspace.wait_for(lambda: workspace.connections("oncall"))

    yield connected
    for handler in handlers:
        await handler.close_async()  # type: ignore[no-untyped-call]


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser, workspace: SlackWorkspace) -> AsyncIterator[OpenPage]:
    """Open the page as a person. No page may raise or, when `watched`, meet the content policy."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            complaints.append(message.text)

    async def opened(
        address: str = "#/C01INCIDENT",
        *,
        person: str = "maya",
        viewport: ViewportSize = LAPTOP,
        dark: bool = False,
        welcomed: bool = True,
        watched: bool = True,
    ) -> Page:
        phone = viewport["width"] < 500
        context = await browser.new_context(
            viewport=viewport,
            color_scheme="dark" if dark else "light",
            has_touch=phone,
            is_mobile=phone,
            locale="en-GB",
            timezone_id="UTC",
        )
        contexts.append(context)
        remembered: dict[str, Any] = {"sandbox.person": workspace.people[person].id}
        if welcomed:
            remembered["sandbox.welcomed"] = "yes"
        lines = "".join(
            f"if (!localStorage.getItem({key!r})) localStorage.setItem({key!r}, {value!r});"
            for key, value in remembered.items()
        )
        await context.add_init_script(lines)
        page = await context.new_page()
        page.set_default_timeout(8_000)
        if watched:
            page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{workspace.url}/{address}")
        await page.wait_for_selector(".sidebar", state="attached")
        await page.wait_for_selector(".offline", state="hidden")
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert complaints == []
