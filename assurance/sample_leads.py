"""Generates realistic mortgage leads from a seed, as vendors send them, with the vendors' habits and repeats.

State, city, zip and area code of a lead agree. Mail addresses end in the reserved `example` domains. Phone numbers
are in the exchange 555, which nobody has.
"""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from assurance.sample_places import PLACES, SampleCity, region
from models.geography import zones_of_zip

RESENDS: Final = 0.03
"""Share of leads that are sent again, with the same id and something added."""
SAME_PERSON: Final = 0.01
"""Share of leads whose person has come before, through another vendor (R6)."""
SILENCED: Final = 0.04
AGED: Final = 0.2
"""Share of leads that are 30 to 150 days old when they arrive."""
_TRIES: Final = 1_000
"""How often a new random phone number or address is tried if one is taken."""
_REMEMBERED: Final = 200
"""How many of the newest leads may be resent."""


def _words(text: str) -> list[str]:
    return text.split()


_FIRST: Final = _words(
    "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard"
    " Susan Joseph Jessica Thomas Karen Carlos Maria Jose Guadalupe Luis Rosa Wei Mei Minh Linh Raj"
    " Priya Omar Fatima Dmitri Olga Kwame Aisha Tyrone Keisha Sean Siobhan Jeremy Alexis Brandon"
    " Danielle Kyle Megan Trevor Hannah Isaac Naomi Hiroshi Yuki Pedro Camila Andre Monique Ethan"
    " Chloe Walter Dorothy"
)
_LAST: Final = _words(
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez"
    " Gonzalez Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris"
    " Sanchez Clark Ramirez Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill"
    " Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts Patel Kim Chen Khan"
    " O'Brien Murphy Cohen Kowalski Schmidt Okafor"
)
_MAIL: Final = ("example.com", "example.org", "example.net")
_PURPOSES: Final = {"purchase": 45, "refinance": 30, "cash_out": 15, "home_equity": 10}
_LOANS: Final = {"purchase": 1.0, "refinance": 0.85, "cash_out": 0.9, "home_equity": 0.25}
"""The size of a loan for this purpose, relative to the usual one."""
_HOMES: Final = {"single_family": 68, "condo": 14, "townhouse": 10, "multi_family": 5, "manufactured": 3}
JUMBO: Final = 600_000
"""From this loan amount on, in dollars, most leads are sold as large ones."""


class SampleId(NamedTuple):
    """What identifies a lead: the sample's seed and the lead's number in it."""

    seed: int
    number: int


def _acme(lead: dict[str, Any], sample_id: SampleId, _: random.Random) -> None:
    """Follow the contract's example: its spelling of phones, its ids."""
    lead["external_id"] = f"A-{sample_id.seed:06d}-{sample_id.number:06d}"
    digits = lead["phone"]
    lead["phone"] = f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"


def _globex(lead: dict[str, Any], sample_id: SampleId, rng: random.Random) -> None:
    """Write amounts and states as people do, and add the page the lead came from."""
    lead["external_id"] = sample_id.seed * 10_000_000 + 700_000 + sample_id.number
    lead["loan_amount"] = f"${lead['loan_amount']:,}"
    lead["state"] = _STATE_NAMES.get(lead["state"], lead["state"])
    lead["landing_page"] = f"/rates/{rng.choice(('fixed-30', 'fixed-15', 'arm-5', 'fha', 'va'))}"


def _hearth_vendor(lead: dict[str, Any], sample_id: SampleId, rng: random.Random) -> None:
    """Send hex ids, E.164 phones, yes and no, and the click's origin."""
    lead["external_id"] = f"{rng.getrandbits(64):016x}"
    lead["phone"] = f"+1{lead['phone']}"
    lead["consent"] = "yes" if lead.get("consent") else "no"
    lead["attributes"] = {
        "utm_source": rng.choice(("mail", "search", "social", "partner")),
        "click": sample_id.number,
    }


def _corner_vendor(lead: dict[str, Any], _: SampleId, rng: random.Random) -> None:
    """Send no ids, and often no credit score, like a form on a broker's own page."""
    lead["phone"] = f"{lead['phone'][:3]}.{lead['phone'][3:6]}.{lead['phone'][6:]}"
    if rng.random() < 0.5:  # noqa: PLR2004  # often
        lead.pop("credit_score")


Habit = Callable[[dict[str, Any], SampleId, random.Random], None]
VENDORS: Final[dict[str, tuple[int, Habit]]] = {
    "acme": (45, _acme),
    "globex": (25, _globex),
    "hearth": (20, _hearth_vendor),
    "corner-form": (10, _corner_vendor),
}
"""Vendor -> its weight and its habits."""
_STATE_NAMES: Final = {"CA": "California", "TX": "Texas", "FL": "Fla.", "NY": "New York", "RI": "R.I."}


def sample_leads(
    n: int = 2000,
    seed: int = 1,
    *,
    now: datetime | None = None,
    org: str | None = None,
    in_use: frozenset[str] = frozenset(),
) -> Iterator[dict[str, Any]]:
    """Yield `n` messages for `lead-arrivals`. They depend only on `seed`, `now` (aware; else the clock) and `in_use`.

    Vendors' ids differ from seed to seed. `in_use`: phone numbers (ten digits) and mail addresses in use, so that none
    of the sample's people is taken for one of those (R6). Resends count: about 3 of 100 messages repeat an earlier
    lead's id, so there are fewer leads than messages. Raises ValueError when the numbers run out.
    """
    rng = random.Random(seed)  # noqa: S311  # a sample is to be repeatable, not a secret
    at = now or datetime.now(UTC).replace(microsecond=0)
    used = set(in_use)
    sent: list[dict[str, Any]] = []
    for number in range(1, n + 1):
        roll = rng.random()
        if sent and roll < RESENDS:
            yield _resent(rng.choice(sent), rng)
            continue
        person = None
        if sent and roll < RESENDS + SAME_PERSON:
            person = rng.choice(sent)
        lead = _lead(rng, SampleId(seed, number), at, used, person)
        if org is not None:
            lead["org"] = org
        sent = [*sent, lead][-_REMEMBERED:]
        yield lead


