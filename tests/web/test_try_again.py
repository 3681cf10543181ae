"""A page whose service is away opens by itself when it is back, but not in a tab that nobody sees."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from playwright.async_api import Route

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

AWAY_PAGE: Final = (
    '<!doctype html><p>It is away.</p><script src="/static/js/try-again.js" type="module"></script>'
)
BACK_PAGE: Final = "<!doctype html><p>It is back.</p>"
MAX_MS: Final = 4_000
"""The longest pause in web/static/js/try-again.js."""
_IN_A_TAB: Final = """
window.isHidden = true;
Object.defineProperty(document, "hidden", { get: () => window.isHidden });
"""


async def test_d1_a_page_that_was_away_opens_again_only_where_somebody_sees_it(
    running_org: RunningOrg,
) -> None:
    """The page of a lead opens it with a lock. A forgotten tab would take the lead from everybody."""
    await running_org.rep("rep-1")
    page = await running_org.sign_in("rep-1", "/account")
    count = 0

    async def answer(route: Route) -> None:
        nonlocal count
        count += 1
        status, body = (
            (HTTPStatus.SERVICE_UNAVAILABLE, AWAY_PAGE) if count == 1 else (HTTPStatus.OK, BACK_PAGE)
        )
        await route.fulfill(status=status, body=body, content_type="text/html")

    await page.route("**/away", answer)
    await page.add_init_script(_IN_A_TAB)
    await page.clock.install()
    await page.goto(page.url.replace("/account", "/away"))
    await expect(page.get_by_text("It is away.")).to_be_visible()
    await page.clock.run_for(5 * MAX_MS)
    assert count == 1
    await page.evaluate("window.isHidden = false")
    await page.clock.run_for(MAX_MS)
    await expect(page.get_by_text("It is back.")).to_be_visible()
