"""Every decision there is can be said in words, and to a rep who may not see the lead without a word of it (X1, Q3)."""

from typing import get_args

import msgspec
import pytest

from models.contact_decisions import (
    CallbackDue,
    CallbackNoticeWithdrawn,
    CallbackSet,
    ConsentRecorded,
    ContactForbidden,
    SuppressionRecorded,
)
from models.corrections import FactChange, FactsCorrected
from models.decisions import (
    ActivityRecorded,
    Answered,
    AnswerIgnored,
    ArrivalRepeated,
    ClaimReopened,
    DeadlineIgnored,
    Decision,
    ExceptionIgnored,
    ExceptionRaised,
    ExceptionResolved,
    InquiryAdded,
    LeadAccepted,
    LeadClosed,
    LeadReopened,
    LockFreed,
    LockReleased,
    LockTaken,
    MergedInto,
    NoteRecorded,
    OutcomeRecorded,
    OwnerChanged,
    PreassignmentNotFollowed,
    QueueEntered,
    QueueLeft,
    QueueMoved,
    SharedHandleFound,
)
from models.erasure_decisions import ArrivalDropped, InquiryErased, LeadErased
from models.events import ActionRequested, DirectoryPublished
from models.facts import Facts
from models.merging_decisions import InquirySplit, LeadSplit, MergeReturned, MergeSought
from models.offer_decisions import (
    ConnectRequested,
    HungUp,
    LeadOffered,
    NobodyAvailable,
    OfferDeclined,
    OfferEnded,
    RepSought,
    WindowMoved,
)
from models.offers import Outcome, RejectedCandidate, RejectionReason
from models.reserved_place_decisions import PlaceReturned, PlaceSought
from models.results import Reason, Result
from rules.lead.lifecycle import Trigger
from rules.queues.rule_book import RuleBook
from sink.database_engine import to_json
from sink.queries import Row
from sink.rows import table_rows
from tests.sink.seeded_journal import START, lead_of, row_of
from web.services.asked_text import ASKED, WHY_NOT_DONE, asked_text
from web.services.decision_text import NOISE, decision_text, decision_text_for
from web.services.names import Names

MARK = "state is RI"
"""What tells of the lead."""
PASSED = tuple(RejectedCandidate("rep-1", why, MARK) for why in RejectionReason)

_NOT_ASKED = {
    Trigger.ARRIVED,
    Trigger.INQUIRED,
    Trigger.TAKEN_OUT,
    Trigger.SUPPRESSION,
    Trigger.OFFER_MADE,
    Trigger.NOBODY_AVAILABLE,
    Trigger.OFFER_VOIDED,
    Trigger.OFFER_EXPIRED,
    Trigger.ORPHANED,
    Trigger.LOCK_EXPIRED,
    Trigger.CALLBACK_DUE,
    Trigger.RETENTION_OVER,
    Trigger.RULES_CHANGED,
}
"""What changes a lead though nobody asks for it."""

