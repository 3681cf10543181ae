"""An admin imports a directory file or a table of people: sees what it changes or what is wrong, and publishes (Q6)."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.async_api import expect

from tests.web.audited import entries
from tests.web.axe import serious_problems
from tests.web.rows import READY
from tests.web.screens import fits_a_phone, shot
from tests.web.signed_in import signed_in
from web.services.directory_import.importing import MAX_BYTES

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

LENDER: Final = Path(__file__).parents[2] / "docs" / "examples" / "lender.yaml"
FILE: Final = """reps:
  ann-lee: {name: Ann Lee, role: manager, teams: [east]}
  bob-ray: {name: Bob Ray, licensed_states: [RI, MA]}
groups:
  east: {name: East, method: round_robin, members: [{rep_id: bob-ray}, {rep_id: ann-lee, weight: 2}]}
campaigns:
  east: {name: Purchase East, vendor: acme, group_id: east}
"""
BROKEN: Final = """reps:
  ann-lee: {name: Ann Lee, role: boss}
  bob-ray:
    name: Bob Ray
    licensed_states: [RI, Narnia]
groups:
  east: {name: East, method: round_robin, members: [{rep_id: nobody}]}
"""
# As a spreadsheet of Windows saves it: cp1252, semicolons, CRLF.
TABLE: Final = (
    "Name;Email;Role;Teams;States;Most open leads;Shoe size\r\n"
    "José Núñez;jose@lender.example;Rep;east, west;Rhode Island, MA;40;43\r\n"
    "Bob Ray;bob@lender.example;;;;;\r\n"
).encode("cp1252")


async def open_directory(running_org: RunningOrg) -> Page:
    """Return the page of an org that has an admin, Ada."""
    await running_org.rep("ada", "admin")
    await running_org.until_known("ada")
    page = await running_org.sign_in("ada", "/directory/reps")
    await page.get_by_role("link", name="Import a file").click()
    await page.wait_for_selector(READY)
    return page


async def choose(page: Page, name: str, content: str | bytes) -> None:
    """Choose a file as a person does."""
    content = content if isinstance(content, bytes) else content.encode()
    file: Any = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    await page.get_by_label("Drop a file here").set_input_files(file)


def problems(page: Page) -> Any:
    """Return the rows of what is wrong."""
    return page.locator("[data-problems] tr")


async def cells(page: Page) -> list[list[str]]:
    """Return what is wrong, cell by cell."""
    return [await row.locator("td").all_inner_texts() for row in await problems(page).all()]


async def published_objects(running_org: RunningOrg) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the org's objects, as the API has them."""
    async with signed_in(running_org, "ada") as ada:
        objects = (await ada.get("/api/v1/directory")).json()["objects"]
    return {(entry["kind"], entry["id"]): entry["value"] for entry in objects}


async def test_q6_r1_an_admin_sees_what_a_file_changes_and_publishes_it(running_org: RunningOrg) -> None:
    page = await open_directory(running_org)
    before = await published_objects(running_org)
    await choose(page, "east.yaml", FILE)
    sentences = page.locator("[data-sentences] li")
    await expect(sentences).to_have_text(
        [
            "Adds the rep Ann Lee: with role Manager; with teams east.",
            "Adds the rep Bob Ray: with licensed states RI, MA.",
            "Adds the group East: with method Round robin; with roster Bob Ray, Ann Lee (weight 2).",
            "Adds the campaign Purchase East: with vendor acme; with group East.",
        ]
    )
    await expect(page.locator("[data-rest]")).to_have_text(
        "Not in the file, and left as it is: 1 object of the directory."
    )
    assert await published_objects(running_org) == before
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    await shot(page, "directory-import")
    await page.get_by_role("button", name="Publish 4 changes").click()
    await expect(page.locator("[data-done]")).to_have_text("Published: 4 changes.")
    after = await published_objects(running_org)
    assert after["rep", "ann-lee"]["role"] == "manager"
    assert after["group", "east"]["members"] == [{"rep_id": "bob-ray"}, {"rep_id": "ann-lee", "weight": 2}]
    assert after["campaign", "east"]["group_id"] == "east"
    async with signed_in(running_org, "ada") as ada:
        texts = [entry["text"] for entry in await entries(ada, "published", 4)]
    assert any("Ada published the new rep Ann Lee" in text for text in texts)
    # The file that the page saves changes nothing; a changed line of it is said as what it changes.
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Save the directory").click()
    saved = (await (await download.value).path()).read_text()
    await choose(page, "directory.yaml", saved)
    await expect(page.locator("#changes-title")).to_have_text("It would change nothing")
    await choose(page, "directory.yaml", saved.replace("name: East\n", "name: New England\n"))
    await expect(sentences).to_have_text(
        ["Changes the group New England: changes the name from East to New England."]
    )
    # A file may also say all there is to be.
    await choose(page, "only.yaml", "reps:\n  ada: {name: Ada, role: admin}\n")
    await expect(page.locator("[data-rest]")).to_contain_text("4 objects of the directory")
    await page.get_by_label("Also remove what a directory file does not name").check()
    await expect(sentences.filter(has_text="Removes")).to_have_text(
        [
            "Removes the rep Ann Lee.",
            "Removes the rep Bob Ray.",
            "Removes the group East.",
            "Removes the campaign Purchase East.",
        ]
    )
    await expect(page.locator("[data-effects]")).to_contain_text("Bob Ray is signed out")


