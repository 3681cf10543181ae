"""Runs axe-core on a page, in the light and in the dark scheme, to find accessibility problems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from axe_playwright_python.base import AXE_SCRIPT

if TYPE_CHECKING:
    from playwright.async_api import Page

GRAVE: Final = frozenset({"serious", "critical"})
_RUN: Final = "axe.run({resultTypes: ['violations']}).then(results => results.violations)"


async def serious(page: Page) -> list[str]:
    """Return the serious and critical problems, each as `scheme rule: place`. Tests assert that there are none.

    The page is left in the light scheme. A document gets axe-core once, because its half megabyte takes a tenth of a
    second of a core.
    """
    found = []
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        violations = await page.evaluate(_RUN)
        found += [
            f"{scheme} {one['id']}: {' '.join(node['target'])} {node['failureSummary']}"
            for one in violations
            if one["impact"] in GRAVE
            for node in one["nodes"]
        ]
    return found
