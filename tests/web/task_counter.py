"""Counts what a person does in a browser for a task: clicks and keys, over all pages of the task, and the seconds."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

_COUNT: Final = """() => {
  const add = (kind) => sessionStorage.setItem(kind, String(Number(sessionStorage.getItem(kind) ?? 0) + 1));
  for (const [event, kind] of [["pointerdown", "clicks"], ["keydown", "keys"]])
    addEventListener(event, ({ isTrusted, repeat }) => isTrusted && !repeat && add(kind), true);
}"""
_READ: Final = """() => ["clicks", "keys"].map((kind) => {
  const found = Number(sessionStorage.getItem(kind) ?? 0);
  sessionStorage.removeItem(kind);
  return found;
})"""


@dataclass
class Effort:
    """What a task took. `choices`: of drop-down lists, each a click to open it and a click on the choice."""

    clicks: int = 0
    keys: int = 0
    seconds: float = 0.0


async def count_in_page(page: Page) -> None:
    """Count from now on in a page and in those it leads to."""
    await page.add_init_script(f"({_COUNT})()")
    await page.evaluate(_COUNT)


@asynccontextmanager
async def measured_effort(page: Page) -> AsyncIterator[Effort]:
    """Measure what is done inside of this. A list that is chosen from counts as two clicks: add them to `clicks`."""
    await page.evaluate(_READ)
    began, effort = time.monotonic(), Effort()
    yield effort
    effort.seconds = time.monotonic() - began
    clicks, keys = await page.evaluate(_READ)
    effort.clicks += clicks
    effort.keys += keys
