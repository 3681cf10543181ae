"""Checks one lead's rows in order: each owner comes from a decision that says so.

It is written independently of the engine's code. It knows what rows and decisions mean, and nothing of how they are
made.
"""

from typing import Any, Final

import msgspec

from assurance.verify.correction_invariants import undone_corrections
from assurance.verify.findings import Findings
from models.activities import SHORT_TYPES
from models.decisions import (
    Answered,
    AnswerIgnored,
    ClaimReopened,
    DeadlineIgnored,
    InquiryAdded,
    MergedInto,
    OwnerChanged,
)
from models.erasure import ERASED
from models.erasure_decisions import ArrivalDropped, InquiryErased
from models.events import ActionRequested, ErasureFound, ErasureOrdered, LeadArrived, OrgAnswered
from models.lead import (
    ANSWERS_KEPT,
    HELD_BACK,
    LOCKED_PHASES,
    OWNED_PHASES,
    DistributionStatus,
    Lead,
    LeadRow,
    Phase,
)
from models.merging_decisions import LeadSplit, MergeReturned, MergeSought
from models.offers import LeadOrphaned, OfferMade
from models.reserved_place_decisions import PlaceReturned, PlaceSought
from models.results import Result

LeadEvent = Any
"""Any event of a lead's log."""

GIVES: Final[dict[str, Result]] = {
    "claim": Result.WON,
    "claim_now": Result.WON,
    "callback": Result.DONE,
    "assign": Result.DONE,
}
"""Action that may give a lead an owner -> the answer when it did."""
TAKES: Final[dict[str, Result]] = {
    "claim": Result.WON,
    "claim_now": Result.WON,
    "accept": Result.WON,
    "press_one": Result.WON,
    "outcome": Result.DONE,
    "callback": Result.DONE,
    "note": Result.DONE,
    "activity": Result.DONE,
    **dict.fromkeys(SHORT_TYPES, Result.DONE),
}
"""Action by which a rep takes a lead that is offered to it (R3, S1, S5) -> the answer when it did."""
MOVES: Final = frozenset({"reassign", "unassign", "redistribute", "reopen"})
"""Action by which a manager moves a lead (M1). It takes the lead from whoever owns it."""
_CHANGES_NOTHING: Final = (
    Answered,
    AnswerIgnored,
    ArrivalDropped,
    InquiryErased,
    DeadlineIgnored,
    MergedInto,
    PlaceSought,
    PlaceReturned,
    MergeSought,
    MergeReturned,
)


class KnownAnswers(dict[tuple[str, str], list[int]]):
    """(action id, lead id) -> the `fingerprint` of each answer it ever got.

    `sought`: the actions for which an org was asked for a place before they are answered (M6).
    """

    def __init__(self) -> None:
        super().__init__()
        self.sought: set[tuple[str, str]] = set()

    def knows(self, action_id: str, lead_id: str, fingerprint: int) -> bool:
        """Tell whether the action got this answer."""
        return fingerprint in self.get((action_id, lead_id), ())


def fingerprint(
    rep_id: str, action: str, result: str, reason: str | None, owner: str | None, version: int
) -> int:
    """Return a number that equal answers share."""
    return hash((rep_id, action, str(result), str(reason), owner, version))


