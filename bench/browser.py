"""Runs a real Chromium for measurements. Each page has its own context, and none is in the background."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.console_testbed import ConsoleTestbed
from models.errors import ConfigError, StartFailed
from web.settings import WebSettings

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

CHROMIUM: Final = "/usr/bin/chromium"
PATIENCE_MS: Final = 30_000
_ARGUMENTS: Final = (
    "--no-sandbox",
    "--enable-precise-memory-info",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)
_SIZE: Final = {"width": 1280, "height": 800}


def _program() -> str:
    program = os.environ.get("CHROMIUM", CHROMIUM)
    if not Path(program).is_file():
        raise ConfigError("CHROMIUM", f"there is no browser at {program}; install Debian's chromium")
    return program


@asynccontextmanager
async def chromium() -> AsyncIterator["Browser"]:
    """Yield a browser: $CHROMIUM, or Debian's. Raises ConfigError with what is missing."""
    try:
        from playwright.async_api import async_playwright  # noqa: PLC0415  # only browser measurements need it
    except ModuleNotFoundError:
        reason = "is not installed, and this measurement needs a browser: pip install 'firstclaim[dev]'"
        raise ConfigError("playwright", reason) from None
    program = _program()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


async def bare(browser: "Browser", url: str) -> "Page":
    """Open a page of any server in a context of its own."""
    context = await browser.new_context(viewport=_SIZE)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await page.goto(url)
    return page


async def open_page(
    browser: "Browser", stage: ConsoleTestbed, rep_id: str, path: str, *, script: str = ""
) -> "Page":
    """Open a page as a signed-in rep, and wait until it is ready. `script` runs before the page's own scripts."""
    context = await browser.new_context(base_url=stage.url, viewport=_SIZE)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    cookie = WebSettings.read().session_cookie
    await context.add_cookies([{"name": cookie, "value": stage.signed_in(rep_id), "url": stage.url}])
    if script:
        await context.add_init_script(script)
    page = await context.new_page()
    await page.goto(path)
    await page.wait_for_selector("html[data-ready=yes]")
    if await page.evaluate("document.visibilityState") != "visible":
        raise StartFailed("chromium", "has put a page into the background, where timers are slowed down")
    return page
