"""Defines other names that vendors use for the fields of `lead-arrivals`, in files and on the topic (V3, A15, A17)."""

import re
from functools import lru_cache
from typing import Final

from models.qualified_names import QualifiedName, qualified_field

FULL_NAME: Final = "full_name"
"""A person's whole name. It is no field of its own; it becomes first and last name."""

_PEOPLE: Final = (
    "contact",
    "customer",
    "client",
    "lead",
    "borrower",
    "applicant",
    "prospect",
    "primary",
    "owner",
)


def _of_people(*names: str) -> tuple[str, ...]:
    return tuple(f"{person}_{name}" for name in names for person in _PEOPLE)


ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "external_id": ("lead_id", "leadid", "lead_number", "lead_no", "id"),
    "first_name": (
        *("firstname", "first", "fname", "f_name", "given_name", "givenname", "forename", "name_first"),
        *_of_people("first_name", "firstname"),
    ),
    "last_name": (
        *("lastname", "last", "lname", "l_name", "surname", "family_name", "familyname", "name_last"),
        *_of_people("last_name", "lastname"),
    ),
    FULL_NAME: (
        *("fullname", "name", "your_name", "person_name", "name_full", "contact"),
        *_of_people("name", "full_name", "fullname"),
    ),
    "phone": (
        *("phone_number", "phonenumber", "phone_no", "telephone", "telephone_number", "tel"),
        *(
            "mobile",
            "mobile_phone",
            "mobile_number",
            "mobile_no",
            "cell",
            "cell_phone",
            "cellphone",
            "cell_number",
        ),
        *("phone_mobile", "phone_cell", "phone_1", "phone1", "primary_phone", "best_phone", "your_phone"),
        *(
            "day_phone",
            "daytime_phone",
            "home_phone",
            "phone_home",
            "evening_phone",
            "work_phone",
            "phone_work",
        ),
        *("contact_number", "contact_no", *_of_people("phone", "phone_number")),
        *("phone_2", "phone2", "secondary_phone", "alternate_phone", "alt_phone", "phone_3", "phone3"),
    ),
    "phone_extension": ("phone_ext", "extension", "ext", "phone_1_ext", "work_phone_ext"),
    "email": (
        *("email_address", "emailaddress", "e_mail", "e_mail_address", "mail", "email_id", "your_email"),
        *("email_1", "email1", "primary_email", "personal_email", "work_email", "home_email"),
        *_of_people("email", "email_address"),
        *("email_2", "email2", "secondary_email"),
    ),
    "state": (
        *(
            "state_code",
            "st",
            "us_state",
            "state_name",
            "home_state",
            "mailing_state",
            "address_state",
            "state_province",
        ),
        *("property_state", "regioncode", "region_code", "region", "province"),
    ),
    "zip": (
        *(
            "zip_code",
            "zipcode",
            "postal_code",
            "postalcode",
            "postcode",
            "post_code",
            "zip_postal_code",
            "zip5",
        ),
        *("postal", "home_zip", "mailing_zip", "address_zip", "property_zip", "property_zip_code"),
    ),
    "loan_amount": (
        *(
            "loanamount",
            "loan_amt",
            "amount",
            "requested_amount",
            "amount_requested",
            "loan_amount_requested",
        ),
        *("requested_loan_amount", "desired_loan_amount", "mortgage_amount", "loan_size"),
    ),
    "loan_purpose": ("loanpurpose", "purpose", "purpose_of_loan", "loan_reason"),
    "credit_score": ("creditscore", "fico", "fico_score", "estimated_credit_score"),
    "property_type": ("propertytype", "home_type", "type_of_property"),
    "created_at": (
        *(
            "created_time",
            "created",
            "created_on",
            "createdat",
            "created_date",
            "createddate",
            "date_created",
        ),
        *(
            "creation_date",
            "create_date",
            "submitted_at",
            "submission_date",
            "submitted",
            "lead_date",
            "requestdate",
        ),
    ),
    "silenced": ("do_not_call", "donotcall", "dnc", "do_not_contact"),
    "consent": ("tcpa_consent", "consent_to_contact", "tcpa"),
    "time_zone": ("timezone", "tz"),
    **dict.fromkeys(("vendor", "org", "campaign", "assigned_to"), ()),
}
"""Field -> its other names, in normal form, the most trusted first."""

FIELD_BY_NAME: Final = {name: field for field, names in ALIASES.items() for name in (field, *names)}
"""Name in normal form -> field."""
RANK: Final = {name: index for field, names in ALIASES.items() for index, name in enumerate((field, *names))}
"""Name in normal form -> its rank among its field's names; 0 is the field's own name."""

_BREAKS: Final = re.compile(r"[\s\-_.:/#*?()\[\]]+")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LONGEST: Final = 80


@lru_cache(maxsize=8192)
def normal_name(name: str) -> str:
    """Return a field's name as `lower_snake_case`: `First Name`, `first-name` and `FirstName` are `first_name`."""
    if len(name) > _LONGEST:
        return name
    return _BREAKS.sub("_", _CAMEL.sub("_", name.strip())).strip("_").lower()


@lru_cache(maxsize=8192)
def field_of(name: str) -> str | None:
    """Return the field that a vendor's name means, also with a qualifier; None if it is no field's name."""
    normal = normal_name(name)
    if field := FIELD_BY_NAME.get(normal) or FIELD_BY_NAME.get(normal.replace("_", "")):
        return field
    read = _qualified(name)
    return read.field if read else None


@lru_cache(maxsize=8192)
def rank_of(name: str) -> int:
    """Return how far a name stands behind its field's own name. A qualified name has the rank of its qualifier."""
    normal = normal_name(name)
    rank = RANK.get(normal, RANK.get(normal.replace("_", "")))
    if rank is None and (read := _qualified(name)) is not None:
        rank = max(RANK.get(qualifier, 0) for qualifier in read.names)
    return len(RANK) if rank is None else rank


def _qualified(name: str) -> QualifiedName | None:
    if len(name) > _LONGEST:
        return None
    return qualified_field(_CAMEL.sub(" ", name), FIELD_BY_NAME)
