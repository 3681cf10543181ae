"""Writes the pictures of the documentation from the browser tests, with `SCREENS=1`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.async_api import Page

FOLDER: Final = Path(__file__).parents[2] / "docs" / "screens"


PHONE: Final = {"width": 390, "height": 844}
DESK: Final = {"width": 1280, "height": 800}


async def fits_a_phone(page: Page) -> bool:
    """Return whether a page fits a phone's screen. The window is restored to desktop size afterwards."""
    await page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    width: int = await page.evaluate("document.documentElement.scrollWidth")
    await page.set_viewport_size({"width": DESK["width"], "height": DESK["height"]})
    return width <= PHONE["width"]


async def shot(page: Page, name: str) -> None:
    """Write `docs/screens/NAME.png` of the page's window, if pictures are requested."""
    if os.environ.get("SCREENS"):
        FOLDER.mkdir(exist_ok=True)
        await page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")


async def picture(page: Page, name: str) -> None:
    """Write the picture of a page for somebody to look at, into the folder `PICTURES`, if one is given."""
    if folder := os.environ.get("PICTURES"):
        file = Path(folder) / f"{name.strip('/').replace('/', '-').replace('?', '-')}.png"
        await page.screenshot(path=file, animations="disabled")
