"""Believable mortgage leads from a seed: nobody's, but as vendors send them, with their habits and their repeats.

State, city, zip and area code of a lead agree. Mail addresses end in the reserved `example` domains, phone numbers
lie in the exchange 555, which is nobody's.
"""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from models.places import time_zone

RESENDS: Final = 0.03
"""Share of leads that are sent once more, with the same id and something filled in."""
SAME_PERSON: Final = 0.01
"""Share of leads whose person has come before, through another vendor (R6)."""
SILENCED: Final = 0.04
AGED: Final = 0.2
"""Share of leads that are 30 to 150 days old when they arrive."""
_REMEMBERED: Final = 200
"""How many of the newest leads may be resent."""


def _words(text: str) -> list[str]:
    return text.split()


class Place(NamedTuple):
    """A city with zips and area codes of its own, and what a home loan there usually is, in thousands."""

    state: str
    city: str
    zips: tuple[str, ...]
    area_codes: tuple[str, ...]
    loan: int
    weight: int


PLACES: Final = tuple(
    Place(state, city, tuple(zips.split()), tuple(codes.split()), int(loan), int(weight))
    for state, city, zips, codes, loan, weight in (
        line.split("|")
        for line in (
            # state | city | zips | area codes | usual loan in thousands | weight
            "AL|Birmingham|35203 35205 35209|205|210|2",
            "AK|Anchorage|99501 99503 99507|907|300|1",
            "AZ|Phoenix|85004 85016 85032|602|340|4",
            "AZ|Tucson|85701 85705 85719|520|260|2",
            "AR|Little Rock|72201 72205 72211|501|190|1",
            "CA|Los Angeles|90012 90026 90045|213 310|620|7",
            "CA|San Diego|92101 92103 92109|619|610|4",
            "CA|Sacramento|95814 95816 95825|916|430|3",
            "CA|San Jose|95112 95125 95126|408|820|3",
            "CO|Denver|80202 80205 80211|303|460|3",
            "CT|Hartford|06103 06105 06106|860|260|1",
            "DE|Wilmington|19801 19802 19805|302|270|1",
            "DC|Washington|20001 20009 20016|202|540|1",
            "FL|Miami|33125 33133 33145|305|400|5",
            "FL|Orlando|32801 32803 32806|407|330|4",
            "FL|Tampa|33602 33606 33611|813|340|3",
            "FL|Pensacola|32501 32503 32504|850|260|1",
            "GA|Atlanta|30303 30308 30318|404|350|4",
            "HI|Honolulu|96813 96816 96822|808|690|1",
            "ID|Boise|83702 83704 83706|208|390|1",
            "IL|Chicago|60607 60614 60622|312 773|320|5",
            "IN|Indianapolis|46202 46205 46220|317|230|2",
            "IA|Des Moines|50309 50310 50312|515|210|1",
            "KS|Wichita|67203 67208 67212|316|190|1",
            "KY|Louisville|40202 40204 40205|502|230|2",
            "LA|New Orleans|70115 70118 70119|504|260|2",
            "ME|Portland|04101 04102 04103|207|340|1",
            "MD|Baltimore|21201 21211 21224|410|320|3",
            "MA|Boston|02116 02118 02127|617|570|3",
            "MA|Worcester|01602 01604 01605|508|360|1",
            "MI|Detroit|48202 48207 48226|313|180|3",
            "MN|Minneapolis|55403 55406 55408|612|310|2",
            "MS|Jackson|39201 39206 39211|601|170|1",
            "MO|Kansas City|64108 64111 64113|816|240|2",
            "MT|Billings|59101 59102 59105|406|330|1",
            "NE|Omaha|68102 68105 68132|402|240|1",
            "NV|Las Vegas|89101 89117 89123|702|360|3",
            "NH|Manchester|03101 03103 03104|603|350|1",
            "NJ|Newark|07102 07104 07105|973|410|3",
            "NM|Albuquerque|87102 87106 87110|505|270|1",
            "NY|New York|10011 10025 10128|212|780|4",
            "NY|Buffalo|14201 14209 14222|716|200|2",
            "NC|Charlotte|28202 28205 28209|704|340|4",
            "ND|Fargo|58102 58103 58104|701|260|1",
            "OH|Columbus|43201 43206 43215|614|260|3",
            "OH|Cleveland|44102 44109 44113|216|170|2",
            "OK|Oklahoma City|73102 73106 73118|405|210|2",
            "OR|Portland|97202 97209 97214|503|440|2",
            "PA|Philadelphia|19103 19123 19147|215|270|4",
            "PA|Pittsburgh|15203 15206 15217|412|230|2",
            "RI|Providence|02903 02906 02908|401|360|2",
            "SC|Charleston|29401 29403 29407|843|380|2",
            "SD|Sioux Falls|57103 57104 57105|605|260|1",
            "TN|Nashville|37203 37206 37211|615|400|3",
            "TN|Knoxville|37902 37917 37919|865|290|1",
            "TX|Houston|77002 77007 77019|713|290|5",
            "TX|Dallas|75201 75206 75214|214|340|4",
            "TX|Austin|78701 78704 78745|512|430|3",
            "TX|El Paso|79901 79902 79912|915|210|1",
            "UT|Salt Lake City|84101 84103 84105|801|440|2",
            "VT|Burlington|05401|802|360|1",
            "VA|Richmond|23220 23221 23223|804|330|2",
            "WA|Seattle|98101 98103 98115|206|660|3",
            "WA|Spokane|99201 99203 99205|509|340|1",
            "WV|Charleston|25301 25302 25304|304|160|1",
            "WI|Milwaukee|53202 53207 53211|414|240|2",
            "WY|Cheyenne|82001 82007 82009|307|300|1",
        )
    )
)
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
"""How a loan for this purpose compares with the usual one."""
_HOMES: Final = {"single_family": 68, "condo": 14, "townhouse": 10, "multi_family": 5, "manufactured": 3}
JUMBO: Final = 600_000
"""From this loan amount on, in dollars, most leads are sold as large ones."""
_WEST: Final = frozenset(_words("AK AZ CA CO HI ID MT NM NV OR UT WA WY"))
_SOUTH: Final = frozenset(_words("AL AR DC DE FL GA KY LA MD MS NC OK SC TN TX VA WV"))
_MIDWEST: Final = frozenset(_words("IA IL IN KS MI MN MO ND NE OH SD WI"))


