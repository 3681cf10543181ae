"""The data that schedules draw from: campaigns, groups and caps, and what reps do with the leads they get."""

from typing import Any, Final

REPS: Final = ("rep-3", "rep-7", "rep-9")
ROSTER: Final = [{"rep_id": rep_id} for rep_id in REPS]
CAMPAIGNS: Final = ("west", "west", "ring", None, None)

GROUPS: Final[dict[str, list[dict[str, Any]]]] = {
    "west": [
        {"method": "round_robin", "members": ROSTER, "claim_window_seconds": 300},
        {"method": "round_robin", "members": ROSTER, "claim_window_seconds": 300},
        {"method": "round_robin", "members": ROSTER},
        {
            "method": "round_robin",
            "members": ROSTER[1:],
            "claim_window_seconds": 60,
            "pause": [{"days": ["fri", "sat", "sun"], "from": "14:14", "to": "14:40"}],
        },
    ],
    "ring": [
        {"method": "ring_all", "members": ROSTER, "ring_seconds": 60},
        {"method": "distribute_all", "members": ROSTER[:2], "ring_seconds": 300},
    ],
}
"""Group id -> the objects that may be published for it."""

TERMS: Final[list[tuple[str, dict[str, Any] | None]]] = [
    ("rep-3", {"teams": ["east"], "max_open": 1}),
    ("rep-3", {"teams": ["east"]}),
    ("rep-7", {"teams": ["west"], "max_open": 1}),
    ("rep-7", {"teams": ["west"], "active": False}),
    ("rep-7", {"teams": ["west"], "max_open": 2}),
    ("rep-9", {"teams": ["west"], "active": False}),
    ("rep-9", {"teams": ["west"], "max_open": 1, "max_per_day": 2}),
    ("rep-3", {"teams": ["east"], "availability": "paused"}),
    ("rep-7", {"teams": ["west"], "availability": "last_lead", "availability_at": "2026-11-20T10:00:00Z"}),
    ("rep-7", {"teams": ["west"], "availability": "last_lead", "availability_at": "2026-11-20T11:00:00Z"}),
    ("rep-9", None),
    ("rep-9", {"teams": ["west"]}),
]
"""Publications that switch reps off and on again and change their caps."""

HANDLES: Final[list[dict[str, Any]]] = [
    *[{}] * 8,
    {"phone": "+14014194247"},
    {"phone": "+14014190001", "email": "k@x.org"},
    {"phone": "+14014190001", "email": "j@x.org"},
    {"email": "k@x.org"},
    {"phone": "+14014190001", "last_name": "Roe"},
    {"phone": "+14014190002", "email": "k@x.org", "last_name": "Doe"},
    {"phone": "+18004194247", "email": "none@none.com", "last_name": "Doe"},
]
"""The phone or email of each person. Most have none; some share a phone or an address (R6).

Without a last name here, each lead has its own. So handles are met with three names, and ids are reused (K1, K6).
"""
LISTED: Final = ("phone/+14014194247", "email/j@x.org", "phone/+18004194247")
"""Handles that are put on the do-not-contact list and taken off it (X6)."""

ANSWERS: Final[list[tuple[str, dict[str, Any]]]] = [
    ("accept", {}),
    ("accept", {"epoch": 1}),
    ("decline", {}),
    ("press_one", {}),
    ("hang_up", {}),
    ("connect", {}),
    ("note", {"note": "n"}),
    ("claim", {}),
    ("outcome", {"outcome": "closed_won"}),
]
"""The answers of a rep to an offer."""
