"""A route preview uses the production machines and changes nothing. Its result is what would really happen."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from application.route_preview import RoutePreview, arrival, distributed_again, placement
from models.events import DirectoryPublished, LeadArrived
from models.facts import Facts
from models.lead import Lead, LeadRow
from models.org_events import LeadTaken, OrgEvent, PersonArrived
from rules.lead.machine import step
from rules.org.org_partition import OrgPartition
from rules.queues.rule_book import RuleBook

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
WEST = ("rep-1", "rep-2", "rep-3")
UNOWNED = {"combinator": "and", "rules": [{"field": "owned", "operator": "=", "value": False}]}
TEXAS = {"combinator": "and", "rules": [{"field": "state", "operator": "=", "value": "TX"}]}


class Org:
    """An org with publications, whose journals are read."""

    def __init__(self) -> None:
        self.rule_book = RuleBook()
        self.org_partition = OrgPartition(0)
        self.off = 0

    def tell(self, event: OrgEvent, at: datetime = NOW) -> None:
        """Pass an event to the org."""
        self.off += 1
        for key, record in self.org_partition.decide(event, off=self.off, at=at).records:
            self.org_partition.apply_or_remove(key, record)

    def publish(self, kind: str, object_id: str, **value: Any) -> None:
        """Publish one object, a minute before now."""
        event = DirectoryPublished(
            lead_id="",
            cause="c",
            org="default",
            kind=kind,
            object_id=object_id,
            version=self.off,
            value=value,
        )
        self.rule_book = self.rule_book.publish(event)
        self.tell(event, NOW - timedelta(minutes=1))

    def route(self, at: datetime = NOW, known_lead: Lead | None = None, **facts: Any) -> RoutePreview:
        """Preview the arrival of a lead."""
        return arrival(lead_arrival(**facts), at, self.rule_book, self.org_partition, known_lead)

    def lead(self, **facts: Any) -> Lead:
        """Return a lead that has really arrived, without telling anybody."""
        row = step(None, lead_arrival(**facts), off=0, at=NOW, rule_book=self.rule_book)
        assert row.lead is not None
        return row.lead

    def encoded_state(self) -> list[bytes]:
        """Return all state of the org."""
        return sorted(msgspec.json.encode(row) for row in self.org_partition.state("default").rows())


def lead_arrival(**facts: Any) -> LeadArrived:
    """Return an arrival in Rhode Island through campaign c."""
    fields = {"vendor": "acme", "last_name": "Jones", "state": "RI", "campaign": "c", **facts}
    return LeadArrived(lead_id="lead-1", cause="arrival", facts=Facts(**fields))


def rejection_reasons(passed_over: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return the reps who do not get the lead, with the reasons."""
    return {candidate.get("rep_id") or candidate["queue_id"]: candidate["why"] for candidate in passed_over}


@pytest.fixture
def org() -> Org:
    """Return an org of three reps in one group, with one campaign."""
    org = Org()
    org.publish("rep", "rep-1", licensed_states=["MA"])
    org.publish("rep", "rep-2", max_open=1)
    org.publish("rep", "rep-3")
    members = [{"rep_id": rep_id} for rep_id in WEST]
    org.publish("group", "west", method="round_robin", members=members, claim_window_seconds=900)
    org.publish("campaign", "c", group_id="west")
    return org


def test_x5_r9_it_says_who_would_get_a_lead_until_when_and_why_nobody_else(org: Org) -> None:
    """X5, R9: each passed rep has its reason, and each rep who comes later is named as such."""
    routed = org.route()
    assert (routed.campaign, routed.group, routed.method) == ("c", "west", "round_robin")
    assert routed.offered_to == ("rep-2",)
    assert routed.until == NOW + timedelta(minutes=15)
    assert "waits longest" in routed.why
    assert rejection_reasons(routed.passed) == {"rep-1": "not licensed in RI"}
    assert rejection_reasons(routed.later) == {"rep-3": "may have it, and comes later"}
    assert (routed.phase, routed.was) == ("offered", None)


def test_x5_asking_changes_nothing_and_says_the_same_again(org: Org) -> None:
    """X5: it uses up no turn and takes no capacity, however often one asks."""
    before, highest = org.encoded_state(), org.org_partition.highest
    assert org.route() == org.route()
    assert (org.encoded_state(), org.org_partition.highest) == (before, highest)


def test_x5_r9_the_caps_are_those_of_now(org: Org) -> None:
    """X5, R9: a rep at the cap is passed over, with the count."""
    org.tell(LeadTaken(cause="c", lead_id="another", epoch=1, rep_id="rep-2"))
    routed = org.route()
    assert routed.offered_to == ("rep-3",)
    assert rejection_reasons(routed.passed)["rep-2"] == "cap of open leads: 1 of 1"


