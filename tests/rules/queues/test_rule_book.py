"""A partition's copy of the directory depends on the newest versions only, not on their order of arrival."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.directory import OrgSettings
from models.errors import Problem
from models.events import DirectoryPublished
from models.facts import Facts
from models.lead import DirectoryRow
from rules.queues.rule_book import NewestPublication, OrgRules, RuleBook
from tests.rules.language.reference_language import NOW, make, trees

IN_RI = {"rules": [{"field": "state", "operator": "=", "value": "RI"}]}
BROKEN = {"inclusion": {"rules": [{"field": "nope", "operator": "=", "value": 1}]}}


def publication(
    version: int,
    value: dict[str, Any] | None,
    object_id: str = "aged",
    kind: str = "queue",
    org: str = "default",
) -> DirectoryPublished:
    """Return one publication."""
    return DirectoryPublished(
        lead_id="",
        cause=f"d-{version}",
        org=org,
        kind=kind,
        object_id=object_id,
        version=version,
        value=value,
    )


def rule_book_of(*events: DirectoryPublished) -> RuleBook:
    """Return the book after these publications."""
    rule_book = RuleBook()
    for event in events:
        rule_book = rule_book.publish(event)
    return rule_book


def row(event: DirectoryPublished) -> DirectoryRow:
    """Return the row that a partition keeps of a publication."""
    return DirectoryRow(
        off=0,
        org=event.org,
        kind=event.kind,
        object_id=event.object_id,
        version=event.version,
        value=event.value,
        at=NOW,
    )


def observable_state(rule_book: RuleBook) -> dict[str, Any]:
    """Return the observable state of a book."""
    return {
        org_id: (
            org.version,
            {queue_id: (queue.queue, queue.version) for queue_id, queue in org.queues.items()},
            dict(org.reps),
            org.settings,
            dict(org.problems),
            dict(org.objects),
        )
        for org_id, org in rule_book.orgs.items()
    }


objects = st.one_of(
    st.tuples(
        st.just("queue"), st.sampled_from("ab"), st.none() | trees.map(lambda tree: {"inclusion": tree})
    ),
    st.tuples(st.just("rep"), st.sampled_from("ab"), st.none() | st.just({"teams": ["west"]})),
    st.tuples(st.just("settings"), st.just("settings"), st.none() | st.just({"lock_minutes": 5})),
    st.tuples(st.just("weather"), st.just("today"), st.none() | st.just({"sky": "blue"})),
)
histories = st.lists(st.tuples(st.sampled_from(["default", "other"]), objects), max_size=12).map(
    lambda publications: [
        publication(version, value, object_id, kind, org)
        for version, (org, (kind, object_id, value)) in enumerate(publications)
    ]
)


@given(histories, st.randoms())
def test_q6_the_book_is_the_same_in_whatever_order_and_however_often_it_is_told(
    history: list[DirectoryPublished], rng: Any
) -> None:
    shuffled = [*history, *history]
    rng.shuffle(shuffled)
    assert (
        observable_state(rule_book_of(*shuffled))
        == observable_state(rule_book_of(*history))
        == observable_state(RuleBook.from_rows(map(row, shuffled)))
    )


@given(histories)
def test_q6_a_book_never_changes_publishing_makes_another(history: list[DirectoryPublished]) -> None:
    rule_book = RuleBook()
    for event in history:
        before = observable_state(rule_book)
        after = rule_book.publish(event)
        assert observable_state(rule_book) == before
        assert after.publish(event) is after
        rule_book = after


def test_q6_an_older_or_equal_version_changes_nothing() -> None:
    rule_book = rule_book_of(publication(7, {"inclusion": IN_RI}))
    assert rule_book.publish(publication(7, None)) is rule_book
    assert rule_book.publish(publication(3, {"inclusion": {}})) is rule_book
    assert rule_book.publish(publication(8, None)).org("default").queues == {}


def test_q6_the_orgs_version_is_that_of_queues_and_settings_also_removed_ones() -> None:
    assert RuleBook().org("default").version == -1
    rule_book = rule_book_of(publication(0, {}))
    assert rule_book.org("default").version == 0
    rule_book = rule_book.publish(publication(4, {"lock_minutes": 5}, "settings", "settings"))
    rule_book = rule_book.publish(publication(5, {}, "rep-7", "rep")).publish(
        publication(6, {"x": 1}, "today", "weather")
    )
    rule_book = rule_book.publish(publication(9, {}, org="other"))
    assert rule_book.org("default").version == 4
    assert rule_book.publish(publication(7, None)).org("default").version == 7
    assert ("weather", "today") in rule_book.org("default").objects


def test_q6_a_queue_that_does_not_compile_leaves_the_one_before_it() -> None:
    rule_book = rule_book_of(publication(1, {"inclusion": IN_RI}), publication(2, BROKEN))
    org = rule_book.org("default")
    assert org.queues["aged"].version == 1
    assert org.version == 2
    assert org.problems == {
        ("queue", "aged"): (
            Problem(path="inclusion.rules[0]", field="nope", operator="=", reason="there is no such field"),
        )
    }
    mended = rule_book.publish(publication(3, {})).org("default")
    assert (mended.queues["aged"].version, mended.problems) == (3, {})


@pytest.mark.parametrize(
    ("kind", "value"),
    [("rep", {"teams": 7}), ("settings", {"lock_minutes": "long"}), ("queue", {"columns": 7})],
)
def test_q6_an_object_of_another_shape_is_a_problem_and_no_crash(kind: str, value: dict[str, Any]) -> None:
    org = rule_book_of(publication(1, value, "x", kind)).org("default")
    assert list(org.problems) == [(kind, "x")]
    assert (org.queues, org.reps, org.settings) == ({}, {}, OrgSettings())


def test_q6_publishing_takes_effect_on_leads_that_are_there() -> None:
    lead = make(facts=Facts(vendor="acme", state="TX"))
    rule_book = rule_book_of(publication(1, {"inclusion": IN_RI}))
    assert rule_book.org("default").evaluate(lead, NOW).sort_keys == {}
    assert list(rule_book.publish(publication(2, {})).org("default").evaluate(lead, NOW).sort_keys) == [
        "aged"
    ]
    assert rule_book.org("default").explain(lead, "aged", NOW) == (
        "not in aged by its rules of version 1: state is TX, not RI"
    )
    assert rule_book.org("default").explanation(lead, "aged", NOW).version == 1


def test_q5_a_claimable_queue_has_no_outcomes() -> None:
    queue = {"claimable": True, "outcomes": ["reached"]}
    assert rule_book_of(publication(1, queue)).org("default").queues["aged"].queue.outcomes == ()
    assert rule_book_of(publication(1, {**queue, "claimable": False})).org("default").queues[
        "aged"
    ].queue.outcomes == ("reached",)


SEES = [
    # rep, in west only, in every team
    ("rep-west", True, True),
    ("rep-east", False, True),
    ("manager", True, True),
    ("admin", True, True),
    ("left", False, False),
    ("nobody", False, False),
]


@pytest.mark.parametrize(("rep_id", "west", "every"), SEES)
def test_q4_team_access_decides_who_sees_a_queue(rep_id: str, west: bool, every: bool) -> None:
    reps: dict[str, dict[str, Any]] = {
        "rep-west": {"teams": ["west", "north"]},
        "rep-east": {"teams": ["east"]},
        "manager": {"role": "manager"},
        "admin": {"role": "admin"},
        "left": {"teams": ["west"], "role": "admin", "active": False},
    }
    org = rule_book_of(
        *(publication(n, value, name, "rep") for n, (name, value) in enumerate(reps.items())),
        publication(10, {"teams": ["west"]}, "west-only"),
        publication(11, {}, "open"),
    ).org("default")
    assert org.may_see(rep_id, "west-only") is west
    assert org.may_see(rep_id, "open") is every
    assert not org.may_see(rep_id, "unknown")


def test_q4_team_access_never_decides_whose_leads_are_in_a_queue() -> None:
    org = rule_book_of(publication(1, {"teams": ["west"]})).org("default")
    assert list(org.evaluate(make(), NOW).sort_keys) == ["aged"]


def test_q4_an_org_without_reps_is_open() -> None:
    org = rule_book_of(publication(1, {"teams": ["west"]})).org("default")
    assert org.role("anyone") == "admin"
    assert org.may_see("anyone", "aged")
    closed = rule_book_of(
        publication(1, {"teams": ["west"]}), publication(2, {"role": "rep"}, "rep-7", "rep")
    )
    assert closed.org("default").role("rep-7") == "rep"
    assert closed.org("default").role("anyone") is None


def test_an_org_that_ever_had_a_rep_is_closed_until_its_settings_open_it() -> None:
    """Removing the last rep used to make everybody an admin. The key of a removed rep shows that the org had one."""
    never = OrgRules("default")
    closed = never.with_objects([(("rep", "ann"), NewestPublication(3, None))])
    publications = closed.with_objects(
        [(("settings", "settings"), NewestPublication(4, {"open_without_reps": True}))]
    )
    assert [rules.is_open for rules in (never, closed, publications)] == [True, False, True]
    assert [rules.role("anyone") for rules in (never, closed, publications)] == ["admin", None, "admin"]
    assert closed.has_left("ann")
    back = publications.with_objects([(("rep", "ann"), NewestPublication(5, {"rep_id": "ann"}))])
    assert (back.role("anyone"), back.role("ann")) == (None, "rep")
