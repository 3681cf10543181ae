"""Names of fields with a qualifier, as vendors write them: a part of the table behind docs/reading.md (A17)."""

from typing import Any, Final

from tests.rules.inbound.reading_case import ReadingCase

_PHONE: Final = ("401-419-4247", {"phone": "+14014194247"})
_MAIL: Final = ("ann@doe.org", {"email": "ann@doe.org"})
_FIRST: Final = ("Ann", {"first_name": "Ann"})
_LAST: Final = ("Doe", {"last_name": "Doe"})
_AMOUNT: Final = ("$310,000", {"loan_amount": 310_000})

_READ: Final[list[tuple[str, tuple[Any, dict[str, Any]]]]] = [
    *(
        (name, _PHONE)
        for name in ("Phone Number (Mobile)", "Phone - Home", "Mobile (Cell) Phone", "Cell Phone No.")
    ),
    *(
        (name, _PHONE)
        for name in ("Phone Number (10 digits)", "What is your phone number?", "Primary Borrower Phone")
    ),
    *(
        (name, _PHONE)
        for name in ("Phone*", "Phone (xxx-xxx-xxxx)", "Phone\u200b", "Phone Number \u2013 Mobile")
    ),
    *(
        (name, _MAIL)
        for name in ("Email (Primary)", "E-Mail (Work)", "EMAIL ADDRESS (required)", "Contact Email Address")
    ),
    *(
        (name, _FIRST)
        for name in ("First Name*", "First Name (Legal)", "First / Given Name", "Lead First Name")
    ),
    *((name, _LAST) for name in ("Last Name (Surname)", "Borrower 1 Last Name", "* Last Name")),
    *((name, _AMOUNT) for name in ("Loan Amount ($)", "Loan Amount (USD)", "Amount ($)", "Est. Loan Amount")),
    ("Which state is the property located in?", ("RI", {"state": "RI"})),
    ("State (2 letter)", ("RI", {"state": "RI"})),
    ("Credit Score (est.)", ("712", {"credit_score": 712})),
    ("Do Not Call (Y/N)", ("Y", {"silenced": True})),
    (
        "Lead Created Date (YYYY-MM-DD HH:MM)",
        ("2026-11-20T09:12:00Z", {"created_at": "2026-11-20T09:12:00+00:00"}),
    ),
]
_OF_OTHERS: Final = (
    *(("phone", name, "401-419-4247") for name in ("Phone (Spouse)", "Employer Phone", "Applicant 2 Phone")),
    *(
        ("phone", name, "401-419-4247")
        for name in ("Secondary Borrower Phone", "Emergency Contact Phone", "Fax (Home)")
    ),
    *(("email", name, "ann@doe.org") for name in ("Email (Agent)", "Lead Owner Email", "Referral Email")),
    *(
        ("last_name", name, "Bob Roe")
        for name in ("Co-Borrower Name", "Name (Referrer)", "Company Name", "Last Contact")
    ),
    *(
        ("first_name", name, "Bob")
        for name in ("Spouse First Name", "Co-Borrower First Name", "First Name (2)")
    ),
    *(
        ("loan_amount", name, "310")
        for name in ("Loan Amount (in thousands)", "Amount (Total)", "Down Payment ($)")
    ),
    *(("state", name, "RI") for name in ("City (Property)", "License State", "Lead State")),
    ("zip", "Zip (Work)", "02903"),
    ("phone_extension", "Phone Type", "12"),
)
_NOT_WHEN: Final = ("Date of Birth (MM/DD/YYYY)", "Submitted (Y/N)", "Created By", "Created At (UTC)")

HEADERS: Final = [
    *(
        ReadingCase("A17", {name: "02903-1234"}, {"zip": "02903", "state": "RI"}, assumed=("state",))
        for name in ("Zip (5 digits)", "Zip+4", "Zip Code (Mailing)")
    ),
    *(ReadingCase("A17", {name: sent}, facts) for name, (sent, facts) in _READ),
    *(ReadingCase("A17", {name: sent}, {field: None}, kept={name: sent}) for field, name, sent in _OF_OTHERS),
    *(
        ReadingCase(
            "A17",
            {name: "2026-01-02"},
            {"created_at": "2026-11-20T14:30:00+00:00"},
            kept={name: "2026-01-02"},
        )
        for name in _NOT_WHEN
    ),
    ReadingCase(
        "A17",
        {"Phone (Work)": "212-555-1234", "Phone (Mobile)": "401-419-4247"},
        {"phone": "+14014194247"},
        kept={"Phone (Work)": "212-555-1234"},
    ),
    ReadingCase(
        "A17",
        {"Name (Referrer)": "Bob Roe", "Name (Last, First)": "Doe, Ann"},
        {"first_name": "Ann", "last_name": "Doe"},
        kept={"Name (Referrer)": "Bob Roe"},
    ),
]
