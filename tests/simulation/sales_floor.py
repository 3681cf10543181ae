"""Who gets leads, and what they do with them: campaigns, groups, caps and answers for a schedule to draw from."""

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
"""group id -> what it may be published as."""

TERMS: Final[list[tuple[str, dict[str, Any] | None]]] = [
    ("rep-3", {"teams": ["east"], "max_open": 1}),
    ("rep-3", {"teams": ["east"]}),
    ("rep-7", {"teams": ["west"], "max_open": 1}),
    ("rep-7", {"teams": ["west"], "active": False}),
    ("rep-7", {"teams": ["west"], "max_open": 2}),
    ("rep-9", {"teams": ["west"], "active": False}),
    ("rep-9", {"teams": ["west"], "max_open": 1, "max_per_day": 2}),
    ("rep-9", None),
    ("rep-9", {"teams": ["west"]}),
]
"""Reps are switched off and on again, and their caps change."""

HANDLES: Final[list[dict[str, Any]]] = [
    *[{}] * 8,
    {"phone": "+14014194247"},
    {"phone": "+14014190001", "email": "k@x.org"},
    {"phone": "+14014190001", "email": "j@x.org"},
    {"email": "k@x.org"},
]
"""What people are known by: most have nothing of it, some share a phone or an address (R6)."""
LISTED: Final = ("phone/+14014194247", "email/j@x.org")
"""What is put on the do-not-contact list, and off again (X6)."""

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
"""What a rep answers to an offer."""