def _acme(lead: dict[str, Any], number: int, _: random.Random) -> None:
    """Keep to the contract's example: its spelling of phones, its ids."""
    lead["external_id"] = f"A-{number:06d}"
    digits = lead["phone"]
    lead["phone"] = f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"


def _globex(lead: dict[str, Any], number: int, rng: random.Random) -> None:
    """Write amounts and states as people do, and add the page the lead came from."""
    lead["external_id"] = 700_000 + number
    lead["loan_amount"] = f"${lead['loan_amount']:,}"
    lead["state"] = _STATE_NAMES.get(lead["state"], lead["state"])
    lead["landing_page"] = f"/rates/{rng.choice(('fixed-30', 'fixed-15', 'arm-5', 'fha', 'va'))}"


def _hearth(lead: dict[str, Any], number: int, rng: random.Random) -> None:
    """Send hex ids, E.164, yes and no, and the click's origin."""
    lead["external_id"] = f"{rng.getrandbits(64):016x}"
    lead["phone"] = f"+1{lead['phone']}"
    lead["consent"] = "yes" if lead.get("consent") else "no"
    lead["attributes"] = {"utm_source": rng.choice(("mail", "search", "social", "partner")), "click": number}


def _corner(lead: dict[str, Any], _: int, rng: random.Random) -> None:
    """Send no ids at all, and often no credit score: a form on a broker's own page."""
    lead["phone"] = f"{lead['phone'][:3]}.{lead['phone'][3:6]}.{lead['phone'][6:]}"
    if rng.random() < 0.5:  # noqa: PLR2004  # often
        lead.pop("credit_score")


