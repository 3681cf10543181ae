"""Which phones and mail addresses tell nobody apart (K1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.facts import Facts
from models.persons import handles_of, joining_handles, last_name_key, names_differ
from models.shared_handles import is_placeholder, is_service

PLACEHOLDERS = (
    *(
        "none@none.com",
        "test@test.com",
        "noemail@gmail.com",
        "no-email@yahoo.com",
        "asdf@asdf.com",
        "asdf@gmail.com",
    ),
    *(
        "no.email@aol.com",
        "n/a@na.com",
        "na@na.com",
        "a@a.com",
        "xxx@xxx.net",
        "abc@abc.com",
        "test123@gmail.com",
    ),
    *(
        "noemail12@hotmail.com",
        "ann@noemail.com",
        "ann@nowhere.invalid",
        "declined@lender.com",
        "qwerty@qwerty.com",
        "no-reply@example.com",
        "123@123.com",
    ),
    *(
        "info@example.com",
        "no@email.com",
        "na@gmail.com",
        "name@domain.com",
        "you@company.com",
        "ann@example.org",
    ),
    *("ann@mail.example.net", "ann@lender.test", "tbd@lender.com"),
    *(
        "does.not.have.one@aol.com",
        "noEmailGiven@yahoo.com".lower(),
        "sample@sample.com",
        "ann@yourdomain.com",
    ),
    *("+12125550100", "+12125550199", "+14015551212", "+18005551212", "+10000000000", "+19999999999"),
    *("+11234567890", "+14014114247", "+12129111234"),
)
SERVICES = (
    "+18004194247",
    "+18885551234",
    "+18332223344",
    "+19005551234",
    "+14015551234",
    "+14015555555",
    "+14012222222",
)
PEOPLE = (
    *(
        "ann@doe.org",
        "ann.none@gmail.com",
        "nonette@gmail.com",
        "smith@smith.com",
        "testa@gmail.com",
        "a@b.com",
    ),
    *(
        "noemi@mail.com",
        "ann@mailinator.com",
        "ann@email.com",
        "name@smith.com",
        "no@smith.com",
        "ann@examples.org",
        "ann@myexample.com",
        "ann@test.org",
        "me@annroe.com",
        "asdfrank@gmail.com",
        "+14014194247",
        "+14015550200",
        "+14015550099",
    ),
    *("+12025551313", "+442079460958", "+14014194111"),
)


def handle(value: str) -> str:
    """Return a value as a handle."""
    return f"{'email' if '@' in value else 'phone'}/{value}"


@pytest.mark.parametrize("value", PLACEHOLDERS)
def test_k1_a_placeholder_is_no_handle(value: str) -> None:
    assert is_placeholder(handle(value))
    facts = Facts(vendor="acme", email=value) if "@" in value else Facts(vendor="acme", phone=value)
    assert handles_of(facts) == joining_handles(facts) == ()


@pytest.mark.parametrize("value", SERVICES)
def test_k1_a_service_number_joins_nobody_and_can_be_listed(value: str) -> None:
    assert is_service(handle(value))
    facts = Facts(vendor="acme", phone=value, phone_extension="12")
    assert (handles_of(facts), joining_handles(facts)) == ((handle(value),), ())


@pytest.mark.parametrize("value", PEOPLE)
def test_k1_what_tells_people_apart_is_a_handle(value: str) -> None:
    facts = Facts(vendor="acme", email=value) if "@" in value else Facts(vendor="acme", phone=value)
    assert handles_of(facts) == joining_handles(facts) == (handle(value),)


def test_k1_an_extension_and_the_orgs_list_keep_people_apart() -> None:
    facts = Facts(vendor="acme", phone="+14014194247", phone_extension="12", email="ann@doe.org")
    phone, mail = "phone/+14014194247", "email/ann@doe.org"
    assert handles_of(facts) == (phone, mail)
    assert joining_handles(facts) == (f"{phone};ext=12", mail)
    assert joining_handles(facts, frozenset({phone})) == (mail,)
    assert joining_handles(facts, frozenset({f"{phone};ext=12", mail})) == ()
    assert joining_handles(facts, frozenset({f"{phone};ext=13"})) == (f"{phone};ext=12", mail)


@pytest.mark.parametrize(
    ("name", "other", "differ"),
    [
        *(
            ("Doe", "DOE", False),
            ("José", "Jose", False),
            ("O'Brien", "OBRIEN", False),
            ("Doe Jr.", "Doe", False),
        ),
        *(("de la Cruz", "DeLaCruz", False), ("Smith-Jones", "Smith Jones", False), ("Doe", "Roe", True)),
        *(
            ("Doe", None, False),
            ("Unknown", "Doe", False),
            ("Smith", "Smith-Jones", True),
            ("Jr", "Sr", True),
        ),
    ],
)
def test_k3_last_names_are_compared_without_case_accents_and_punctuation(
    name: str | None, other: str | None, differ: bool
) -> None:
    first, second = Facts(vendor="a", last_name=name), Facts(vendor="a", last_name=other)
    assert names_differ(first, second) is names_differ(second, first) is differ


@given(st.text(max_size=40))
def test_k3_a_name_is_the_same_in_every_case(name: str) -> None:
    key = last_name_key(Facts(vendor="a", last_name=name))
    if key is not None:
        assert last_name_key(Facts(vendor="a", last_name=key)) in (key, None)
        assert last_name_key(Facts(vendor="a", last_name=f"  {name} ")) == key
