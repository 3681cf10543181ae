"""A manager moves leads on the lead's page, and reps log what they did there (M1, M3, E3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.fixtures.waiting import eventually
from tests.web.axe import serious_problems
from tests.web.rows import READY
from tests.web.screens import fits_a_phone, shot
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

JONES = {"first_name": "Jeremy", "last_name": "Jones", "state": "RI", "loan_amount": 310000}


async def open_lender(running_org: RunningOrg, **settings: object) -> str:
    """Open a lender with its round robin off, where number one, Ann, has a lead in Rhode Island; return its id."""
    await running_org.publish("settings", "settings", round_robin=False, **settings)
    await running_org.rep("mia", "manager")
    await running_org.rep("ann", licensed_states=["RI", "TX"])
    await running_org.rep("bob", licensed_states=["RI"], max_open=5)
    absence = {"from": "2020-01-01T00:00:00Z", "to": "2090-01-01T00:00:00Z"}
    await running_org.rep("cyd", licensed_states=["TX"], absences=[absence])
    await running_org.publish(
        "group", "west", name="West", method="round_robin", members=[{"rep_id": "ann"}, {"rep_id": "bob"}]
    )
    await running_org.publish("campaign", "west", group_id="west")
    for kind, object_id in (("campaign", "west"), ("rep", "cyd"), ("settings", "settings")):
        await running_org.until_published(kind, object_id)
    lead = await running_org.arrive("M-1", campaign="west", **JONES)
    await running_org.until_known("mia")
    return lead


async def at_lead(running_org: RunningOrg, rep_id: str, lead: str) -> Page:
    """Open the lead's page for a person."""
    page = await running_org.sign_in(rep_id, f"/leads/{lead}")
    await page.wait_for_selector(f"{READY} .lead")
    return page


def move_buttons(page: Page) -> Locator:
    """Return the buttons of the moves that the page offers."""
    return page.locator("[data-move]")


