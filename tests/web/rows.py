"""Helpers for the browser tests of the call queue and the lead page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from playwright.async_api import expect

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

WORK: Final[dict[str, Any]] = {
    "name": "Call these",
    "description": "Nobody has them yet",
    "columns": ["state", "loan_amount"],
    "sort": {"field": "loan_amount", "direction": "desc"},
    "outcomes": ["no_answer", "left_message", "closed_lost"],
}
"""A work queue of all leads, the largest loan first."""

READY: Final = "html[data-ready=yes]"


def row(page: Page, lead: str) -> Locator:
    """Return a lead's row."""
    return page.locator(f'tr[data-lead="{lead}"]')


async def open_lead(page: Page, lead: str) -> None:
    """Open a lead from the shown list, and wait for its page."""
    await row(page, lead).get_by_role("link", name="Open").click()
    await page.wait_for_selector("html[data-ready=yes] .lead")


async def appears(page: Page, lead: str) -> None:
    """Wait until a lead is in the list."""
    await expect(row(page, lead)).to_be_visible()


async def vanishes(page: Page, lead: str) -> None:
    """Wait until a lead is not in the list."""
    await expect(row(page, lead)).to_have_count(0)