class LeadInvariants:
    """Checks each step of each lead of a partition. `known_answers` collects every answer for later checks."""

    def __init__(self, findings: Findings, known_answers: KnownAnswers) -> None:
        self._findings = findings
        self._known_answers = known_answers

    def take(self, lead_id: str, before: LeadRow | None, after: LeadRow, event: LeadEvent) -> None:
        """Check one step. `before` None: the lead's first record, or its former one was compacted away."""
        former, now = (before.lead if before else None), after.lead
        self._version(lead_id, before, after)
        if isinstance(event, ErasureOrdered | ErasureFound):
            event = _as_action(event)
        if isinstance(event, ActionRequested):
            self._answer(lead_id, before, after, event)
        elif any(isinstance(decision, Answered) for decision in after.decisions):
            self._add("answered_twice", lead_id, after, what="an action that nobody requested was answered")
        if before is not None or isinstance(event, LeadArrived):
            self._owner(lead_id, former, after, event)
        if undone := undone_corrections(former, now, event):
            self._add("correction_undone", lead_id, after, fields=undone, event=_name(event))
        if now is None and (former is not None or isinstance(event, LeadArrived)):
            self._add("not_conserved", lead_id, after)
        if now is not None and now is not former and (problem := phase_problem(now)):
            self._add("phase_wrong", lead_id, after, what=problem)

    def note(self, lead_id: str, row: LeadRow) -> None:
        """Record the answers of a row that cannot be checked, so that later ones can be compared with them."""
        for decision in row.decisions:
            if isinstance(decision, Answered):
                self._repeated(lead_id, None, row, decision)

    # -- versions ------------------------------------------------------------------------------------------------

    def _version(self, lead_id: str, before: LeadRow | None, after: LeadRow) -> None:
        """Check that every change makes one version, and nothing else does."""
        if before is None:
            return
        same = after.lead is before.lead or after.lead == before.lead
        if after.seq != before.seq + (not same):
            text = f"version {before.seq} became {after.seq} though the lead {'did not change' if same else 'changed'}"
            self._add("version_wrong", lead_id, after, what=text)
        elif same and any(not isinstance(decision, _CHANGES_NOTHING) for decision in after.decisions):
            names = [_name(decision) for decision in after.decisions]
            if names != ["arrival_repeated"]:
                self._add("version_wrong", lead_id, after, what="decisions without a change", said=names)

    # -- answers -------------------------------------------------------------------------------------------------

    def _answer(self, lead_id: str, before: LeadRow | None, after: LeadRow, event: ActionRequested) -> None:
        """Check that each action has one answer, repeats get the first one, and it fits its row (Q8, X4)."""
        answers = [decision for decision in after.decisions if isinstance(decision, Answered)]
        if not answers and any(
            isinstance(decision, PlaceSought | MergeSought) for decision in after.decisions
        ):
            self._known_answers.sought.add((event.cause, lead_id))  # the org sends it back (M6)
            return
        if len(answers) != 1 or answers[0].action_id != event.cause:
            code = "answered_twice" if answers else "unanswered"
            self._add(code, lead_id, after, said=[answer.action_id for answer in answers])
            return
        answer = answers[0]
        if self._repeated(lead_id, before, after, answer):
            return
        is_own_org = after.lead is None or after.lead.facts.org == event.org
        owner = (
            after.lead.owner if after.lead and is_own_org else None
        )  # another org learns nothing of the lead
        version = after.seq if is_own_org else 0
        if answer.rep_id != event.rep_id or answer.action != event.action:
            self._add("answer_differs_from_row", lead_id, after, what="it answers another action")
        elif answer.owner != owner or answer.version != version:
            answered = {"owner": answer.owner, "version": answer.version}
            self._add(
                "answer_differs_from_row",
                lead_id,
                after,
                answer=answered,
                owner=owner,
                version=version,
            )
        if answer.result is Result.WON and owner != answer.rep_id:
            self._add("winner_is_not_owner", lead_id, after, winner=answer.rep_id, owner=owner)
        elif answer.result is Result.LOST and (
            owner is None or (owner == answer.rep_id and answer.action != "assign")
        ):
            self._add("loser_is_owner", lead_id, after, loser=answer.rep_id, owner=owner)

    def _repeated(self, lead_id: str, before: LeadRow | None, after: LeadRow, answer: Answered) -> bool:
        """Record an answer. Tell whether the action had been answered before, so that it changes nothing (X4)."""
        fingerprints = self._known_answers.setdefault((answer.action_id, lead_id), [])
        fingerprints.append(
            fingerprint(
                answer.rep_id, answer.action, answer.result, answer.reason, answer.owner, answer.version
            )
        )
        answers = before.answers if before else ()
        first = next(
            (
                earlier
                for earlier in answers
                if (earlier.action_id, earlier.org) == (answer.action_id, answer.org)
            ),
            None,
        )
        if first is not None:
            if first != answer:
                self._add("answered_twice", lead_id, after, action=answer.action_id)
            elif before is not None and after.seq != before.seq:
                self._add("answered_twice", lead_id, after, what="a repeated action changed the lead")
            return True
        # A row keeps only its newest answers. A later repeat is decided again.
        if _erased(before, after):
            answers = tuple(
                msgspec.structs.replace(earlier, why=earlier.why and ERASED) for earlier in answers
            )
        if before is not None and after.answers != (*answers, answer)[-ANSWERS_KEPT:]:
            self._add("answered_twice", lead_id, after, what="the row did not keep its answers")
        return False

    # -- the owner -----------------------------------------------------------------------------------------------

    def _owner(self, lead_id: str, former: Lead | None, after: LeadRow, event: LeadEvent) -> None:
        """Check that there is one owner at a time, each by a decision that names the one before (Q8, Q10)."""
        changes = [decision for decision in after.decisions if isinstance(decision, OwnerChanged)]
        had, has = (former.owner if former else None), (after.lead.owner if after.lead else None)
        at = had
        for change in changes:
            if change.previous_rep_id != at:
                self._add(
                    "owner_unexplained", lead_id, after, said_previous=change.previous_rep_id, previous=at
                )
            at = change.rep_id
        if at != has:
            self._add("owner_unexplained", lead_id, after, explained=at, owner=has, before=had)
        if changes and not _may_give(event, former, after, has):
            self._add("owner_replaced", lead_id, after, before=had, owner=has, event=_name(event))
        once, now = (former.claimed_through if former else None), (after.lead and after.lead.claimed_through)
        reopened = any(isinstance(decision, ClaimReopened) for decision in after.decisions)
        if once is not None and not reopened and (now != once or any(c.how == "claim" for c in changes)):
            self._add("claimed_again", lead_id, after, before=once, now=now)

    def _add(self, code: str, lead_id: str, row: LeadRow, **details: Any) -> None:
        self._findings.add(code, lead_id, details.pop("what", None), off=row.off, cause=row.cause, **details)