def _lead(
    rng: random.Random, sample_id: SampleId, now: datetime, used: set[str], person: dict[str, Any] | None
) -> dict[str, Any]:
    place = rng.choices(PLACES, [place.weight for place in PLACES])[0]
    purpose = _pick(rng, _PURPOSES)
    vendor = rng.choices([*VENDORS], [weight for weight, _ in VENDORS.values()])[0]
    zip_code = rng.choice(place.zips)
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    lead: dict[str, Any] = {
        "vendor": vendor,
        "first_name": first,
        "last_name": last,
        "email": _mail(rng, first, last, used),
        "phone": _phone(rng, place, used),
        "state": place.state,
        "zip": zip_code,
        "loan_purpose": purpose,
        "loan_amount": _amount(rng, place.loan * _LOANS[purpose]),
        "credit_score": round(min(845, max(510, rng.gauss(706, 62)))),
        "property_type": _pick(rng, _HOMES),
        "created_at": _created(rng, now, zip_code),
        "silenced": rng.random() < SILENCED,
    }
    if rng.random() < 0.9:  # noqa: PLR2004  # nearly all say something about consent
        lead["consent"] = rng.random() < 0.97  # noqa: PLR2004  # and nearly all agree
    lead["campaign"] = _campaign(rng, lead, now)
    if person is not None:
        lead |= {name: person[name] for name in ("first_name", "last_name", "email", "zip")}
        lead |= {"phone": _digits(person["phone"]), "state": person["state"]}
    VENDORS[vendor][1](lead, sample_id, rng)
    return lead


def _campaign(rng: random.Random, lead: dict[str, Any], now: datetime) -> str:
    """Return the lead's campaign: one of the lender's five, or one that is not set up there."""
    area, purpose = region(lead["state"]), lead["loan_purpose"]
    if now - datetime.fromisoformat(lead["created_at"]) > timedelta(days=28) and rng.random() < 0.5:  # noqa: PLR2004
        return "winback"
    if lead["loan_amount"] >= JUMBO and rng.random() < 0.7:  # noqa: PLR2004  # most
        return "large-loans"
    if area == "west" and purpose == "purchase":
        return "purchase-west"
    if area == "midwest" and purpose in ("refinance", "cash_out"):
        return "refinance-midwest"
    if area in ("east", "south") and rng.random() < 0.15:  # noqa: PLR2004  # few call
        return "live-east"
    return f"{purpose.replace('_', '-')}-{area}"


def _resent(lead: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Return a lead as its vendor sends it again: unchanged without an id, else with something more."""
    if "external_id" not in lead:
        return {**lead}
    return {
        **lead,
        "attributes": {
            **lead.get("attributes", {}),
            "times_sent": 2,
            "best_time": rng.choice(("morning", "evening")),
        },
    }


def _pick(rng: random.Random, weights: dict[str, int]) -> str:
    return rng.choices([*weights], [*weights.values()])[0]


def _phone(rng: random.Random, place: SampleCity, used: set[str]) -> str:
    """Return ten digits that no other lead has. If this place's numbers run out, use another place's."""

    def candidates() -> Iterator[str]:
        for time in range(2 * _TRIES):
            here = place if time < _TRIES else rng.choice(PLACES)
            yield f"{rng.choice(here.area_codes)}555{rng.randrange(10_000):04d}"

    return _new(candidates(), used)


def _mail(rng: random.Random, first: str, last: str, used: set[str]) -> str:
    """Return an address that no other lead has."""
    name = f"{first}.{last.replace(chr(39), '')}".lower()
    return _new((f"{name}{rng.randrange(1, 10_000)}@{rng.choice(_MAIL)}" for _ in range(_TRIES)), used)


def _new(candidates: Iterator[str], used: set[str]) -> str:
    """Return the first value that is not taken, and mark it as taken."""
    for candidate in candidates:
        if candidate not in used:
            used.add(candidate)
            return candidate
    raise ValueError(
        "the sample has no phone numbers and addresses left that are nobody's: use another state folder"
    )


def _digits(phone: str) -> str:
    return "".join(filter(str.isdigit, phone))[-10:]


def _amount(rng: random.Random, usual: float) -> int:
    """Return whole thousands around the usual loan, in dollars. Half of them are within a third of it."""
    return max(30, round(usual * rng.lognormvariate(0, 0.4))) * 1000


def _created(rng: random.Random, now: datetime, zip_code: str) -> str:
    """Return when the vendor made the lead, in local time: most in recent days, some long ago."""
    days = rng.uniform(30, 150) if rng.random() < AGED else min(25.0, rng.expovariate(1 / 1.5))
    at = now - timedelta(seconds=round(days * 86_400))
    zone = next(iter(zones_of_zip(zip_code)), None)
    return at.astimezone(ZoneInfo(zone) if zone else UTC).isoformat()
