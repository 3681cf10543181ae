"""Reads a field's name with a qualifier: `Phone Number (Mobile)`, `Email - Primary`, `Loan Amount ($)` (A17).

A qualifier that says which of a person's values it is, or how it is written, leaves the field what it is. One that says
whose value it is (`Phone (Spouse)`, `Email (Agent)`, `Co-Borrower Name`) does not: such a name is no field's. So only
the words listed here are qualifiers, and any other word makes a name unknown.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from models.spelling import cleaned

_WORDS: Final = re.compile(r"[^\W_]+|\$")
_MAX_WORDS: Final = 12
"""A name with more words is no field's."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ASKING: Final = _set("required optional req your my please enter provide what whats is s the")
"""Words of a form's question, which say nothing about the value."""
_ONE_OF_SEVERAL: Final = _set("2 3 second secondary third alternate alternative alt other backup")
"""A further value of the same person, unless a word for a person stands beside it: `Applicant 2 Phone` is another's."""
_PEOPLE: Final = _set("contact customer client lead borrower applicant prospect owner consumer homeowner")
_NUMBER: Final = _set("number num no")
"""Words that mean a number only behind the field's name."""
_PHONE: Final = _set(
    "mobile cell cellular home house work business office day daytime evening night primary preferred best main direct"
    " landline voice phone telephone tel 1 10 digit digits with including incl area code us usa or xxx xxxx only number"
)
_EMAIL: Final = _set(
    "primary personal work home business office preferred best main address e mail email id 1 or"
)
_YES_NO: Final = _set("y n yes no true false flag")
_MONEY: Final = _set("$ us usd in dollar dollars requested loan")

_QUALIFIERS: Final[dict[str, frozenset[str]]] = {
    "external_id": frozenset(),
    "first_name": _set("legal given first name 1"),
    "last_name": _set("legal family last surname name 1"),
    "full_name": _set("legal full complete first last name and 1"),
    "phone": _PHONE,
    "phone_extension": _PHONE,
    "email": _EMAIL,
    "state": _set(
        "us usa code abbreviation abbr abbreviated name 2 two letter letters home mailing current of residence property"
        " which in do you live located"
    ),
    "zip": _set("code postal 5 five digit digits us usa home mailing current property plus 4 number"),
    "loan_amount": _MONEY | _set("desired approximate approx estimated est total needed whole"),
    "loan_purpose": _set("type purchase refinance refi cash out heloc equity or"),
    "credit_score": _set("fico credit score est estimated approximate approx current self reported 300 850"),
    "property_type": _set("sfr single family condo townhouse multi manufactured etc or"),
    "created_at": _set("mm dd yyyy yy hh mi ss date time timestamp at on iso"),
    "silenced": _YES_NO | _set("list registry"),
    "consent": _YES_NO,
}
"""Field -> the words beside its name with which it is still the field."""
_OF_PEOPLE: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(
        ("first_name", "last_name", "full_name", "phone", "phone_extension", "email", "credit_score"), _PEOPLE
    ),
    **dict.fromkeys(("state", "zip"), _PEOPLE - _set("lead contact owner")),
    "created_at": _set("lead"),
}
"""Field -> the words for the lead itself that may stand beside its name. `Lead State` is where a CRM keeps a status."""
_BARE: Final[dict[str, frozenset[str]]] = {
    "amount": _MONEY | _ASKING,
    **dict.fromkeys(("first", "last", "contact"), _set("required optional legal name")),
    **dict.fromkeys(("id", "lead_id", "leadid", "external_id"), _set("required optional")),
}
"""Names that mean something else beside most words: `Amount (Total)`, `Last Contact`, `Your ID`. Their qualifiers."""

_EQUIVALENTS: Final[dict[str, dict[str, str]]] = {
    "phone": {
        **dict.fromkeys(("mobile", "cell", "cellular"), "mobile"),
        **dict.fromkeys(("primary", "preferred", "best", "main", "1"), "primary_phone"),
        **dict.fromkeys(("day", "daytime"), "day_phone"),
        **dict.fromkeys(("home", "house", "landline"), "home_phone"),
        **dict.fromkeys(("evening", "night"), "evening_phone"),
        **dict.fromkeys(("work", "business", "office", "direct"), "work_phone"),
        **dict.fromkeys(_ONE_OF_SEVERAL, "secondary_phone"),
    },
    "email": {
        **dict.fromkeys(("primary", "preferred", "best", "main", "1"), "primary_email"),
        "personal": "personal_email",
        **dict.fromkeys(("work", "business", "office"), "work_email"),
        "home": "home_email",
        **dict.fromkeys(_ONE_OF_SEVERAL, "secondary_email"),
    },
    "state": {"property": "property_state", "home": "home_state", "mailing": "mailing_state"},
    "zip": {"property": "property_zip", "home": "home_zip", "mailing": "mailing_zip"},
}
"""Field -> qualifier -> the name that means the same. It says how trusted the value is."""


class QualifiedName(NamedTuple):
    """The field that a qualified name means. `names`: the known names in it, by which its rank is found."""

    field: str
    names: tuple[str, ...]


def qualified_field(name: str, fields: Mapping[str, str]) -> QualifiedName | None:
    """Return the field of a name with qualifiers; None if it is no field's. `fields`: name in normal form -> field."""
    parts = tuple(_WORDS.findall(cleaned(unicodedata.normalize("NFKC", name)).lower()))
    if not 1 <= len(parts) <= _MAX_WORDS or not _vocabulary(tuple(fields)).issuperset(parts):
        return None
    for begin, end in _spans(len(parts)):
        core = "_".join(parts[begin:end])
        field = fields.get(core) or fields.get(core.replace("_", ""))
        before, behind = parts[:begin], parts[end:]
        if field in _QUALIFIERS and _is_still(field, core, before, behind):
            same = _EQUIVALENTS.get(field, {})
            return QualifiedName(field, (core, *(same[word] for word in (*before, *behind) if word in same)))
    return None


@lru_cache(maxsize=1)
def _vocabulary(names: tuple[str, ...]) -> frozenset[str]:
    """Return every word that may stand in a name that means a field. Any other word ends the search at once."""
    parts = {word for name in names for word in (*name.split("_"), name.replace("_", ""))}
    return frozenset(parts).union(
        *_QUALIFIERS.values(), *_BARE.values(), _ASKING, _ONE_OF_SEVERAL, _PEOPLE, _NUMBER
    )


def _spans(count: int) -> Iterator[tuple[int, int]]:
    """Yield each run of words, the longest first."""
    for length in range(count, 0, -1):
        for begin in range(count - length + 1):
            yield begin, begin + length


def _is_still(field: str, core: str, before: tuple[str, ...], behind: tuple[str, ...]) -> bool:
    """Say whether a name is still the field's, with these words before and behind its own name."""
    people = sum(word in _PEOPLE for word in (*before, *core.split("_"), *behind))
    if people > 1:
        return False  # such as `Lead Owner Email`, which is a rep's
    allowed = _BARE.get(core) or _QUALIFIERS[field] | _ASKING | _OF_PEOPLE.get(field, frozenset())
    if field in ("phone", "email") and not people:
        allowed |= _ONE_OF_SEVERAL
    if not all(word in allowed for word in before):
        return False
    numbers = _NUMBER if field == "phone" else frozenset()
    return all(word in allowed or word in numbers for word in behind)