def _may_give(event: LeadEvent, former: Lead | None, after: LeadRow, owner: str | None) -> bool:
    """Tell whether the event may have given the lead this owner, or removed the one it had (X2)."""
    if isinstance(event, LeadArrived):
        return _arrival_gives(event, former, after, owner)
    if former is None:
        return False
    if isinstance(event, OrgAnswered):
        return _org_gives(event, former, after, owner)
    if not isinstance(event, ActionRequested):
        return False
    result = next((d.result for d in after.decisions if isinstance(d, Answered)), None)
    distribution = former.open_distribution
    if event.action in MOVES:
        return result is Result.DONE and _move_gives(event, former, owner)
    if event.action != "assign" and distribution is not None and distribution.stage in HELD_BACK:
        # The lead is offered. While the offer lasts, only the reps it is offered to may take it.
        offered = (
            distribution.stage in (DistributionStatus.OFFERED, DistributionStatus.RINGING)
            and event.rep_id in distribution.reps
        )
        lasts = distribution.until is None or distribution.until > after.at
        is_current = event.epoch is None or event.epoch == distribution.epoch
        wins = event.action in TAKES and result == TAKES[event.action]
        return former.owner is None and owner == event.rep_id and offered and lasts and is_current and wins
    recipient = event.to_rep_id if event.action == "assign" else event.rep_id
    is_free = former.owner is None or event.action in ("claim", "claim_now")
    return owner == recipient and event.action in GIVES and result == GIVES[event.action] and is_free


def _move_gives(event: ActionRequested, former: Lead, owner: str | None) -> bool:
    """Tell whether a move may have left this owner: the one it names, or nobody (M1)."""
    if event.from_rep_id not in (None, former.owner):
        return False
    if event.action == "reassign":
        return former.owner is not None and former.phase is not Phase.CLOSED and owner == event.to_rep_id
    closed = former.phase is Phase.CLOSED
    return former.owner is not None and owner is None and closed is (event.action == "reopen")


