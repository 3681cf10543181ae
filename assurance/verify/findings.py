"""Defines the findings of `verify`: each code with its kind and its meaning."""

from collections import Counter
from collections.abc import Collection
from enum import StrEnum
from typing import Any, Final

import msgspec


class FindingKind(StrEnum):
    """The kind of a finding: what it means for people who rely on the system."""

    LOST = "lost"
    """Something that was accepted or decided is missing where it must be."""
    DOUBLE_OWNED = "double_owned"
    """A lead had two owners, or an owner that no decision made."""
    CONTRADICTED = "contradicted"
    """Two places that must agree differ about the same lead or action."""
    OVERDUE = "overdue"
    """A deadline has passed without effect."""
    EXPOSED = "exposed"
    """Data of an erased person can still be read."""
    BEHIND = "behind"
    """A reader had not caught up, or a store could not be read. Its content was not checked."""


_L, _D, _C = FindingKind.LOST, FindingKind.DOUBLE_OWNED, FindingKind.CONTRADICTED
_O, _B = FindingKind.OVERDUE, FindingKind.BEHIND
_E = FindingKind.EXPOSED

CODES: Final[dict[str, tuple[FindingKind, str]]] = {
    # inbound
    "arrival_lost": (_L, "an arrival that can be read is not in lead-log"),
    "action_lost": (_L, "an action that can be read was never answered in the journal"),
    "publication_lost": (_L, "a publication that holds is not in every partition of the journal"),
    "listing_lost": (
        _L,
        "the newest record of a phone or address in do-not-contact is not known to its org (X6)",
    ),
    "suppression_differs": (_C, "a lead and the do-not-contact list disagree about one of its handles (X6)"),
    "refusal_lost": (_L, "a message that cannot be accepted is not among the dead letters"),
    "buried_unasked": (_C, "a message that can be accepted is among the dead letters"),
    "internal_dead_letter": (_L, "a record of ours is among the dead letters"),
    # log and journal
    "event_without_record": (_L, "an event of lead-log has no record in the journal"),
    "record_late": (_L, "a record comes after one of a later event: its readers pass over it"),
    "record_without_event": (_C, "a journal record has no event in lead-log"),
    "record_unreadable": (_C, "a record of a log of ours cannot be read"),
    "repeat_differs": (_C, "the same event was decided twice, differently"),
    "journal_contradicts_log": (_C, "the log, replayed, gives another row than the journal has"),
    "machine_failed": (_C, "the machine could not decide an event"),
    # one lead's records in order
    "owner_unexplained": (_D, "the owner changed without a decision that says so"),
    "owner_replaced": (_D, "a lead got an owner by an event that may not give it one"),
    "winner_is_not_owner": (_D, "an answer says won, and the row has another owner"),
    "loser_is_owner": (_D, "an answer says lost, and the row has no other owner"),
    "claimed_again": (_D, "a lead was claimed a second time through a claimable queue (Q10)"),
    "correction_undone": (_C, "an event that is no action changed what a person had corrected (M2)"),
    "answered_twice": (_C, "one action has two different answers (X4)"),
    "answer_differs_from_row": (_C, "an answer names another owner or version than its row"),
    "unanswered": (_L, "an action's record holds no answer to it"),
    "version_wrong": (_C, "a lead's version does not count its changes"),
    "phase_wrong": (_C, "a lead's phase does not fit its owner, lock and placements (X7)"),
    "not_conserved": (_L, "leads in are not the leads there are (X7)"),
    "leads_do_not_add_up": (_L, "the leads of all phases are not as many as came in (X7)"),
    "deadline_early": (_C, "a deadline took effect before it was due (X3)"),
    "deadline_overdue": (_O, "a deadline is past and still in its row"),
    # public topics
    "not_published": (_L, "a message the journal causes is not in its topic"),
    "published_differs": (_C, "a public message is not what the journal says"),
    "published_unasked": (_C, "a public message has no cause in the journal"),
    "version_went_back": (_C, "an older version of a lead follows a newer one in a compacted topic"),
    "newest_is_stale": (_C, "the newest record of a lead in a compacted topic is not its newest version"),
    # orgs
    "org_event_without_record": (_L, "an event of org-log has no step in org-journal"),
    "org_record_without_event": (_C, "a record of org-journal has no event in org-log"),
    "org_journal_contradicts_log": (_C, "org-log, replayed, gives other records than org-journal has"),
    "org_publication_lost": (_L, "a publication that holds is not known to its org"),
    "org_count_wrong": (_C, "a rep's row counts other leads than the org says it has"),
    "over_cap": (_C, "an offer took a rep over its cap (R9)"),
    "rings_twice": (_C, "two leads ring with one rep at once (S4)"),
    "lead_unasked": (_O, "a lead waits without a request, and its campaign has a group to ask (M5)"),
    "lead_unoffered": (_O, "a lead waits, and its group has a rep who may have it (M5)"),
    "wake_overdue": (_O, "an org's row was to be looked at again and was not"),
    # messages between leads and orgs
    "errand_lost": (_L, "what a lead's record tells its org is not in org-log"),
    "errand_differs": (_C, "an event of org-log is not what the lead's record says"),
    "errand_unasked": (_C, "an event of org-log has no cause in the lead journal"),
    "org_answer_lost": (_L, "what an org tells a lead is not in lead-log"),
    "org_answer_differs": (_C, "an answer in lead-log is not what the org's step says"),
    "org_answer_unasked": (_C, "an answer in lead-log has no cause in org-journal"),
    "org_silent": (_L, "a lead asks for a rep, and its org does not answer"),
    "org_missing": (_L, "a lead is held, offered or waits, and its org has no row of it"),
    "org_differs": (_C, "an org says another stage, epoch or rep of a lead than the lead does"),
    "inquiries_differ": (_L, "an org knows of another number of arrivals of a lead than the lead does (R6)"),
    "org_unasked": (_C, "an org counts a lead that uses none of its capacity"),
    # requests and their fates
    "fate_missing": (_L, "a courier has passed a request without a fate (N1)"),
    "fate_unasked": (_C, "a fate belongs to no request (N1)"),
    # telephone calls
    "call_unasked": (_C, "a leg of a call belongs to no request (N4)"),
    "leg_unended": (_O, "a leg of a call has no end (N4)"),
    # CRM database
    "crm_missing": (_L, "the CRM database lacks what the journal has"),
    "crm_differs": (_C, "the CRM database disagrees with the journal"),
    "crm_unasked": (_C, "the CRM database has what the journal has not"),
    # what vendors see
    "vendor_report_differs": (_C, "vendor-reports has not what the CRM database counted for an hour (V6)"),
    # board
    "board_missing": (_L, "a lead is in a queue, but not in its list"),
    "board_differs": (_C, "a lead has another position in its list than in its queue"),
    "board_unasked": (_C, "a list shows a lead that does not stand in its queue"),
    # erased persons
    "erased_found": (_E, "data of an erased person is still there"),
    "erased_unknown": (_E, "erased persons cannot be searched for"),
    # readers
    "behind": (_B, "a reader has not caught up"),
    "unreachable": (_B, "a store could not be read"),
}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong. `what`: a sentence. `details`: the compared values, as JSON."""

    code: str
    lead_id: str
    what: str
    details: dict[str, Any] = {}

    @property
    def kind(self) -> FindingKind:
        """The kind of the finding."""
        return CODES[self.code][0]

    def __str__(self) -> str:
        about = f" {self.lead_id}" if self.lead_id else ""
        details = f" {self.details}" if self.details else ""
        return f"{self.code}{about}: {self.what}{details}"


KEPT: Final = 200
"""How many findings of one code are kept. The rest is counted, because one cause often affects thousands of leads."""


class Findings:
    """Collects findings. A difference between two moving parts may be temporary, so it is settled at the end."""

    def __init__(self) -> None:
        self.found: list[Finding] = []
        self.counts: Counter[str] = Counter()
        self._unsettled: list[Finding] = []

    def add(self, code: str, lead_id: str, what: str | None = None, **details: Any) -> None:
        """Add a finding. `what` defaults to the meaning of its code."""
        self._keep(_finding(code, lead_id, what, details))

    def suspect(self, code: str, lead_id: str, what: str | None = None, **details: Any) -> None:
        """Add a finding that does not count if the lead has changed since (`settle`)."""
        self._unsettled.append(_finding(code, lead_id, what, details))

    def settle(self, moving: Collection[str]) -> None:
        """Keep the suspected findings of leads that have not changed."""
        for finding in self._unsettled:
            if finding.lead_id not in moving:
                self._keep(finding)
        self._unsettled.clear()

    def _keep(self, finding: Finding) -> None:
        self.counts[finding.code] += 1
        if self.counts[finding.code] <= KEPT:
            self.found.append(finding)

    def of_kind(self, kind: FindingKind) -> int:
        """Return the number of findings of a kind."""
        return sum(count for code, count in self.counts.items() if CODES[code][0] is kind)


def _finding(code: str, lead_id: str, what: str | None, details: dict[str, Any]) -> Finding:
    return Finding(code=code, lead_id=lead_id, what=what or CODES[code][1], details=details)
