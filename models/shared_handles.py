"""Lists phone numbers and mail addresses that tell nobody apart (K1), with the sources of the list.

A placeholder is written where a form requires a value: it is nobody's, nobody can be reached by it, and it counts as
not given. A service number can be called, but many people give it; it joins no arrivals, and the do-not-contact list
applies to it.

Sources. Numbers: the North American Numbering Plan (nationalnanpa.com): service codes (411, 911), toll-free codes,
directory assistance at 555-1212, and 555-0100 to 555-0199, which are set aside for fiction (ATIS-0300115). Domains:
RFC 2606 and RFC 6761 (`example.com`, `.invalid`, `.test`). Domains for throw-away mail are none of them: a
person reads it. Words: what people type into forms, from public lead files and published
lists of dummy addresses.
"""

import re
from typing import Final


def _word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NOT_GIVEN: Final = _word_set(
    """
    noemail noemails nomail noemailaddress noaddress donthaveemail donthaveone donothave noneprovided notprovided
    noemailprovided notgiven notavailable notapplicable unavailable unknown unknownemail noone nobody nothing none
    null undefined anonymous invalid invalidemail refused declined nothanks nope fake fakeemail fakemail bogus dummy
    dummyemail testing testtest testemail testuser test asdf asdfasdf asdfg asdfgh asdfghjkl qwerty qwertyuiop qwer
    noreply donotreply zxcv zxcvb zxcvbn blah blahblah blank placeholder youremail yourname
    notreal noemailgiven noemailonfile noneonfile notonfile nonegiven noneavailable nonefound noneyet nomailgiven
    doesnothaveone doesnthaveone doesnothave doesnthave idonthaveone idonthave donthaveanemail wontgive wouldnotgive
    willnotprovide wontprovide didnotprovide didntprovide donotcontact dontcontact donotemail dontemail noemailplease
    nospam norecord noinfo nodata noaddress tbd tba leaveblank example sample firstname lastname firstnamelastname
    firstlast yourmail myemail
    """
)
"""Local parts, without dots, dashes, underscores and digits at the end, that are nobody's at any domain."""
_NOT_GIVEN_DOMAINS: Final = _word_set(
    """
    none.com noemail.com noemail.net noemail.org no-email.com nomail.com nomail.net noemailaddress.com noone.com
    nowhere.com nothing.com notprovided.com notgiven.com unknown.com fake.com fakeemail.com fakemail.com bogus.com
    test.com test.test testing.com asdf.com asdfasdf.com qwerty.com invalid.com dummy.com nobody.com donotemail.com
    notreal.com nonexistent.com noreply.com nospam.com idonthaveemail.com dontemail.com yourdomain.com youremail.com
    yourcompany.com mydomain.com
    """
)
_WITH_ITSELF: Final = _word_set(
    """
    a aa aaa aaaa abc abcd abcde abcdef email mail me my na no not info xyz x xx xxx xxxx y z yes you foo bar name
    user 123 1234 12345 domain company sample
    """
)
"""Words that are nobody's as `WORD@WORD.anything`."""
_NO: Final = _word_set("no non none na n not nil any anyone nomail some someone")
_TEMPLATE: Final = _word_set("you your me my name user username email mail first last abc info admin contact")
_PROVIDERS: Final = _word_set(
    "email mail gmail googlemail yahoo hotmail outlook aol live msn icloud ymail comcast domain company website address"
)
"""First labels of domains at which `no@…` and `na@…` are nobody's: large providers, and words for a domain."""
_TEMPLATE_DOMAINS: Final = _word_set("email domain company website address")
"""First labels of domains that forms show as an example: `name@domain.com`, `you@company.com`."""
_RESERVED: Final = re.compile(r"(?:^|\.)(?:invalid|test|example\.(?:com|net|org))$", re.ASCII)
"""Domains that no mail reaches, because they are set aside."""
_ONE_LETTER: Final = re.compile(r"([a-z0-9])\1{2,}")
_BETWEEN: Final = re.compile(r"[._/-]")
_NUMBERED: Final = re.compile(r"\d{1,4}$")

_US: Final = re.compile(r"\+1(\d{3})(\d{3})(\d{4})", re.ASCII)
_FICTION: Final = range(100, 200)
_DIRECTORY: Final = "1212"
_RUNS: Final = frozenset({"1234567890", "0123456789", "9876543210", "2345678901"})
_TOLL_FREE: Final = frozenset({"800", "822", "833", "844", "855", "866", "877", "888"})
_PREMIUM: Final = frozenset({"900", "976"})
_TYPED: Final = frozenset({"1234", "5555"})
"""Last four digits that people type after 555."""


def is_placeholder(handle: str) -> bool:
    """Say whether a handle (`phone/+1…`, `email/…`) is nobody's and counts as not given."""
    kind, _, value = handle.partition("/")
    return _placeholder_number(value) if kind == "phone" else _placeholder_address(value)


def is_service(handle: str) -> bool:
    """Say whether a handle is the number of a service or a number that many people type."""
    kind, _, value = handle.partition("/")
    match = _US.fullmatch(value) if kind == "phone" else None
    if match is None:
        return False
    area, exchange, line = match.groups()
    if area in _TOLL_FREE or area in _PREMIUM:
        return True
    return (exchange == "555" and line in _TYPED) or len(set(exchange + line)) == 1


def _placeholder_number(number: str) -> bool:
    match = _US.fullmatch(number)
    if match is None:
        return len(set(number[2:])) == 1
    area, exchange, line = match.groups()
    digits = area + exchange + line
    if exchange == "555" and (int(line) in _FICTION or line == _DIRECTORY):
        return True
    return exchange.endswith("11") or area.endswith("11") or len(set(digits)) == 1 or digits in _RUNS


def _placeholder_address(address: str) -> bool:
    local_part, _, domain = address.partition("@")
    if domain in _NOT_GIVEN_DOMAINS or _RESERVED.search(domain):
        return True
    word = _BETWEEN.sub("", local_part)
    word = _NUMBERED.sub("", word) or word
    if word in _NOT_GIVEN:
        return True
    first = domain.partition(".")[0]
    if (word in _NO and first in _PROVIDERS) or (word in _TEMPLATE and first in _TEMPLATE_DOMAINS):
        return True
    return first == word and (word in _WITH_ITSELF or _ONE_LETTER.fullmatch(word) is not None)