async def test_m1_a_manager_moves_a_lead_and_each_page_says_so(running_org: RunningOrg) -> None:  # noqa: PLR0915  # one scenario
    lead = await open_lender(running_org)
    ann, mia = await at_lead(running_org, "ann", lead), await at_lead(running_org, "mia", lead)
    assert await move_buttons(ann).count() == 0
    await expect(move_buttons(mia)).to_have_text(["Reassign …", "Give back …", "Distribute again …"])
    await move_buttons(mia).first.click()
    dialog = mia.locator("#move")
    await expect(dialog).to_contain_text(
        "Ann has the lead. The rep you choose owns it from then on, and both are told."
    )
    # The picker shows licence, open leads against the cap, and absence; whoever has no licence comes last.
    await expect(dialog.locator("[data-reps] label")).to_have_count(3)
    labels = await dialog.locator("[data-reps] label").all_inner_texts()
    assert labels[0].split() == ["Bob", "licensed", "in", "RI", "0", "of", "5", "leads"]
    assert labels[1].split() == ["Mia", "manager", "0", "leads"]
    assert "Cyd" in labels[2]
    assert "not licensed in RI" in labels[2]
    assert "absent until" in labels[2]
    assert await serious_problems(mia) == []
    await shot(mia, "reassign")
    assert await fits_a_phone(mia)
    # Both the rep and the reason are needed. The keyboard is enough.
    await dialog.get_by_role("button", name="Reassign").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Choose a rep.")
    await mia.keyboard.type("bo")
    await expect(dialog.locator("[data-reps] label")).to_have_count(1)
    await mia.keyboard.press("Enter")
    await expect(dialog.locator("[data-chosen-reps]")).to_have_text("To Bob")
    await mia.keyboard.press("Enter")
    await expect(dialog.get_by_label("Reason", exact=True)).to_be_focused()
    await dialog.get_by_role("button", name="Reassign").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Write the reason.")
    await mia.keyboard.type("to share the work")
    await dialog.get_by_role("button", name="Reassign").click()
    await until_toast(mia, "Bob has the lead now.")
    await expect(mia.locator(".standing")).to_contain_text("Bob got it from its former owner, by Mia")
    await expect(mia.locator(".lead-history")).to_contain_text("reassigned by Mia: to share the work")
    # The former owner's page says it without being loaded again, and a notice says why.
    await expect(ann.locator(".unseen")).to_contain_text("The lead belongs to somebody else.")
    notice = ann.locator("#moves li")
    await expect(notice).to_contain_text("Mia moved Jeremy Jones from you to Bob. Reason: to share the work")
    await until_toast(ann, "Mia moved Jeremy Jones from you to Bob.")
    assert await serious_problems(ann) == []
    bob = await running_org.sign_in("bob", "/queues/mine")
    await expect(bob.locator("#moves li")).to_contain_text("Mia gave you Jeremy Jones, which was Ann's.")
    await bob.locator("#moves").get_by_role("button", name="I have read this").click()
    await expect(bob.locator("#moves")).to_be_hidden()
    await bob.goto(f"/leads/{lead}")
    await bob.wait_for_selector(f"{READY} .lead")
    await expect(bob.locator("#moves")).to_be_hidden()
    # Give back: the group's other rep gets it. Distribute again: the group is asked from the beginning.
    await mia.get_by_role("button", name="Give back …").click()
    await expect(dialog).to_contain_text("Bob no longer has the lead, and is told. The group West is asked")
    await mia.keyboard.type("not his")
    await dialog.get_by_role("button", name="Give back").click()
    await expect(mia.locator(".standing")).to_contain_text("Ann got it as number one on the roster")
    await expect(bob.locator("#moves li")).to_contain_text(
        "Mia took Jeremy Jones back from you. Reason: not his"
    )
    await mia.get_by_role("button", name="Distribute again …").click()
    await mia.keyboard.type("fresh start")
    await dialog.get_by_role("button", name="Distribute again").click()
    await expect(mia.locator(".lead-history")).to_contain_text("redistributed by Mia: fresh start")
    await expect(mia.locator(".standing")).to_contain_text("Ann got it as number one on the roster")
    # Reopen, offered for a closed lead only.
    await running_org.publish("queue", "work", name="Work", outcomes=["closed_lost"])
    await running_org.ask("outcome", lead, "ann", outcome="closed_lost")
    await mia.reload()
    await mia.wait_for_selector(f"{READY} .lead")
    await expect(move_buttons(mia)).to_have_text(["Reopen …"])
    await move_buttons(mia).click()
    await expect(dialog).to_contain_text("The lead can be worked again. It is Ann's again.")
    await mia.keyboard.type("he called again")
    await dialog.get_by_role("button", name="Reopen").click()
    await expect(mia.locator(".lead")).to_have_attribute("data-phase", "owned")
    await expect(mia.locator(".lead-history")).to_contain_text("Mia reopened it")


async def test_m6_a_manager_overrides_a_licence_with_a_reason_and_its_owner_may_not(
    running_org: RunningOrg,
) -> None:
    lead = await open_lender(running_org, owners_may_reassign=True)
    await running_org.publish("rep", "cyd", name="Cyd", licensed_states=["TX"])
    await running_org.until_published("rep", "cyd")
    ann, mia = await at_lead(running_org, "ann", lead), await at_lead(running_org, "mia", lead)
    for page in (ann, mia):
        await move_buttons(page).filter(has_text="Reassign …").click()
        await page.locator("#move label", has_text="Cyd").locator("input").check()
        await page.get_by_label("Reason", exact=True).fill("they are friends")
        await page.locator("#move [data-ok]").click()
        await expect(page.locator("[data-refused]")).to_contain_text("Cyd is not licensed in RI")
    await expect(ann.get_by_role("dialog")).to_be_hidden()  # only managers may override it
    dialog = mia.locator("#move")
    await expect(dialog).to_contain_text(
        "Cyd is not licensed in RI. The history will show that you decided it"
    )
    assert await serious_problems(mia) == []
    await mia.get_by_label("Reason", exact=True).fill("the licence comes tomorrow")
    await dialog.get_by_role("button", name="Assign all the same").click()
    await expect(mia.locator(".standing")).to_contain_text("Cyd got it from its former owner, by Mia")
    await expect(mia.locator(".lead-history")).to_contain_text("the licence comes tomorrow")
    await expect(mia.locator("[data-refused]")).to_be_hidden()


