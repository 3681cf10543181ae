"""Runs axe-core on a page, in the light and in the dark scheme, to find accessibility problems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from axe_playwright_python.base import AXE_SCRIPT

if TYPE_CHECKING:
    from playwright.async_api import Page

GRAVE: Final = frozenset({"serious", "critical"})
_OF_COLOURS: Final = ["color-contrast", "link-in-text-block"]
"""The rules about colours. The dark scheme changes nothing else (`tests/web/test_static_files.py`)."""
_RUN: Final = (
    "options => axe.run({resultTypes: ['violations'], ...options}).then(results => results.violations)"
)
_GRAVE_RULES: Final = """grave => axe._audit.rules
    .filter(rule => rule.enabled && !rule.tags.some(tag => ["experimental", "deprecated"].includes(tag)))
    .filter(rule => !rule.impact || grave.includes(rule.impact))
    .map(rule => rule.id)"""
"""Of the rules that axe-core runs by default, those whose problems may be grave.

A rule without an impact of its own has those of its checks."""


async def serious_problems(page: Page) -> list[str]:
    """Return the serious and critical problems, each as `scheme rule: place`. Tests assert that there are none.

    The page is left in the light scheme. In the dark one, only the rules about colours run. A document gets axe-core
    once, because its half megabyte takes a tenth of a second of a core.
    """
    problems = []
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    rules = await page.evaluate(_GRAVE_RULES, sorted(GRAVE))
    assert set(_OF_COLOURS) < set(rules)
    runs: tuple[tuple[Literal["dark", "light"], dict[str, Any]], ...] = (
        ("dark", {"runOnly": _OF_COLOURS}),
        ("light", {"runOnly": rules}),
    )
    for scheme, options in runs:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        violations = await page.evaluate(_RUN, options)
        problems += [
            f"{scheme} {violation['id']}: {' '.join(node['target'])} {node['failureSummary']}"
            for violation in violations
            if violation["impact"] in GRAVE
            for node in violation["nodes"]
        ]
    return problems
