"""The short messages that a page shows for some seconds and then removes, kept for the test.

A test on a busy machine may look only when a message has gone. So each page notes its messages as they come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page

_POLL_MS: Final = 100
# Modules, which say something, run after the document has been read.
_KEEP: Final = """
  window.toasts = [];
  document.addEventListener("readystatechange", () => {
    const place = document.querySelector("#said");
    if (document.readyState !== "interactive" || !place) return;
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes) for (const line of addedNodes) window.toasts.push(line.textContent);
    }).observe(place, { childList: true });
  });
"""
_TAKE: Final = """(text) => {
  const found = window.toasts.findIndex((line) => line.includes(text));
  return found >= 0 && window.toasts.splice(found, 1).length > 0;
}"""


async def keep_toasts(context: BrowserContext) -> None:
    """Let all pages that a browser window opens from now on note their messages."""
    await context.add_init_script(_KEEP)


async def until_toast(page: Page, text: str) -> None:
    """Wait until the page has shown a message with this text since it was loaded. Each message counts once."""
    await page.wait_for_function(_TAKE, arg=text, polling=_POLL_MS)


async def all_toasts(page: Page) -> list[str]:
    """Return the messages that the page has shown since it was loaded, except those that were waited for."""
    messages: list[str] = await page.evaluate("window.toasts")
    return messages