async def test_m1_an_owner_may_give_the_lead_away_where_the_org_allows_it(running_org: RunningOrg) -> None:
    lead = await open_lender(running_org, owners_may_reassign=True)
    ann = await at_lead(running_org, "ann", lead)
    await expect(move_buttons(ann)).to_have_text(["Reassign …"])
    await move_buttons(ann).click()
    labels = ann.locator("#move [data-reps] label")
    await expect(labels).to_have_count(3)
    assert "leads" not in " ".join(await labels.all_inner_texts())  # how much others have is not for reps
    await labels.filter(has_text="Bob").locator("input").check()
    await ann.get_by_label("Reason", exact=True).fill("I am away")
    await ann.locator("#move [data-ok]").click()
    await expect(ann.locator(".done")).to_contain_text("Bob has the lead now.")
    bob = await running_org.sign_in("bob", "/my-leads")
    await expect(bob.locator("#moves li")).to_contain_text(
        "Ann gave you Jeremy Jones, which was Ann's. Reason: I am away"
    )
    # Many leads at once, of one's own.
    await bob.get_by_label("Select Jeremy Jones").check()
    await expect(bob.locator("[data-move-chosen]")).to_have_text(["Reassign …"])
    await bob.locator("[data-move-chosen]").click()
    await bob.locator("#move label", has_text="Ann").locator("input").check()
    await bob.get_by_label("Reason", exact=True).fill("back to you")
    await bob.locator("#move [data-ok]").click()
    await expect(bob.locator("#confirm")).to_contain_text("1 lead will move: Ann 1.")
    await bob.locator("#confirm [data-ok]").click()
    await expect(bob.locator("#many [data-status]")).to_have_text("1 moved. Ann 1.")
    assert (await (await ann.request.get("/api/v1/takers")).json())["total"] == 4
    # Where the org does not allow it, nobody is listed for a rep.
    await running_org.publish("settings", "settings", round_robin=False)

    async def nobody() -> bool:
        takers: dict[str, int] = await (await bob.request.get("/api/v1/takers")).json()
        return takers["total"] == 0

    await eventually(nobody, "reps may no longer move leads")


async def test_e3_who_assigns_a_lead_that_somebody_got_meanwhile_may_move_it(running_org: RunningOrg) -> None:
    await open_lender(running_org)
    lead = await running_org.arrive("M-2", first_name="Ana", last_name="Silva", state="RI")
    mia = await at_lead(running_org, "mia", lead)
    await expect(move_buttons(mia)).to_have_text(["Assign …"])
    await move_buttons(mia).click()
    await mia.locator("#move label", has_text="Bob").locator("input").check()
    await running_org.ask("assign", lead, "mia", to_rep_id="ann")  # somebody is quicker
    await mia.locator("#move [data-ok]").click()
    await expect(mia.get_by_role("alert")).to_contain_text("Ann has it.")
    await mia.get_by_role("button", name="Move it to Bob …").click()
    await expect(mia.locator("#move [data-chosen-reps]")).to_have_text("To Bob")
    await mia.get_by_label("Reason", exact=True).fill("Bob knows her")
    await mia.locator("#move [data-ok]").click()
    await expect(mia.locator(".standing")).to_contain_text("Bob got it from its former owner, by Mia")