CLAIM = ActionRequested(lead_id="lead", cause="a", action="claim", rep_id="rep-1")
DECISION_TEXTS: list[tuple[Decision, str]] = [
    (LeadAccepted(), "It arrived"),
    (
        SharedHandleFound(handle="phone/+14014194247", leads=("a", "b"), why="w"),
        "Its phone came with three last names and joins nobody",
    ),
    (ArrivalRepeated(filled=("loan_amount",)), "The vendor sent it again, and completed loan amount"),
    (
        InquiryAdded(
            inquiry_id="i", vendor="acme", campaign=None, external_id=None, rep_id="rep-1", why="same phone"
        ),
        "The person inquired again, through acme",
    ),
    (
        InquiryAdded(
            inquiry_id="i",
            vendor="acme",
            campaign=None,
            external_id=None,
            rep_id="rep-1",
            why="same phone",
            facts=Facts(
                vendor="acme",
                last_name="Roe",
                phone="+14014194247",
                phone_extension="7",
                email="j@x.org",
                loan_amount=310000,
            ),
        ),
        "The person inquired again, through acme: Roe, +14014194247 x7, j@x.org, loan amount 310,000",
    ),
    (MergedInto(into="i", why="same phone"), "It is another inquiry of a known lead"),
    (MergedInto(into="i", why="one person", rep_id="rep-1"), "Alex Thompson merged it into lead i"),
    (MergeSought(into="i", action=CLAIM, why="w"), "The org was asked whether it may be merged"),
    (MergeReturned(action_id="a", why="w"), "It was not merged after all"),
    (
        InquirySplit(inquiry_id="i", rep_id="rep-1", why="w", facts=Facts(vendor="acme")),
        "Alex Thompson took inquiry i out as a lead of its own",
    ),
    (
        LeadSplit(from_lead_id="i", rep_id="rep-1", owner=None, why="w"),
        "Alex Thompson took it out of lead i",
    ),
    (SuppressionRecorded(handle="h", reason="asked", why="w"), "It is on the do-not-contact list"),
    (SuppressionRecorded(handle="h", reason=None, why="w"), "It was taken off the do-not-contact list"),
    (
        ContactForbidden(rep_id="rep-1", outcome="do_not_contact", reason="outcome do_not_contact"),
        "Alex Thompson put the person on the do-not-contact list",
    ),
    (InquiryErased(inquiry_id="i"), "A lead that was taken out of this one was erased"),
    (ArrivalDropped(why="it was erased"), "A message of the erased person was not taken"),
    (LeadErased(rep_id="rep-1", why="asked"), "Alex Thompson erased the person"),
    (ConsentRecorded(rep_id="rep-1", why="signed"), "Alex Thompson recorded consent to be contacted"),
    (
        Answered(
            action_id="a",
            action="claim_now",
            rep_id="rep-1",
            result=Result.REFUSED,
            version=1,
            decided_at=START,
            reason=Reason.NOT_LOCKED,
            why=MARK,
        ),
        "Alex Thompson asked to claim it while it was open, but it was not open",
    ),
    (
        OwnerChanged(rep_id="rep-1", previous_rep_id=None, how="claim", via="queue/aged", why="w"),
        "Alex Thompson claimed it, through the queue Aged leads",
    ),
    (
        OwnerChanged(
            rep_id="rep-1",
            previous_rep_id=None,
            how="manual",
            via="manager/mia",
            why="w",
            overrides=("licence", "cap"),
        ),
        "Alex Thompson was assigned it, by mia, without the licence of its state, over the cap of open leads",
    ),
    (
        PlaceSought(rep_id="rep-1", action=CLAIM, why="w"),
        "The org was asked whether Alex Thompson has room for it",
    ),
    (
        PlaceReturned(rep_id="rep-1", action_id="a", why="w"),
        "Place returned",
    ),
    (
        OwnerChanged(rep_id=None, previous_rep_id="rep-1", how="orphaned", via=None, why="left"),
        "Alex Thompson no longer owns it; nobody owns it now",
    ),
    (
        QueueEntered(queue_id="aged", sort_key="", rules_version=1, why=MARK),
        "It entered the queue Aged leads",
    ),
    (QueueLeft(queue_id="gone", why=MARK), "It left the queue gone"),
    (QueueMoved(queue_id="aged", sort_key="", rules_version=1, why="w"), "Queue moved"),
    (
        LockTaken(rep_id="rep-1", until=START, epoch=1),
        "Alex Thompson opened it until 2026-11-20T14:12:00Z",
    ),
    (LockReleased(rep_id="rep-2", why="released by rep-1"), "rep-2 no longer has it open"),
    (
        LockFreed(rep_id="rep-1", freed_by="mia", why="she is ill"),
        "mia freed it, which Alex Thompson had open",
    ),
    (CallbackSet(rep_id="rep-1", at=START), "Alex Thompson promised to call at 2026-11-20T14:12:00Z"),
    (
        CallbackSet(rep_id="rep-1", at=None),
        "Alex Thompson will call back without a time, so it goes to the end of the queue",
    ),
    (CallbackDue(rep_id="rep-1"), "The promised call is due"),
    (
        CallbackNoticeWithdrawn(rep_id="rep-1", epoch=3, why="rep-1 contacted it"),
        "Alex Thompson need not be told of the due call any more",
    ),
    (OutcomeRecorded(rep_id="rep-1", outcome="no_answer"), "Alex Thompson: no answer"),
    (
        FactsCorrected(
            rep_id="rep-7",
            changes=(FactChange("state", "TX", "RI"), FactChange("loan_amount", None, 1)),
            why=MARK,
        ),
        "rep-7 corrected state, loan amount",
    ),
    (
        WindowMoved(group_id="west", epoch=3, why=MARK, until=START),
        f"Its window now ends at {START.isoformat().replace('+00:00', 'Z')}",
    ),
    (NoteRecorded(rep_id="rep-1", note="rep-1 rang"), "Alex Thompson wrote a note"),
    (ActivityRecorded(rep_id="rep-1", kind="call", contact=True, note="rep-1 rang"), "Alex Thompson called"),
    (
        PreassignmentNotFollowed(assigned_to="rep-9", reason="unknown", why="w"),
        "It arrived assigned to rep-9, which was not followed: unknown",
    ),
    (HungUp(rep_id="rep-1"), "Alex Thompson hung up and keeps it"),
    (LeadReopened(rep_id="rep-1", owner=None, why="w"), "Alex Thompson reopened it"),
    (
        ExceptionRaised(reason="no_available_agents", explanation=({"queue_id": "aged", "why": MARK},)),
        "It became an exception: no available agents",
    ),
    (ExceptionIgnored(rep_id="rep-1"), "Alex Thompson ignored the exception"),
    (ExceptionResolved(reason="orphaned", why="assigned to rep-1"), "It is no longer an exception"),
    (ClaimReopened(rep_id="rep-1", claimed_through="aged"), "Alex Thompson reopened it for claims"),
    (LeadClosed(outcome="closed_lost"), "Closed: closed lost"),
    (RepSought(group_id="west", epoch=1, why="w"), "The group West was asked for a rep"),
    (
        LeadOffered(
            group_id="west",
            epoch=1,
            method="ring_all",
            reps=("rep-1", "rep-2"),
            why="w",
            until=START,
            passed=PASSED,
        ),
        "Offered to Alex Thompson, rep-2 by ring all, until 2026-11-20T14:12:00Z",
    ),
    (
        OfferEnded(group_id="west", epoch=1, outcome=Outcome.TIMEOUT, why=MARK, reps=("rep-1",)),
        "The offer ended: nobody acted in time",
    ),
    (OfferDeclined(rep_id="rep-1", epoch=1, why=MARK, remaining=()), "Alex Thompson declined it"),
    (
        NobodyAvailable(group_id="west", epoch=1, reason="no_available_agents", explanation=PASSED),
        "The group West has nobody for it: no available agents",
    ),
    (ConnectRequested(rep_id="rep-1"), "Alex Thompson asked to be connected"),
    (AnswerIgnored(answer="offer_made", epoch=1, why="w"), "Answer ignored"),
    (DeadlineIgnored(kind="lock", epoch=1, why="w"), "Deadline ignored"),
]


