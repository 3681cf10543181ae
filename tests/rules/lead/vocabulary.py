"""A small set of leads, reps, queues and actions for random tests. It is small so that they often interact."""

from datetime import timedelta
from typing import Any, Final

from tests.rules.lead.lead_scenario import where

LEADS: Final = ("A-1", "A-2", "A-3")
REPS: Final = ("rep-3", "rep-7", "rep-9", "mia", "ada")

QUEUES: Final[dict[str, list[dict[str, Any] | None]]] = {
    "all": [
        {"sort": {"field": "arrived_at"}, "columns": ["phase", "failure_reason", "notes"]},
        {"inclusion": where(("silenced", "=", False)), "sort": {"field": "last_contacted_at"}},
        {"inclusion": where(("state", "=", "TX"))},
        None,
    ],
    "fresh": [
        {"inclusion": where(("created_at", "inLast", "1 day")), "exclusion": where(("state", "=", "TX"))},
        {"inclusion": where(("created_at", "inLast", "14 day")), "columns": ["email", "state"]},
        None,
    ],
    "retry": [
        {
            "inclusion": where(("last_contacted_at", "notInLast", "1 hour")),
            "sort": {"field": "last_contacted_at", "direction": "desc"},
            "columns": ["last_contacted_at", "last_outcome"],
        },
        {"inclusion": where(("callback_at", "inNext", "1 hour")), "teams": ["west"]},
    ],
    "cold": [
        {"inclusion": where(("arrived_at", "notInLast", "14 day"))},
        {"inclusion": where(("arrived_at", "notInLast", "14 day"), ("last_outcome", "null", None))},
        None,
    ],
    "new": [
        {"claimable": True, "inclusion": where(("owned", "=", False), ("arrived_at", "notInLast", "1 hour"))},
        {"claimable": True, "inclusion": where(("owned", "=", False)), "teams": ["west"]},
        None,
    ],
    "aged": [
        {
            "claimable": True,
            "inclusion": where(("owned", "=", True)),
            "exclusion": where(
                ("last_contacted_at", "inLast", "1 day"), ("assigned_at", "inLast", "1 day"), combinator="or"
            ),
        },
        {"claimable": True, "inclusion": where(("claimed_once", "=", True))},
        {
            "claimable": True,
            "inclusion": where(("days_in_queue", ">=", 14), ("owner_last_contacted_at", "null", None)),
        },
        {"claimable": True, "inclusion": where(("owned_by_active", "=", False))},
        {"claimable": True},
        None,
    ],
}
"""Queue id -> the objects that may be published for it; None removes it."""

SETTINGS: Final[list[dict[str, Any] | None]] = [
    {"lock_minutes": 5},
    {"lock_minutes": 90, "auto_claim_on_timed_callback": False},
    {"closing_outcomes": ["talked"]},
    {"owners_may_reassign": True},
    {"enforce_caps": True},
    {"enforce_caps": True, "lock_minutes": 5},
    {"protect_assigned_minutes": 0},
    {"protect_assigned_minutes": 2 * 1440},
    {"do_not_contact_outcomes": ["no answer"], "closing_outcomes": []},
    {"shared_handles": ["(401) 419-4247", "k@x.org"]},
    None,
]

REP_CHANGES: Final[list[tuple[str, dict[str, Any]]]] = [
    ("rep-7", {"teams": ["west"], "active": False}),
    ("rep-7", {"teams": ["west"]}),
    ("rep-7", {"teams": ["east"]}),
    ("mia", {"role": "rep", "teams": ["west"]}),
    ("mia", {"role": "manager"}),
]

FACTS: Final[list[dict[str, Any]]] = [
    {},
    {"state": "TX"},
    {"state": None},
    {"email": "j@x.org", "silenced": True},
    {"assigned_to": "rep-7"},
    {"assigned_to": "nobody"},
    {"campaign": "west"},
    {"campaign": "west", "phone": "+14014194247"},
    {"campaign": "west", "state": "TX"},
]