def _arrival_gives(event: LeadArrived, former: Lead | None, after: LeadRow, owner: str | None) -> bool:
    """Tell whether an arrival may have given an owner to a new lead (R5), or to one without an active owner (R6)."""
    recipient = None if event.facts.assigned_to is None else owner
    split = any(isinstance(decision, LeadSplit) for decision in after.decisions)
    if former is not None and split:  # its owner had left meanwhile (K5)
        hows = {decision.how for decision in after.decisions if isinstance(decision, OwnerChanged)}
        return owner is None and hows == {"orphaned"}
    if former is None:
        hows = {decision.how for decision in after.decisions if isinstance(decision, OwnerChanged)}
        return owner == recipient and hows == {"pre_assigned"}
    added = [decision for decision in after.decisions if isinstance(decision, InquiryAdded)]
    first = next(decision for decision in after.decisions if isinstance(decision, OwnerChanged))
    is_free = former.owner is None or (first.rep_id is None and first.how == "orphaned")
    return len(added) == 1 and added[0].rep_id is None and is_free and owner in (None, recipient)


def _org_gives(event: OrgAnswered, former: Lead, after: LeadRow, owner: str | None) -> bool:
    """Tell whether an org's answer may have made this ownership (R1), or ended it because the owner left."""
    answer, distribution = event.answer, former.open_distribution
    if former.phase is Phase.CLOSED:
        return False  # whoever closed it stays the owner for the record
    if isinstance(answer, LeadOrphaned):
        hows = {decision.how for decision in after.decisions if isinstance(decision, OwnerChanged)}
        return (
            owner is None
            and (former.owner, former.owned_epoch) == (answer.rep_id, answer.epoch)
            and hows == {"orphaned"}
        )
    if not isinstance(answer, OfferMade) or answer.window_seconds is not None or distribution is None:
        return False
    is_requested = (
        distribution.stage
        in (
            DistributionStatus.REQUESTED,
            DistributionStatus.PAUSED,
            DistributionStatus.IN_LINE,
            DistributionStatus.WAITING,
        )
        and distribution.epoch == answer.epoch
    )
    return former.owner is None and owner == answer.rep_id and is_requested


def phase_problem(lead: Lead) -> str | None:
    """Return what does not fit the lead's phase: owner, lock, placements or distribution. None if all fit (X7)."""
    phase, owned = lead.phase, lead.owner is not None
    if phase is not Phase.CLOSED and owned is not (phase in OWNED_PHASES):
        return f"it is {phase} and its owner is {lead.owner}"
    if (lead.lock is not None) is not (phase in LOCKED_PHASES):
        return f"it is {phase} and {'locked' if lead.lock else 'not locked'}"
    if phase is Phase.WORKING and lead.lock is not None and lead.lock.rep_id != lead.owner:
        return f"{lead.owner} owns it and {lead.lock.rep_id} has it open"
    if phase is Phase.QUEUED and not lead.placements:
        return "it is queued, but in no queue"
    if phase not in (Phase.QUEUED, Phase.OWNED) and lead.placements:
        return f"it is {phase} and stands in {', '.join(sorted(lead.placements))}"
    if (lead.open_exception is not None) is not (phase in (Phase.EXCEPTION, Phase.IGNORED)):
        return f"it is {phase} and {'has an' if lead.open_exception else 'has no'} open exception"
    stage = lead.open_distribution.stage if lead.open_distribution else None
    if (stage in HELD_BACK) is not (phase is Phase.OFFERED):
        return f"it is {phase} and its distribution is {stage or 'over'}"
    if stage is DistributionStatus.WAITING and phase not in (Phase.QUEUED, Phase.EXCEPTION):
        return f"it is {phase} and still waits for a rep"
    return None


def _as_action(event: ErasureOrdered | ErasureFound) -> ActionRequested:
    """Return the action that an order of an org, or its answer to a request, is answered as."""
    return ActionRequested(
        lead_id=event.lead_id, cause=event.cause, action="erase", rep_id=event.rep_id, org=event.org
    )


def _erased(before: LeadRow | None, after: LeadRow) -> bool:
    """Tell whether the record erased the lead. Its earlier answers then lose their reasons in words."""
    erased_before = before.lead.erased_at if before and before.lead else None
    return erased_before is None and after.lead is not None and after.lead.erased_at is not None


def _name(decision: Any) -> str:
    return str(decision.__struct_config__.tag)