@pytest.fixture(scope="module")
def names() -> Names:
    """Return the names of an org with a rep, a queue and a group."""
    rule_book = RuleBook()
    objects = [("rep", "rep-1", "Alex Thompson"), ("queue", "aged", "Aged leads"), ("group", "west", "West")]
    for version, (kind, object_id, name) in enumerate(objects):
        value = {f"{kind}_id": object_id, "name": name}
        rule_book = rule_book.publish(
            DirectoryPublished(
                cause=str(version),
                lead_id="",
                org="default",
                kind=kind,
                object_id=object_id,
                version=version,
                value=value,
            )
        )
    return Names(rule_book.org("default"))


def row(decision: Decision) -> Row:
    """Return the decision as the CRM database has it."""
    (stored,) = table_rows(0, "lead", row_of(lead_of(), decision)).decisions
    return {**stored, "why": msgspec.json.decode(to_json(stored["why"]))}


@pytest.mark.parametrize(("decision", "text"), DECISION_TEXTS, ids=lambda decision: type(decision).__name__)
def test_x1_each_decision_is_said(decision: Decision, text: str, names: Names) -> None:
    assert decision_text(row(decision), names).text == text


def test_x1_no_decision_is_forgotten() -> None:
    assert {type(decision) for decision, _ in DECISION_TEXTS} == set(get_args(Decision))
    kinds = {row(decision)["type"]: text for decision, text in DECISION_TEXTS}
    assert {kind for kind, text in kinds.items() if text == kind.replace("_", " ").capitalize()} == NOISE


def test_x1_each_refusal_and_each_request_has_words() -> None:
    assert set(WHY_NOT_DONE) == set(Reason)
    assert set(ASKED) == {str(trigger) for trigger in Trigger if trigger not in _NOT_ASKED}
    text = asked_text("You", "refused", {"action": "view", "reason": "not_allowed"})
    assert text == "You asked to open it, but that was not allowed"


def test_x1_reasons_name_people_and_every_candidate(names: Names) -> None:
    released = decision_text(row(LockReleased(rep_id="rep-2", why="released by rep-1.")), names)
    assert released.why == "released by Alex Thompson."
    offered = next(decision for decision, _ in DECISION_TEXTS if isinstance(decision, LeadOffered))
    passed = decision_text(row(offered), names).passed
    assert [(candidate.name, candidate.why) for candidate in passed] == [("Alex Thompson", MARK)] * len(
        RejectionReason
    )


@pytest.mark.parametrize(
    "decision", [decision for decision, _ in DECISION_TEXTS], ids=lambda decision: type(decision).__name__
)
@pytest.mark.parametrize("rep_id", ["rep-1", "rep-2", "rep-3"])
def test_q3_who_may_not_see_the_lead_is_told_nothing_of_it(
    decision: Decision, rep_id: str, names: Names
) -> None:
    text = decision_text_for(rep_id, row(decision), names)
    assert text is None or (text.who == rep_id and text.why is None and text.note is None and not text.passed)
    assert text is None or "RI" not in text.text
    assert text is None or rep_id != "rep-3"  # nothing of all this concerns it


def test_x1_a_rep_is_told_why_not_the_rep(names: Names) -> None:
    for why in RejectionReason:
        passed = (RejectedCandidate("rep-1", why, MARK),)
        decision = NobodyAvailable(group_id="west", epoch=1, reason="r", explanation=passed)
        text = decision_text_for("rep-1", row(decision), names)
        assert text is not None
        assert text.text.startswith("Not you: ")
