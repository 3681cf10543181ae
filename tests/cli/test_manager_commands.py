"""The commands of a manager's desk on a running stack: assigning leads by hand, exceptions, previews."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from application.assignment import AssignmentResult, assign_all, summarize
from application.exceptions_desk import read_exceptions
from application.journal_snapshot import journal_now
from application.open_locks import read_locks
from assurance.load.client import LoadClient
from cli import app
from models.ids import lead_id
from runtime.up import RunningStack
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually

ORG = "desk"
NO_ORG = frozenset({"verify", "why"})
REPS = ("rep-1", "rep-2")
MANAGERS = ("mia", "moe")
DIRECTORY: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("settings", "settings", {"lock_minutes": 30}),
    *(("rep", rep_id, {"role": "rep"}) for rep_id in REPS),
    ("rep", "rep-3", {"role": "rep", "licensed_states": ["RI"]}),
    *(("rep", rep_id, {"role": "manager"}) for rep_id in MANAGERS),
    (
        "group",
        "west",
        {
            "method": "round_robin",
            "members": [{"rep_id": "rep-3"}, {"rep_id": "rep-1"}],
            "claim_window_seconds": 900,
        },
    ),
    ("campaign", "west", {"group_id": "west", "description": "Rates drop"}),
    (
        "queue",
        "pool",
        {"inclusion": {"rules": [{"field": "vendor", "operator": "in", "value": ["race", "pool"]}]}},
    ),
)
RACED = 50


def arrivals() -> list[dict[str, Any]]:
    """Return the leads: 50 to race for and 9 to assign are in a queue, 5 are exceptions."""
    raced = [{"vendor": "race", "external_id": str(n), "last_name": f"R{n}"} for n in range(RACED)]
    pool = [
        {"vendor": "pool", "external_id": str(n), "last_name": f"P{n}", "state": "RI" if n < 3 else "MA"}
        for n in range(9)
    ]
    desk = [
        {
            "vendor": "desk",
            "external_id": str(n),
            "first_name": "Jeremy",
            "last_name": f"[Jones] {n}",
            "loan_amount": 310_000,
            "loan_purpose": "purchase",
            "state": "TX",
        }
        for n in range(5)
    ]
    return [*raced, *pool, *desk]


@pytest.fixture(scope="module")
def stack_with_exceptions(stack: RunningStack) -> RunningStack:
    """Return the stack with the org's publications and all its leads in place."""
    asyncio.run(send_leads(stack))
    return stack


async def send_leads(stack: RunningStack) -> None:
    """Publish, let the leads arrive, and wait until the database knows of every exception."""
    async with LoadClient(stack.settings, org=ORG, follow_queues=True) as client:
        for kind, object_id, value in DIRECTORY:
            await client.publish(kind, object_id, value)
        messages = arrivals()
        await asyncio.gather(*(client.arrive({**message, "org": ORG}) for message in messages))
        queued = {a_lead(message["vendor"], message["external_id"]) for message in messages[: RACED + 9]}
        await client.until_in("pool", queued, PATIENCE_SECONDS)
    await until_desk(stack, 5, 0)


async def until_desk(stack: RunningStack, is_open: int, ignored: int) -> dict[str, Any]:
    """Wait until the exceptions desk has the given number of leads, and return it."""

    def exceptions_as_wanted() -> dict[str, Any] | None:
        desk = read_exceptions(stack.settings, ORG, show_ignored=True, limit=100)
        return desk if (desk["open"], desk["ignored"]) == (is_open, ignored) else None

    desk: dict[str, Any] = await eventually(
        exceptions_as_wanted, f"{is_open} exceptions are open and {ignored} ignored"
    )
    return desk


def a_lead(vendor: str, external_id: str | int, org: str = ORG) -> str:
    """Return a lead's id."""
    return lead_id(org, vendor, str(external_id), {})