def test_x5_nobody_is_said_with_every_reason_and_what_takes_the_lead_instead(org: Org) -> None:
    """X5, E1: every candidate has a reason. A queue is named if it takes the lead that distribution could not place."""
    org.publish("rep", "rep-2", licensed_states=[])
    org.publish("rep", "rep-3", active=False)
    routed = org.route()
    assert routed.offered_to == ()
    assert routed.why == "no_available_agents; it waits, and is offered once somebody may have it"
    assert routed.phase == "exception"
    assert rejection_reasons(routed.passed) == {
        "rep-1": "not licensed in RI",
        "rep-2": "not licensed in RI",
        "rep-3": "inactive",
    }
    org.publish("queue", "free", claimable=True, inclusion=UNOWNED)
    assert [queue["queue_id"] for queue in org.route().queues] == ["free"]
    assert org.route().phase == "queued"


def test_x5_r9_who_works_later_is_passed_until_then(org: Org) -> None:
    """X5, R9: at another instant another rep may have it.

    An instant before the org's clock counts as the org's clock.
    """
    week = [{"days": ["fri"], "from": "16:00", "to": "20:00"}]
    for rep_id in WEST:
        org.publish("rep", rep_id, hours=week)
    early = org.route()
    assert (early.offered_to, early.until) == ((), NOW + timedelta(hours=1))
    assert "it waits" in early.why
    assert org.route(at=NOW + timedelta(hours=1)).offered_to == ("rep-1",)
    assert org.route(at=NOW - timedelta(days=9)).at == NOW - timedelta(minutes=1)


@pytest.mark.parametrize("method", ["ring_all", "distribute_all"])
def test_x5_s1_s5_everybody_who_may_is_asked_at_once(org: Org, method: str) -> None:
    """X5, S1, S5: all reps who may have it, and why not the others."""
    members = [{"rep_id": rep_id} for rep_id in WEST]
    org.publish("group", "west", method=method, members=members, ring_seconds=20)
    routed = org.route()
    assert routed.offered_to == ("rep-2", "rep-3")
    assert (routed.method, routed.until) == (method, NOW + timedelta(seconds=20))
    assert rejection_reasons(routed.passed) == {"rep-1": "not licensed in RI"}
    assert routed.later == ()


def test_x5_r1_with_round_robin_off_it_is_number_one_for_good(org: Org) -> None:
    """X5, R1: the roster's order, no window, and the lead is owned at once."""
    org.publish("settings", "settings", round_robin=False)
    routed = org.route()
    assert (routed.method, routed.offered_to, routed.until) == ("roster", ("rep-2",), None)
    assert routed.phase == "owned"


def test_x5_q2_without_a_group_the_queues_are_asked(org: Org) -> None:
    """X5, Q2: which queues take it and why, which do not and why, and why no rep is asked."""
    org.publish("queue", "free", claimable=True, inclusion=UNOWNED)
    org.publish("queue", "texas", inclusion=TEXAS)
    routed = org.route(campaign="other")
    assert (routed.campaign, routed.group, routed.offered_to) == (None, None, ())
    assert routed.why == "campaign other is not published, and there is no default one"
    assert rejection_reasons(routed.queues).keys() == {"free"}
    assert "owned is false" in routed.queues[0]["why"]
    assert "state is RI" in rejection_reasons(routed.passed)["texas"]
    org.publish("campaign", "c", group_id="gone")
    assert org.route().why == "campaign c names group gone, which is not published"
    org.publish("group", "west", method="queue", members=[])
    org.publish("campaign", "c", group_id="west")
    assert org.route().why == "group west leaves its leads to the queues"


def test_x5_r5_a_lead_that_arrives_assigned_asks_nobody(org: Org) -> None:
    """X5, R5: distribution does not change its rep, except one without a licence (M6)."""
    routed = org.route(assigned_to="rep-3")
    assert (routed.offered_to, routed.method) == (("rep-3",), "pre_assigned")
    assert routed.why == "it arrives assigned to rep-3 (R5)"
    unlicensed = org.route(assigned_to="rep-1")
    assert (unlicensed.offered_to, unlicensed.method) == (("rep-2",), "round_robin")


