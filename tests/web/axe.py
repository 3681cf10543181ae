"""Runs axe-core on a page, in the light and in the dark scheme, to find accessibility problems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from axe_playwright_python.async_playwright import Axe

if TYPE_CHECKING:
    from playwright.async_api import Page

GRAVE: Final = frozenset({"serious", "critical"})
_AXE: Final = Axe()


async def serious(page: Page) -> list[str]:
    """Return the serious and critical problems, each as `scheme rule: place`. Tests assert that there are none.

    The page is left in the light scheme.
    """
    found = []
    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        results = await _AXE.run(page)
        found += [
            f"{scheme} {one['id']}: {' '.join(node['target'])} {node['failureSummary']}"
            for one in results.response["violations"]
            if one["impact"] in GRAVE
            for node in one["nodes"]
        ]
    return found