Habit = Callable[[dict[str, Any], int, random.Random], None]
VENDORS: Final[dict[str, tuple[int, Habit]]] = {
    "acme": (45, _acme),
    "globex": (25, _globex),
    "hearth": (20, _hearth),
    "corner-form": (10, _corner),
}
"""vendor -> its weight and its habits."""
_STATE_NAMES: Final = {"CA": "California", "TX": "Texas", "FL": "Fla.", "NY": "New York", "RI": "R.I."}


def sample_leads(
    n: int = 2000, seed: int = 1, *, now: datetime | None = None, org: str | None = None
) -> Iterator[dict[str, Any]]:
    """Yield `n` messages for `lead-arrivals`, the same for the same seed and `now` (aware; else the clock's).

    Resends count: about 3 of 100 messages repeat an earlier lead's id, so there are fewer leads than messages.
    """
    rng = random.Random(seed)  # noqa: S311  # a sample is to be the same again, not a secret
    at = now or datetime.now(UTC).replace(microsecond=0)
    taken: set[str] = set()
    sent: list[dict[str, Any]] = []
    for number in range(1, n + 1):
        roll = rng.random()
        if sent and roll < RESENDS:
            yield _resent(rng.choice(sent), rng)
            continue
        person = None
        if sent and roll < RESENDS + SAME_PERSON:
            person = rng.choice(sent)
        lead = _lead(rng, number, at, taken, person)
        if org is not None:
            lead["org"] = org
        sent = [*sent, lead][-_REMEMBERED:]
        yield lead


def _lead(
    rng: random.Random, number: int, now: datetime, taken: set[str], person: dict[str, Any] | None
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
        "email": f"{first}.{last.replace(chr(39), '')}{rng.randrange(1, 10_000)}@{rng.choice(_MAIL)}".lower(),
        "phone": _phone(rng, place, taken),
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
    VENDORS[vendor][1](lead, number, rng)
    return lead


def _campaign(rng: random.Random, lead: dict[str, Any], now: datetime) -> str:
    """Return what the lead was bought through: one of the lender's five campaigns, or one nobody has set up there."""
    region, purpose = _region(lead["state"]), lead["loan_purpose"]
    if now - datetime.fromisoformat(lead["created_at"]) > timedelta(days=28) and rng.random() < 0.5:  # noqa: PLR2004
        return "winback"
    if lead["loan_amount"] >= JUMBO and rng.random() < 0.7:  # noqa: PLR2004  # most
        return "large-loans"
    if region == "west" and purpose == "purchase":
        return "purchase-west"
    if region == "midwest" and purpose in ("refinance", "cash_out"):
        return "refinance-midwest"
    if region in ("east", "south") and rng.random() < 0.15:  # noqa: PLR2004  # few call
        return "live-east"
    return f"{purpose.replace('_', '-')}-{region}"


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


def _region(state: str) -> str:
    if state in _WEST:
        return "west"
    if state in _SOUTH:
        return "south"
    return "midwest" if state in _MIDWEST else "east"


def _phone(rng: random.Random, place: Place, taken: set[str]) -> str:
    """Return ten digits that no other lead has."""
    while (number := f"{rng.choice(place.area_codes)}555{rng.randrange(10_000):04d}") in taken:
        continue
    taken.add(number)
    return number


def _digits(phone: str) -> str:
    return "".join(filter(str.isdigit, phone))[-10:]


def _amount(rng: random.Random, usual: float) -> int:
    """Return whole thousands around the usual loan, in dollars; half of them within a third of it."""
    return max(30, round(usual * rng.lognormvariate(0, 0.4))) * 1000


def _created(rng: random.Random, now: datetime, zip_code: str) -> str:
    """Return when the vendor made the lead, in the lead's own time: most in these days, some long ago."""
    days = rng.uniform(30, 150) if rng.random() < AGED else min(25.0, rng.expovariate(1 / 1.5))
    at = now - timedelta(seconds=round(days * 86_400))
    zone = time_zone(zip_code, None, None)
    return at.astimezone(ZoneInfo(zone) if zone else UTC).isoformat()
