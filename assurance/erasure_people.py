"""Defines the org and the persons of a run that erases persons. Nobody else has their names, addresses and numbers."""

from typing import Any, Final

from assurance.erasure_search import MARK
from models.ids import lead_id

ORG: Final = "erasure"
ADMIN: Final = "ada"


def nth_person(n: int) -> dict[str, Any]:
    """Return the message of the n-th person."""
    return {
        "vendor": "acme",
        "external_id": f"p-{n}",
        "org": ORG,
        "campaign": "all",
        "first_name": f"Anna {MARK.title()}{n}",
        "last_name": f"{MARK.title()}{n} Berg",
        "email": f"{MARK}{n}@a.org",
        "phone": f"(339) 22{n // 10_000}-{n % 10_000:04d}",
        "state": "MA",
        "loan_purpose": "purchase",
        "loan_amount": 250_000 + n,
        "attributes": {"spouse": f"Maria {MARK}{n}"},
    }


def lead_of(person: dict[str, Any]) -> str:
    """Return the id of a person's lead."""
    return lead_id(ORG, person["vendor"], person["external_id"], person)


def directory() -> dict[tuple[str, str], dict[str, Any]]:
    """Return what the org publishes."""
    massachusetts = {"combinator": "and", "rules": [{"field": "state", "operator": "=", "value": "MA"}]}
    return {
        ("settings", "settings"): {"refuse_erased": True},
        ("rep", ADMIN): {"rep_id": ADMIN, "role": "admin"},
        ("rep", "rep-1"): {"rep_id": "rep-1"},
        ("campaign", "all"): {"campaign_id": "all"},
        ("queue", "ma"): {
            "queue_id": "ma",
            "claimable": True,
            "columns": ["phone", "email"],
            "inclusion": massachusetts,
        },
    }