Action = tuple[str, dict[str, Any]]
"""An action's type and fields. `in` of a callback is the time until the call; the caller turns it into an instant."""

CORRECTIONS: Final[list[dict[str, Any]]] = [
    {"state": "TX"},
    {"state": "RI", "email": None},
    {"email": "j@x.org", "phone": "+14014194247"},
    {"silenced": False},
    {"silenced": True, "consent": True},
    {"state": None, "time_zone": None},
]
"""Facts as people correct them, in the form that intake reads them."""

WORK: Final[list[Action]] = [
    ("release", {}),
    ("claim_now", {}),
    ("note", {"note": "n"}),
    ("activity", {"kind": "call"}),
    ("activity", {"kind": "todo", "note": "n"}),
    ("sms", {}),
    ("dial", {}),
    ("update", {"facts": {"state": "TX"}}),
    ("consent", {"why": "agreed on the phone"}),
    *(
        ("outcome", {"outcome": outcome})
        for outcome in ("talked", "no answer", "closed_won", "do_not_contact")
    ),
    *(
        ("callback", {"in": length})
        for length in (timedelta(minutes=30), timedelta(days=2), timedelta(-1), None)
    ),
]
"""Actions of a rep on a lead."""

OFFERED: Final[list[Action]] = [
    ("accept", {}),
    ("press_one", {}),
    ("claim", {}),
    ("claim_now", {}),
    ("decline", {}),
    ("hang_up", {}),
    ("connect", {}),
    ("dial", {}),
    ("view", {}),
    ("note", {"note": "n"}),
    ("sms", {}),
    ("outcome", {"outcome": "talked"}),
    ("outcome", {"outcome": "closed_won"}),
    ("callback", {}),
    ("ignore", {}),
]
"""What a rep may try with a lead that is or was offered to the rep."""

DESK: Final[list[Action]] = [
    ("assign", {"to_rep_id": "rep-7"}),
    ("assign", {"to_rep_id": "rep-9"}),
    ("assign", {"to_rep_id": "rep-9", "override_cap": True, "why": "she asked for it"}),
    ("ignore", {}),
    ("ignore", {}),
    ("unignore", {}),
    ("release", {"why": "it is stuck"}),
    ("reopen_claimable", {}),
    ("view", {"view_only": True}),
    ("erase", {}),
    ("reassign", {"to_rep_id": "rep-7", "why": "to share"}),
    ("reassign", {"to_rep_id": "rep-9", "why": "to share", "from_rep_id": "rep-7"}),
    ("unassign", {"why": "back"}),
    ("redistribute", {}),
    ("consent", {"why": "agreed on the phone"}),
    ("reopen", {"why": "it came back"}),
    ("split", {"inquiry_id": "A-2"}),
    ("merge", {}),
    ("reopen", {"why": "it came back"}),
    *(("update", {"facts": facts, "why": "as told on the phone"}) for facts in CORRECTIONS),
]
"""Actions of a manager on a lead."""

ACTIONS: Final[list[Action]] = [
    *WORK,
    *DESK,
    *(("claim", {"queue_id": queue_id}) for queue_id in ("new", "aged", "all", "gone", None)),
    ("outcome", {}),
    ("assign", {"to_rep_id": "nobody"}),
    ("reassign", {"to_rep_id": "rep-9", "why": "mine to give"}),
    ("reassign", {"to_rep_id": "rep-9"}),
    ("update", {}),
    ("update", {"invalid": "facts.phone: is not a phone number"}),
    ("accept", {"epoch": 1}),
    ("consent", {}),
    ("dance", {}),
    ("view", {"invalid": "queue_id: must be text, not a list"}),
]
"""All actions, both allowed and not."""

LENGTHS: Final = (
    timedelta(seconds=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(days=14),
)