async def test_q6_a_refused_file_says_line_and_field_and_changes_nothing(running_org: RunningOrg) -> None:
    page = await open_directory(running_org)
    before = await published_objects(running_org)
    await choose(page, "broken.yaml", BROKEN)
    await expect(page.locator("[data-problem]")).to_have_text(
        "2 things are wrong in the file, so nothing was published."
    )
    rows = await cells(page)
    assert [row[:3] for row in rows] == [
        ["2", "rep ann-lee", "Role"],
        ["5", "rep bob-ray", "Licensed states 2"],
    ]
    assert rows[1][3] == "Is not a state's code like RI."
    assert await serious_problems(page) == []
    await expect(page.get_by_role("button", name="Publish")).to_be_hidden()
    # Each of these is refused as well, and the words are about the file that was chosen last.
    await choose(page, "missing.yaml", BROKEN.replace("boss", "rep").replace(", Narnia", ""))
    await expect(problems(page)).to_have_count(1)
    assert (await cells(page))[0] == [
        "7",
        "group east",
        "Members 1 Rep id",
        "There is no rep nobody, neither in the file nor published.",
    ]
    await choose(page, "no.yaml", "reps:\n  ann: [1\n  bob: 2\n")
    await expect(problems(page)).to_contain_text("Cannot be read here")
    assert (await cells(page))[0][0] == "3"
    await choose(page, "theirs.yaml", f"org: another\n{FILE}")
    await expect(problems(page)).to_contain_text(
        f"Is another; only a file of {running_org.org} can be read here."
    )
    await choose(page, "alone.yaml", "reps:\n  ada: {name: Ada, role: rep}\n")
    await expect(problems(page)).to_contain_text("no active admin")
    await choose(page, "large.yaml", b"# " + b"x" * MAX_BYTES)
    await expect(page.locator("[data-problem]")).to_contain_text("large.yaml has 2 MB; 2 MB are the most.")
    await expect(page.locator("[data-wrong]")).to_be_hidden()
    assert await published_objects(running_org) == before
    async with signed_in(running_org, "ada") as ada:  # the server has the same bound
        big = await ada.post(
            "/api/v1/directory/file/trial", files={"file": ("a.yaml", b"# " + b"x" * MAX_BYTES)}
        )
        assert (big.status_code, big.json()["detail"]) == (
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "the file has more than 2 MB",
        )
    await choose(page, LENDER.name, LENDER.read_text().replace("org: default", f"org: {running_org.org}"))
    await expect(page.get_by_role("button", name="Publish")).to_be_visible()
    await expect(page.locator("[data-problem]")).to_be_hidden()


async def test_r9_a_table_of_people_that_a_spreadsheet_saved(running_org: RunningOrg) -> None:
    await running_org.rep("bob-ray", email="BOB@lender.example", teams=["north"])
    page = await open_directory(running_org)
    await choose(page, "people.csv", TABLE)
    sentences = page.locator("[data-sentences] li")
    new = (
        "Adds the rep José Núñez: with email jose@lender.example; with teams east, west; "
        "with licensed states RI, MA; with most open leads 40."
    )
    changed = "Changes the rep Bob Ray: changes the email from BOB@lender.example to bob@lender.example."
    await expect(sentences).to_have_text([changed, new])
    await expect(page.locator("[data-unread]")).to_contain_text("Shoe size")
    await page.get_by_role("button", name="Publish 2 changes").click()
    await expect(page.locator("[data-done]")).to_have_text("Published: 2 changes.")
    after = await published_objects(running_org)
    assert after["rep", "jose"]["licensed_states"] == ["RI", "MA"]
    assert after["rep", "bob-ray"]["teams"] == ["north"]  # an empty cell leaves what is published
    await choose(page, "people.csv", "Name,Role,States\nKim,chief,RI\nLou,rep,Narnia\nKim,rep,\n,,RI\n")
    await expect(problems(page)).to_have_count(3)
    rows = await cells(page)
    assert [(row[0], row[2]) for row in rows] == [("2", "Role"), ("3", "Licensed states"), ("5", "--")]
    await choose(page, "people.csv", "Id,Name\nkim,Kim\nlou,Lou\nkim,Kim Roe\n")
    await expect(problems(page)).to_have_count(1)
    rows = await cells(page)
    assert rows[0][0] == "4"
    assert rows[0][3] == "Is the same person as line 2."
    await choose(page, "empty.csv", "a;b\n1;2\n")
    await expect(problems(page)).to_contain_text("must name the columns")


async def test_q6_what_somebody_publishes_meanwhile_is_looked_at_first(running_org: RunningOrg) -> None:
    page = await open_directory(running_org)
    await choose(page, "east.yaml", FILE)
    button = page.get_by_role("button", name="Publish 4 changes")
    await expect(button).to_be_visible()
    await running_org.publish("rep", "bob-ray", name="Bob Ray", licensed_states=["RI", "MA"])
    await button.click()
    await expect(page.locator("[data-problem]")).to_contain_text("Somebody published meanwhile")
    await page.get_by_role("button", name="Publish 3 changes").click()
    await expect(page.locator("[data-done]")).to_have_text("Published: 3 changes.")
