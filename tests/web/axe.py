"""What axe-core finds on a page that keeps people from using it, in light and in dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from axe_playwright_python.async_playwright import Axe

if TYPE_CHECKING:
    from playwright.async_api import Page

GRAVE: Final = frozenset({"serious", "critical"})
_AXE: Final = Axe()


async def serious(page: Page) -> list[str]:
    """Return what is seriously or critically wrong, each as `scheme rule: place`; empty is what a story asserts.

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
