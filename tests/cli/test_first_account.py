"""A new admin's first minutes: the link that `up` prints, an account, the sign-in, the first steps. By a browser."""

import re
import signal
import tempfile
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from tests.cli.test_first_run import PATIENCE, read_until, start_without_terminal
from tests.web.conftest import CHROMIUM, CHROMIUM_FLAGS
from tests.web.running_org import PATIENCE_MS

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PASSWORD = "quarter past nine, rain"  # noqa: S105  # a test's


async def test_the_link_of_up_makes_the_first_account_and_leads_on_and_works_once() -> None:
    with tempfile.TemporaryDirectory(prefix="firstclaim-first-account-") as name:
        stack = start_without_terminal("up", "--state-dir", str(Path(name) / "state"), "--console-port", "0")
        try:
            output = read_until(stack, "account add")
            link = next(
                match[0]
                for line in output
                if (match := re.search(r"http://\S+/first-account\?key=\S+", line))
            )
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
                page = await browser.new_page()
                page.set_default_timeout(PATIENCE_MS)
                await page.goto(link[:-1] + ("a" if link[-1] != "a" else "b"))
                await expect(page.get_by_role("alert")).to_contain_text("this link is over")
                await page.goto(link)
                await page.get_by_label("Your name").fill("Ann Lee")
                await page.get_by_label("Mail address").fill("Ann.Lee@lender.example")
                await page.get_by_label("Password").fill("password123456")
                await page.get_by_role("button", name="Make the account").click()
                await expect(page.get_by_role("alert")).to_contain_text("Password")
                await expect(page.get_by_label("Your name")).to_have_value("Ann Lee")
                await page.get_by_label("Password").fill(PASSWORD)
                await page.get_by_role("button", name="Make the account").click()
                await expect(page.get_by_text("Your account is made. Sign in with it.")).to_be_visible()
                await page.get_by_label("Password").fill(PASSWORD)
                await page.get_by_role("button", name="Sign in", exact=True).click()
                await page.wait_for_url("**/queues")
                await page.goto(link.split("/first-account")[0] + "/directory/reps")
                await expect(page.get_by_role("heading", name="First steps")).to_be_visible()
                await expect(page.get_by_role("link", name="Ann Lee admin")).to_be_visible()
                await page.goto(link)
                await expect(page.get_by_role("alert")).to_contain_text("this link is over")
                await browser.close()
            stack.send_signal(signal.SIGTERM)
            assert stack.wait(PATIENCE) == 0
        finally:
            stack.kill()
            stack.communicate()