async def test_m3_an_activity_is_one_key_away_and_told_in_words(running_org: RunningOrg) -> None:
    lead = await open_lender(running_org)
    ann = await at_lead(running_org, "ann", lead)
    history = ann.locator(".lead-history")
    group = ann.get_by_role("group", name="Log what you did")
    await expect(group.get_by_role("button")).to_have_count(7)
    assert await serious_problems(ann) == []
    await ann.keyboard.press("a")
    await until_toast(ann, "c Call, e Email")
    await ann.keyboard.press("c")
    await until_toast(ann, "The call is logged.")
    await expect(history).to_contain_text("Ann called")
    await expect(ann.locator(".facts")).not_to_contain_text("Last contacted never")
    # With a note; letters that are typed into it are no keys.
    await ann.get_by_label("Comment").fill("ac: asked for the rates")
    await ann.get_by_role("button", name="Text message").click()
    await expect(history).to_contain_text("Ann sent a text message")
    await expect(history.locator("blockquote")).to_have_text("ac: asked for the rates")
    await expect(ann.get_by_label("Comment")).to_have_value("")
    for key, text in (
        ("e", "sent an email"),
        ("l", "logged a call"),
        ("t", "planned a to-do"),
        ("d", "started a drip plan"),
        ("b", "sent a bulk email"),
    ):
        await ann.keyboard.press("a")
        await ann.keyboard.press(key)
        await expect(history).to_contain_text(f"Ann {text}")
    await ann.keyboard.press("a")
    await ann.keyboard.press("n")
    await expect(ann.get_by_label("Comment")).to_be_focused()  # a note needs its text
    assert await fits_a_phone(ann)


async def test_m2_facts_are_corrected_field_by_field_and_the_versions_are_shown(
    running_org: RunningOrg,
) -> None:
    lead = await open_lender(running_org)
    ann = await at_lead(running_org, "ann", lead)
    await ann.get_by_role("button", name="Correct …").click()
    form = ann.locator("#correct")
    await expect(form.get_by_label("State", exact=True)).to_have_value("RI")
    assert await serious_problems(ann) == []
    await form.get_by_role("button", name="Correct").click()
    await expect(form.get_by_role("alert")).to_have_text("Nothing is changed yet.")
    # The reader's reasons stand beside the fields, and nothing is corrected.
    await form.get_by_label("State", exact=True).fill("Atlantis")
    await form.get_by_label("Phone", exact=True).fill("12")
    await form.get_by_label("Last name").fill("Joness")
    await form.get_by_role("button", name="Correct").click()
    await expect(ann.locator("#correct-phone-problem")).to_have_text("is not a phone number in use")
    await expect(ann.locator("#correct-state-problem")).to_be_visible()
    await expect(ann.locator("#correct-last_name-problem")).to_be_hidden()
    await expect(form.get_by_label("Phone", exact=True)).to_be_focused()
    await shot(ann, "correct")
    assert await fits_a_phone(ann)
    await form.get_by_label("State", exact=True).fill("Texas")
    await form.get_by_label("Phone", exact=True).fill("(401) 419-4247")
    await form.get_by_label("Why").fill("he told me")
    await ann.keyboard.press("Tab")
    await form.get_by_role("button", name="Correct").click()
    await expect(ann.locator("h1")).to_have_text("Jeremy Joness")
    await expect(ann.locator("[data-fact=state]").first).to_have_text("TX")
    await expect(ann.locator(".lead-history")).to_contain_text("Ann corrected")
    await ann.get_by_text("Corrected once").click()
    versions = ann.locator(".versions")
    await expect(versions).to_contain_text("by Ann: he told me")
    await expect(versions).to_contain_text("RI → TX")
    await expect(versions).to_contain_text("empty → (401) 419-4247")
    assert await serious_problems(ann) == []
    # A manager corrects it too, and the number is written as money.
    mia = await at_lead(running_org, "mia", lead)
    await mia.get_by_role("button", name="Correct …").click()
    await mia.locator("#correct").get_by_label("Loan amount").fill("$320,000")
    await mia.keyboard.press("Enter")
    await expect(mia.locator(".versions summary")).to_have_text("Corrected 2 times")
    await mia.locator(".versions summary").click()
    await expect(mia.locator(".versions")).to_contain_text("$310,000 → $320,000")