def firstclaim(stack: RunningStack, *arguments: str | Path, text: str = "", org: str = ORG) -> Result:
    """Run a command for an org, as another terminal would. It finds the stack by its state folder.

    `text`: its stdin. Commands of `NO_ORG` are about all orgs.
    """
    command_line = [*map(str, arguments), *([] if arguments[0] in NO_ORG else ["--org", org]), "--json"]
    result = CliRunner().invoke(
        app,
        command_line,
        input=text,
        env={"FIRSTCLAIM_STATE_DIR": str(stack.settings.state_dir)},
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def last_line(result: Result) -> dict[str, Any]:
    """Return the JSON object on the last line."""
    summary: dict[str, Any] = json.loads(result.stdout.strip().splitlines()[-1])
    return summary


def owners(stack: RunningStack, *ids: str) -> list[str | None]:
    """Return the owners of the leads, from the journal."""
    leads = asyncio.run(journal_now(stack.settings)).leads
    return [leads[lead].owner for lead in ids]


def test_d6_a_selection_is_split_and_a_second_try_is_told_who_has_it(
    stack_with_exceptions: RunningStack,
) -> None:
    """D6, E3: evenly and in order. Each refusal has its reason, and the exit code says that not all were assigned."""
    ids = [a_lead("pool", n) for n in (8, 7, 6)]
    assigned = firstclaim(
        stack_with_exceptions, "assign", *ids, "--to", "rep-1", "--to", "rep-2", "--by", "mia"
    )
    assert assigned.exit_code == 0, assigned.output
    assert last_line(assigned) == {
        "assigned": 3,
        "lost": 0,
        "refused": 0,
        "unanswered": 0,
        "refusals": {},
        "by_rep": {"rep-1": 2, "rep-2": 1},
    }
    assert owners(stack_with_exceptions, *ids) == ["rep-1", "rep-2", "rep-1"]
    unknown = a_lead("nobody", 1)
    again = firstclaim(
        stack_with_exceptions, "assign", ids[0], unknown, "nonsense", "--to", "rep-2", "--by", "moe"
    )
    assert again.exit_code == 1
    result = last_line(again)
    assert (result["assigned"], result["lost"], result["refused"]) == (0, 1, 2)
    assert result["refusals"] == {"unknown_lead": 1, "names_no_lead": 1}
    assert f"{ids[0]}: rep-1 owns it." in again.stdout
    assert f"{unknown}: Unknown lead. Why: there is no such lead" in again.stdout
    assert "nonsense: lead_id must be a UUID" in again.stderr
    assert owners(stack_with_exceptions, ids[0]) == ["rep-1"]


def test_d6_only_a_manager_assigns_and_only_to_a_rep_of_the_org(stack_with_exceptions: RunningStack) -> None:
    """D6: everybody else is refused, and the lead does not change."""
    lead = a_lead("pool", 5)
    by_rep = last_line(firstclaim(stack_with_exceptions, "assign", lead, "--to", "rep-2", "--by", "rep-1"))
    assert by_rep["refusals"] == {"not_allowed": 1}
    to_nobody = last_line(firstclaim(stack_with_exceptions, "assign", lead, "--to", "rep-9", "--by", "mia"))
    assert to_nobody["refusals"] == {"unknown_rep": 1}
    assert owners(stack_with_exceptions, lead) == [None]
    assert firstclaim(stack_with_exceptions, "assign", "--to", "rep-1", "--by", "mia").exit_code == 2


def test_d6_a_segment_is_assigned_as_it_is_now(stack_with_exceptions: RunningStack) -> None:
    """D6: a rule over the current leads, derived fields too.

    First a dry run, then the assignment; then none is left.
    """
    rules = [
        {"field": "vendor", "operator": "=", "value": "pool"},
        {"field": "state", "operator": "=", "value": "RI"},
        {"field": "phase", "operator": "=", "value": "queued"},
    ]
    arguments = (
        "assign",
        "--segment",
        json.dumps({"rules": rules}),
        "--to",
        "rep-2",
        "--to",
        "rep-1",
        "--by",
        "mia",
    )
    tried = firstclaim(stack_with_exceptions, *arguments, "--dry-run")
    assert (tried.exit_code, last_line(tried)["by_rep"]) == (0, {"rep-2": 2, "rep-1": 1})
    assert owners(stack_with_exceptions, a_lead("pool", 0)) == [None]
    assert last_line(firstclaim(stack_with_exceptions, *arguments))["by_rep"] == {"rep-2": 2, "rep-1": 1}
    none_left = firstclaim(stack_with_exceptions, *arguments)
    assert (none_left.exit_code, last_line(none_left)["assigned"]) == (0, 0)


def test_d6_a_list_is_assigned_line_by_line(stack_with_exceptions: RunningStack, tmp_path: Path) -> None:
    """D6: a vendor's own list; bad lines are named and refused, the rest goes on."""
    path = tmp_path / "list.csv"
    path.write_text("vendor,external_id\npool,3\npool,\npool,4\npool,3\n")
    result = firstclaim(stack_with_exceptions, "assign", "--from", path, "--to", "rep-1", "--by", "mia")
    assert result.exit_code == 1
    summary = last_line(result)
    assert (summary["assigned"], summary["refused"]) == (2, 1)
    assert "line 3: external_id is missing" in result.stderr
    assert "Named more than once, and used once: 1" in result.stderr
    assert owners(stack_with_exceptions, a_lead("pool", 3), a_lead("pool", 4)) == ["rep-1", "rep-1"]


def test_e3_two_managers_assign_the_same_leads_at_once(stack_with_exceptions: RunningStack) -> None:
    """E3: each lead has one owner; the second manager is told who that is."""
    ids = [a_lead("race", n) for n in range(RACED)]

    async def assign_leads(by: str, to: str, leads: list[str]) -> list[AssignmentResult]:
        pairs: list[tuple[str, str | None]] = [(lead, to) for lead in leads]
        return await assign_all(
            stack_with_exceptions.settings, pairs, by=by, org=ORG, patience_seconds=PATIENCE_SECONDS
        )

    async def race() -> tuple[list[AssignmentResult], list[AssignmentResult]]:
        return await asyncio.gather(
            assign_leads("mia", "rep-1", ids), assign_leads("moe", "rep-2", ids[::-1])
        )

    mias, moes = asyncio.run(race())
    now_owners = owners(stack_with_exceptions, *ids)
    for mias_result, moes_result, owner in zip(mias, moes[::-1], now_owners, strict=True):
        assert mias_result.lead_id == moes_result.lead_id
        assert sorted(str(assignment.result) for assignment in (mias_result, moes_result)) == ["done", "lost"]
        assert {mias_result.owner, moes_result.owner} == {owner}
        winner = mias_result if mias_result.result == "done" else moes_result
        assert winner.to == owner
    totals = [summarize(outcome, 0) for outcome in (mias, moes)]
    assert (
        sum(outcome["assigned"] for outcome in totals) == sum(outcome["lost"] for outcome in totals) == RACED
    )


def test_e2_e4_exceptions_are_listed_ignored_shown_last_and_still_assignable(
    stack_with_exceptions: RunningStack,
) -> None:
    """E2, E3, E4: the desk's columns.

    An ignored lead is hidden, is last with --all, and may be assigned or restored.
    """
    listed = firstclaim(stack_with_exceptions, "exceptions", "list")
    newest, *_ = last_line(listed)["exceptions"]
    assert (last_line(listed)["open"], newest["reason"]) == (5, "no_available_agents")
    # They came at once in several partitions, so the broker's time gives the order.
    names = [row["prospect_name"] for row in last_line(listed)["exceptions"]]
    assert sorted(names) == [f"Jeremy [Jones] {n}" for n in range(5)]
    assert newest["vendor"] == "desk"
    head = listed.stdout.splitlines()[0]
    assert all(
        column in head for column in ("Prospect name", "Lead provider", "Failure reason", "Create date")
    )
    assert "Jeremy [Jones] 0" in listed.stdout
    assert "310,000" in listed.stdout
    ids = [row["lead_id"] for row in last_line(listed)["exceptions"]]
    ignored = firstclaim(stack_with_exceptions, "exceptions", "ignore", ids[0], "--by", "mia")
    assert (ignored.exit_code, ignored.stdout.splitlines()[0]) == (0, "The lead is ignored.")
    assert firstclaim(stack_with_exceptions, "exceptions", "ignore", ids[1], "--by", "moe").exit_code == 0
    asyncio.run(until_desk(stack_with_exceptions, 3, 2))
    shown = last_line(firstclaim(stack_with_exceptions, "exceptions", "list"))
    assert (len(shown["exceptions"]), shown["ignored"]) == (3, 2)
    everything_shown = last_line(firstclaim(stack_with_exceptions, "exceptions", "list", "--all"))[
        "exceptions"
    ]
    assert [row["lead_id"] for row in everything_shown] == [*ids[2:], *ids[:2]]
    assert firstclaim(stack_with_exceptions, "assign", ids[0], "--to", "rep-1", "--by", "mia").exit_code == 0
    assert firstclaim(stack_with_exceptions, "exceptions", "unignore", ids[1], "--by", "mia").exit_code == 0
    asyncio.run(until_desk(stack_with_exceptions, 4, 0))
    not_one = firstclaim(stack_with_exceptions, "exceptions", "ignore", a_lead("race", 0), "--by", "mia")
    assert (not_one.exit_code, last_line(not_one)["reason"]) == (1, "not_an_exception")
    assert firstclaim(stack_with_exceptions, "exceptions", "ignore", ids[2], "--by", "rep-1").exit_code == 1
    assert firstclaim(stack_with_exceptions, "exceptions", "ignore", "7", "--by", "mia").exit_code == 2


def test_x5_route_says_who_would_get_a_lead_on_the_live_state(stack_with_exceptions: RunningStack) -> None:
    """X5, R9: who and until when, and why not the others, from the journals. The request changes nothing."""
    message = {
        "vendor": "acme",
        "external_id": "new",
        "last_name": "Silva",
        "state": "TX",
        "campaign": "west",
    }
    arguments = ("route", "@-", "--at", "2099-11-20T15:00:00Z")
    result = firstclaim(stack_with_exceptions, *arguments, text=json.dumps(message))
    routed = last_line(result)
    assert (routed["campaign"], routed["group"], routed["method"]) == ("west", "west", "round_robin")
    assert (routed["offered_to"], routed["until"]) == (["rep-1"], "2099-11-20T15:15:00Z")
    assert routed["passed"] == [{"rep_id": "rep-3", "why": "not licensed in TX"}]
    assert "goes to rep-1 until 2099-11-20 15:15:00+00:00: turn 1" in result.stdout
    assert last_line(firstclaim(stack_with_exceptions, *arguments, text=json.dumps(message))) == routed
    free = last_line(
        firstclaim(stack_with_exceptions, "route", "@-", text=json.dumps({**message, "campaign": "none"}))
    )
    assert (free["group"], free["offered_to"], free["phase"]) == (None, [], "exception")
    assert "vendor is acme" in free["passed"][0]["why"]
    known_route = firstclaim(stack_with_exceptions, "route", "--lead", a_lead("race", 1))
    assert last_line(known_route)["was"]["phase"] in {"queued", "owned"}
    assert [queue["queue_id"] for queue in last_line(known_route)["queues"]] == ["pool"]
    assert firstclaim(stack_with_exceptions, "route", "--lead", a_lead("nobody", 1)).exit_code == 1
    assert firstclaim(stack_with_exceptions, "route").exit_code == 2


def test_x7_after_all_that_everything_agrees(stack_with_exceptions: RunningStack) -> None:
    """X7: assignments by hand are the same in logs, journal, database and board."""
    verified = firstclaim(stack_with_exceptions, "verify")
    assert (verified.exit_code, last_line(verified)["findings"]) == (0, [])


async def open_lead(stack: RunningStack, lead: str, rep_id: str) -> None:
    """Let a rep open a lead."""
    async with LoadClient(stack.settings, org=ORG) as client:
        answer = (await client.ask("view", lead, rep_id)).answer
        assert answer is not None
        assert answer.result == "done", answer


def test_m6_a_manager_lists_open_leads_and_frees_one(stack_with_exceptions: RunningStack) -> None:
    opened = a_lead("pool", 8)
    asyncio.run(open_lead(stack_with_exceptions, opened, "rep-1"))

    def locks_with_lead() -> dict[str, Any] | None:
        listed = read_locks(stack_with_exceptions.settings, ORG, limit=100)
        return listed if any(lock["lead_id"] == opened for lock in listed["locks"]) else None

    asyncio.run(eventually(locks_with_lead, "the database has the open lead"))
    listed = last_line(firstclaim(stack_with_exceptions, "locks", "list"))
    (lock,) = (entry for entry in listed["locks"] if entry["lead_id"] == opened)
    assert (lock["rep_id"], listed["total"]) == ("rep-1", len(listed["locks"]))
    assert lock["since"] < lock["until"]
    assert "rep-1" in firstclaim(stack_with_exceptions, "locks", "list").output
    freed = firstclaim(
        stack_with_exceptions, "locks", "free", opened, "--by", "mia", "--why", "rep-1 has gone home"
    )
    assert (freed.exit_code, last_line(freed)["result"]) == (0, "done")
    again = firstclaim(stack_with_exceptions, "locks", "free", opened, "--by", "mia", "--why", "once more")
    assert (again.exit_code, last_line(again)["reason"]) == (1, "not_locked")


def test_m6_an_override_needs_a_reason(stack_with_exceptions: RunningStack) -> None:
    lead = a_lead("pool", 8)
    for option in ("--override-cap", "--override-licence"):
        refused = firstclaim(stack_with_exceptions, "assign", lead, "--to", "rep-1", "--by", "mia", option)
        assert refused.exit_code == 2
        assert "give --why" in refused.output
