"""The documentation's pictures are what the stories saw: `SCREENS=1` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.async_api import Page

FOLDER: Final = Path(__file__).parents[3] / "docs" / "screens"


async def shot(page: Page, name: str) -> None:
    """Write `docs/screens/NAME.png` of what the page's window shows, where pictures are asked for."""
    if os.environ.get("SCREENS"):
        FOLDER.mkdir(exist_ok=True)
        await page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")