def test_x5_a_known_lead_is_asked_for_as_if_nobody_had_it(org: Org) -> None:
    """X5: what the lead takes of its owner now counts as free. A resend of its own message reports that it is known."""
    lead = org.lead()
    assert lead.open_distribution is not None
    owned = msgspec.structs.replace(
        lead, owner="rep-2", phase="owned", open_distribution=None, owned_epoch=3, epoch=3
    )
    org.tell(LeadTaken(cause="c", lead_id="lead-1", epoch=3, rep_id="rep-2"))
    routed = distributed_again(owned, NOW, org.rule_book, org.org_partition)
    assert routed.was == {"phase": "owned", "owner": "rep-2"}
    assert routed.offered_to == ("rep-2",)
    again = org.route(known_lead=owned)
    assert (again.was, again.offered_to) == (routed.was, ("rep-2",))


def test_x5_r8_whom_it_has_tried_is_not_asked_again(org: Org) -> None:
    """X5: a lead in distribution goes to the next rep."""
    lead = org.lead()
    assert lead.open_distribution is not None
    tried = msgspec.structs.replace(
        lead, open_distribution=msgspec.structs.replace(lead.open_distribution, tried=("rep-2",))
    )
    routed = distributed_again(tried, NOW, org.rule_book, org.org_partition)
    assert routed.offered_to == ("rep-3",)
    assert rejection_reasons(routed.passed)["rep-2"] == "already tried in this round"


def test_x5_what_is_said_is_what_happens(org: Org) -> None:
    """X5: the real org gives the predicted answer."""
    from rules.outbound.lead_org_messages import to_leads, to_org  # noqa: PLC0415  # only this test takes the real path

    routed = org.route()
    row = step(None, lead_arrival(), off=0, at=NOW, rule_book=org.rule_book)
    (request,) = to_org(row)
    head = org.org_partition.decide(request, off=99, at=NOW).records[0][1]
    (answer,) = to_leads(head)  # type: ignore[arg-type]  # the first record is the step's head
    after: LeadRow = step(row, answer, off=1, at=NOW, rule_book=org.rule_book)
    assert after.lead is not None
    assert after.lead.open_distribution is not None
    assert (after.lead.open_distribution.reps, after.lead.open_distribution.until) == (
        routed.offered_to,
        routed.until,
    )


def preview_inquiry(org: Org, known_lead: Lead, **facts: Any) -> RoutePreview:
    """Let the person of a known lead arrive through another vendor, by campaign d."""
    event = PersonArrived(
        lead_id="lead-2",
        cause="again",
        facts=Facts(vendor="globex", state="RI", campaign="d", phone="+14014194247", **facts),
    )
    placed = placement(event, NOW, org.org_partition)
    assert placed.lead_id == known_lead.lead_id
    return arrival(placed, NOW, org.rule_book, org.org_partition, known_lead)


def known_person(org: Org) -> Lead:
    """Return a lead of a known person, and publish a second group with another campaign."""
    facts = lead_arrival(phone="+14014194247").facts
    org.tell(PersonArrived(lead_id="lead-1", cause="first", facts=facts))
    org.publish("group", "east", method="round_robin", members=[{"rep_id": "rep-3"}], claim_window_seconds=60)
    org.publish("campaign", "d", group_id="east")
    return org.lead(phone="+14014194247")


def test_x5_r6_a_known_persons_owner_would_keep_the_lead(org: Org) -> None:
    """X5, R6: no rep is asked."""
    lead = msgspec.structs.replace(
        known_person(org), owner="rep-2", phase="owned", open_distribution=None, owned_epoch=3
    )
    before = org.encoded_state()
    routed = preview_inquiry(org, lead)
    assert routed.inquiry == "lead lead-1 has the same phone; rep-2 keeps it"
    assert (routed.offered_to, routed.phase) == (("rep-2",), "owned")
    assert org.encoded_state() == before


def test_x5_r6_without_an_owner_it_would_go_the_way_of_the_inquiry(org: Org) -> None:
    """X5, R6: by the new arrival's campaign, to a rep who may have it."""
    lead = msgspec.structs.replace(
        known_person(org), phase="closed", open_distribution=None, last_outcome="closed_lost"
    )
    routed = preview_inquiry(org, lead)
    assert routed.inquiry == "lead lead-1 has the same phone; nobody owns it, so it is distributed again"
    assert (routed.campaign, routed.group, routed.offered_to) == ("d", "east", ("rep-3",))
    assert routed.was == {"phase": "closed", "owner": None}


def test_x5_r6_one_that_is_being_distributed_goes_on_as_it_is(org: Org) -> None:
    """X5, R6: it only gets the inquiry."""
    routed = preview_inquiry(org, known_person(org))
    assert routed.inquiry == "lead lead-1 has the same phone; it is being distributed already"
    assert (routed.offered_to, routed.group) == ((), "west")
