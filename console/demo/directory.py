"""What the demo's org has published: three claimable queues, two groups and twelve reps in two teams."""

from typing import Any, Final

AGED_DAYS: Final = 14

_FRESH: Final = {"field": "created_at", "operator": "inLast", "value": {"amount": AGED_DAYS, "unit": "day"}}
_OLD: Final = {**_FRESH, "operator": "notInLast"}
_SILENCED: Final = {
    "combinator": "and",
    "rules": [{"field": "silenced", "operator": "=", "value": True}],
}
_JUMBO: Final = {"field": "loan_amount", "operator": ">=", "value": 600_000}

QUEUES: Final[dict[str, dict[str, Any]]] = {
    "new": {
        "name": "New leads",
        "description": "Came in during the last two weeks, nobody has them yet",
        "claimable": True,
        "columns": ["state", "loan_purpose", "loan_amount", "credit_score"],
        "inclusion": {
            "combinator": "and",
            "rules": [{"field": "owned", "operator": "=", "value": False}, _FRESH],
        },
        "exclusion": {"combinator": "or", "rules": [*_SILENCED["rules"], _JUMBO]},
        "sort": {"field": "created_at", "direction": "desc"},
    },
    "aged": {
        "name": "Aged leads",
        "description": f"Not contacted for {AGED_DAYS} days, whoever has them",
        "claimable": True,
        "columns": ["state", "loan_purpose", "created_at", "last_contacted_at"],
        "inclusion": {
            "combinator": "or",
            "rules": [
                {
                    "combinator": "and",
                    "rules": [{"field": "last_contacted_at", "operator": "null"}, _OLD],
                },
                {**_OLD, "field": "last_contacted_at"},
            ],
        },
        "exclusion": {"combinator": "or", "rules": [*_SILENCED["rules"], _JUMBO]},
        "sort": {"field": "created_at", "direction": "asc"},
    },
    "blind": {
        "name": "Large loans, blind",
        "description": "600,000 and more: a name, nothing else, until you claim it",
        "claimable": True,
        "columns": [],
        "inclusion": {
            "combinator": "and",
            "rules": [{"field": "owned", "operator": "=", "value": False}, _JUMBO],
        },
        "exclusion": _SILENCED,
        "sort": {"field": "loan_amount", "direction": "desc"},
    },
}

_NAMES: Final = (
    "Alex Thompson",
    "Maria Alvarez",
    "Sam Okafor",
    "Priya Raman",
    "Dana Whitfield",
    "Luis Herrera",
    "Grace Kim",
    "Tom Brennan",
    "Aisha Karim",
    "Ben Novak",
    "Chloe Martin",
    "Ray Delgado",
)
REPS: Final[dict[str, dict[str, Any]]] = {
    f"rep-{number}": {"name": name, "role": "rep", "teams": ["west" if number % 2 else "east"]}
    for number, name in enumerate(_NAMES, start=1)
}
SETTINGS: Final = {"lock_minutes": 5}
_ROSTER: Final = [{"rep_id": rep_id} for rep_id in REPS]
GROUPS: Final[dict[str, dict[str, Any]]] = {
    "turns": {
        "name": "In turn",
        "method": "round_robin",
        "members": _ROSTER,
        "claim_window_seconds": 10,
    },
    "shotgun": {"name": "Ring all", "method": "ring_all", "members": _ROSTER, "ring_seconds": 10},
}
CAMPAIGNS: Final[dict[str, dict[str, Any]]] = {
    "refinance-west": {"name": "Refinance, west", "group_id": "turns"},
    "home-equity-west": {"name": "Home equity, west", "group_id": "shotgun"},
}
"""Most of the sample comes through other campaigns, and so into the queues."""
