"""Signing in with the company's own accounts, at a provider that speaks OpenID Connect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from oidc_provider_mock import run_server_in_thread
from playwright.async_api import expect

from runtime.process import free_port
from runtime.up import child
from tests.web.running_org import PATIENCE_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


@pytest.fixture
def provider(office: RunningOrg) -> Iterator[str]:
    """Yield the address of a provider; the office's people use a console that trusts it."""
    port = free_port()
    with run_server_in_thread(require_nonce=True) as server:
        issuer = f"http://localhost:{server.server_port}"
        console = child("console-oidc", ["console"], office.stack.settings, port)
        console.environment = {
            **(console.environment or {}),
            "FIRSTCLAIM_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "FIRSTCLAIM_OIDC_ISSUER": issuer,
            "FIRSTCLAIM_OIDC_CLIENT_ID": "firstclaim",
            "FIRSTCLAIM_OIDC_CLIENT_SECRET": "between us",
        }
        console.launch()
        office.port = port
        yield issuer
        console.stop()


async def vouched_for(page: Page, email: str) -> None:
    """Sign in at the provider as somebody."""
    await page.goto("/sign-in?next=/my-leads")
    await page.get_by_role("link", name="Sign in with your company's account").click()
    await page.locator("input[name=sub]").fill(email)
    await page.get_by_role("button", name="Authorize").click()


async def test_whom_the_provider_vouches_for_is_signed_in_and_nobody_else(
    office: RunningOrg, provider: str
) -> None:
    await office.rep("rep-1")
    await office.until_ready()
    await office.until_known("rep-1")
    context = await office.browser.new_context(base_url=office.url)
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await vouched_for(page, f"stranger@{office.org}.example")
    await expect(page.get_by_role("alert")).to_contain_text("has no account here")
    await vouched_for(page, office.email("rep-1"))
    await page.wait_for_url("**/my-leads")
    await expect(page.locator(".who")).to_contain_text("Rep 1")
    assert provider not in page.url
    answer = await page.request.get("/sign-in/oidc/callback?state=guessed&code=guessed")
    assert answer.status == 403
