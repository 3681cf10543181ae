"""What vendors send, and what is read of it: the table behind the tests and behind docs/reading.md.

Each case is the text of a message as bytes on the topic; `vendor` and a last name are added where the case has none.
"""

from typing import Final

from tests.rules.inbound.contact_cases import EMAILS, PHONES
from tests.rules.inbound.header_cases import HEADERS
from tests.rules.inbound.place_cases import PLACES
from tests.rules.inbound.reading_case import ReadingCase, each_value, unread_cases
from tests.rules.inbound.wrapped_cases import WRAPPED

NAMES: Final = [
    *(
        ReadingCase(
            "A10", {"full_name": full}, {"first_name": first, "last_name": last}, kept={"full_name": full}
        )
        for full, first, last in (
            ("Ann Doe", "Ann", "Doe"),
            ("Doe, Ann", "Ann", "Doe"),
            ("Doe,Ann Marie", "Ann Marie", "Doe"),
            ("María de la Cruz Jr.", "María", "de la Cruz"),
            ("Cruz, María, Jr.", "María", "Cruz"),
            ("de la Cruz Jr., María", "María", "de la Cruz"),
            ("Ann Lee, Jr.", "Ann", "Lee"),
            ("Ann Lee III", "Ann", "Lee"),
            ("Jeremy van Jones", "Jeremy", "van Jones"),
            ("Van Morrison", "Van", "Morrison"),
            ("José Ortega y Gasset", "José", "Ortega y Gasset"),
            ("Ann St. John", "Ann", "St. John"),
            ("Mr. John Smith", "John", "Smith"),
            ("Dr. María Del Río, MD", "María", "Del Río"),
            ("Cher", None, "Cher"),
            ("Sean O&#039;Brien", "Sean", "O'Brien"),
        )
    ),
    ReadingCase(
        "A10", {"full_name": "Ann Doe", "first_name": "Anna"}, {"first_name": "Anna", "last_name": "Doe"}
    ),
    ReadingCase("A10", {"name": "Ann Doe", "last_name": "Roe"}, {"first_name": "Ann", "last_name": "Roe"}),
    ReadingCase(
        "A10",
        {"external_id": None, "full_name": "Doe, Ann", "mobile": "401-419-4247"},
        {"first_name": "Ann", "last_name": "Doe", "phone": "+14014194247"},
    ),
    *each_value(
        "B6",
        "last_name",
        {
            "O&#039;Brien": "O'Brien",
            "O&#x27;Brien": "O'Brien",
            "O&amp;#039;Brien": "O'Brien",
            "Mu&ntilde;oz": "Muñoz",
            "AT&T": "AT&T",
            "R&D; Smith": "R&D; Smith",
        },
    ),
    *each_value(
        "B7",
        "last_name",
        {"JOSE\u0301": "JOSÉ", "Mun\u0303oz": "Muñoz", "\uff24\uff4f\uff45": "Doe", "Do\u200be": "Doe"},
    ),
    *each_value(
        "B8",
        "last_name",
        {
            "Do\u0007e": "Doe",
            "Do\u001b[31me": "Do[31me",
            "\u202eeoD": "eoD",
            "D\u0000oe": "Doe",
            "Ann\tDoe": "Ann Doe",
            "\ufeffDoe\u00ad": "Doe",
        },
    ),
    ReadingCase(
        "B8",
        '{"vendor":"acme","external_id":"A-1","first_name":"Jo\\ud83d","last_name":"Doe"}',
        {"first_name": None, "last_name": "Doe"},
        {"first_name": "Jo\ufffd"},
    ),
    ReadingCase(
        "B8",
        '{"vendor":"acme","external_id":"A-1","last_name":"Jo\\ud83d\\ude00"}',
        {"last_name": "Jo\U0001f600"},
    ),
    ReadingCase(
        "B8",
        '{"vendor":"acme","external_id":"A-1","income":1e400,"loan_amount":-1e999}',
        {"loan_amount": None},
        {"income": "1e400", "loan_amount": "-1e999"},
    ),
    ReadingCase(
        "B8",
        '{"vendor":"acme","external_id":"A-1","credit_score":NaN,"attributes":{"x":{"y":Infinity},"z":1}}',
        {"credit_score": None},
        {"credit_score": "NaN"},
        remarks=("x.y",),
        kept={"x": {"y": "Infinity"}, "z": 1},
    ),
    ReadingCase(
        "B8",
        '{"vendor":"acme","external_id":"A-1","attributes":{"a":"x\\u0000y","b":"\\udc00","c":2}}',
        {"external_id": "A-1"},
        remarks=("b",),
        kept={"a": "xy", "b": "\ufffd", "c": 2},
    ),
    ReadingCase(
        "B8", '{"vendor":"acme","external_id":"A-1","last_name":"Do\te\u0001"}', {"last_name": "Do e"}
    ),
]

AMOUNTS: Final = [
    *(
        ReadingCase("A15", {"loan_amount": sent}, {"loan_amount": low}, assumed=("loan_amount",))
        for sent, low in {
            "$300,000 to $350,000": 300_000,
            "$300,000 - $350,000": 300_000,
            "$300K\u2013$350K": 300_000,
            "250-300k": 250_000,
            "between $300,000 and $350,000": 300_000,
            "$500K+": 500_000,
            "over $500,000": 500_000,
            "1.5M or more": 1_500_000,
        }.items()
    ),
    *each_value(
        "A15",
        "loan_amount",
        {
            "$300,000.00": 300_000,
            "300000.0": 300_000,
            "300 000": 300_000,
            "1.5 million": 1_500_000,
            "300 thousand": 300_000,
            "3.1E5": 310_000,
            "USD 300,000": 300_000,
            "300,000 dollars": 300_000,
        },
    ),
    *unread_cases(
        "A15",
        "loan_amount",
        "310.000",
        "under $100,000",
        "$350,000 to $300,000",
        "a lot",
        "3,00,000",
        "1e400",
    ),
    *(
        ReadingCase("A15", {name: "310k"}, {"loan_amount": 310_000})
        for name in ("Loan Amount", "loanAmount", "amount_requested")
    ),
    *(
        # Databases write money with four decimals. With three, a thousand may be meant.
        ReadingCase("A15", {"loan_amount": sent}, {"loan_amount": read})
        for sent, read in {"310000.0000": 310_000, "310000.5000": 310_000.5}.items()
    ),
    *unread_cases("A15", "loan_amount", "310.000", "310000.1234"),
    ReadingCase("A15", {"fico": "712.0"}, {"credit_score": 712}),
]

OTHERS: Final = [
    *(
        ReadingCase("A4", {"external_id": None, name: "l:15088"}, {"external_id": "15088"})
        for name in ("id", "Lead ID")
    ),
    ReadingCase(
        "A4", {"external_id": " l:15088", "campaign": "c:99"}, {"external_id": "15088", "campaign": "99"}
    ),
    ReadingCase(
        "A4",
        {"external_id": "l:A-7", "campaign": "c:spring"},
        {"external_id": "l:A-7", "campaign": "c:spring"},
    ),
    ReadingCase(
        "A4",
        '{"vendor":"acme","id":"l:15088","ad_id":"ag:120","full_name":"Ann Doe","phone_number":"p:+14014194247"}',
        {"external_id": "15088", "first_name": "Ann", "last_name": "Doe", "phone": "+14014194247"},
        kept={"ad_id": "ag:120"},
    ),
    ReadingCase(
        "A5",
        {
            "last_name": "<test lead: dummy data for last_name>",
            "phone": "<test lead: dummy data for phone>",
            "email": "test@example.com",
        },
        {"last_name": None, "phone": None, "email": None},
        {
            "last_name": "<test lead: dummy data for last_name>",
            "phone": "<test lead: dummy data for phone>",
            "email": "test@example.com",
        },
    ),
    ReadingCase(
        "A5",
        {"full_name": "<test lead: dummy data for full_name>", "email": "test@example.com"},
        {"first_name": None, "last_name": None, "email": None},
        {"full_name": "<test lead: dummy data for full_name>", "email": "test@example.com"},
        kept={"full_name": "<test lead: dummy data for full_name>"},
    ),
    ReadingCase(
        "A5",
        {
            "full_name": "<test lead: dummy data for full_name>",
            "your_name": "<test lead: dummy data for your_name>",
        },
        {"first_name": None, "last_name": None},
        {
            "full_name": "<test lead: dummy data for full_name>",
            "your_name": "<test lead: dummy data for your_name>",
        },
    ),
    ReadingCase(
        "A5",
        '{"vendor":"acme","id":"l:8","field_data":[{"name":"full_name","values":["<test lead: dummy data for'
        ' full_name>"]},{"name":"email","values":["test@example.com"]}]}',
        {"external_id": "8", "last_name": None, "email": None},
        {"full_name": "<test lead: dummy data for full_name>", "email": "test@example.com"},
    ),
    ReadingCase(
        "A10",
        {"full_name": {"first": "Ann", "last": "Doe"}},
        {"first_name": "Ann", "last_name": "Doe"},
        kept={"full_name": {"first": "Ann", "last": "Doe"}},
    ),
    ReadingCase(
        "A16",
        '{"vendor":"acme","id":"l:7","field_data":[{"name":"full_name","values":["Ann Doe"]},'
        '{"name":"email","values":["ann@example.org"]},{"name":"Shoe size?","values":["38","39"]}]}',
        {"external_id": "7", "first_name": "Ann", "last_name": "Doe", "email": "ann@example.org"},
        kept={"Shoe size?": ["38", "39"]},
    ),
    ReadingCase(
        "A2", {"id": "1", "lead_id": "B-7", "external_id": None}, {"external_id": "B-7"}, kept={"id": "1"}
    ),
    ReadingCase("A15", {"do_not_call": "yes"}, {"silenced": True}),
    ReadingCase(
        "C2",
        {"created_at": "2026-11-20T19:30:00Z"},
        {"created_at": "2026-11-20T14:30:00+00:00"},
        {"created_at": "2026-11-20T19:30:00Z"},
        remarks=("created_at",),
    ),
    ReadingCase("C2", {"created_at": "2026-11-20T14:32:00Z"}, {"created_at": "2026-11-20T14:30:00+00:00"}),
    *(
        ReadingCase("A15", {"created_at": sent}, {"created_at": read}, assumed=assumed)
        for sent, read, assumed in (
            ("2026-11-20 09:12:00 -0500", "2026-11-20T14:12:00+00:00", ()),
            ("2026-11-20 09:12:00 EST", "2026-11-20T14:12:00+00:00", ()),
            ("2026-11-20 09:12:00-05:00", "2026-11-20T14:12:00+00:00", ()),
            ("2026-11-20T09:12-05:00", "2026-11-20T14:12:00+00:00", ()),
            ("2026-11-20 09:12-0500", "2026-11-20T14:12:00+00:00", ()),
            ("11/20/2026 9:12 AM -05:00", "2026-11-20T14:12:00+00:00", ()),
            ("Fri, 20 Nov 2026 09:12:00 -0500", "2026-11-20T14:12:00+00:00", ()),
            ("2026-11-20T09:12:00-0500", "2026-11-20T14:12:00+00:00", ()),
            ("11/19/2026", "2026-11-19T00:00:00+00:00", ("created_at",)),
            ("11/19/2026 9:12 PM", "2026-11-19T21:12:00+00:00", ("created_at",)),
            ("Nov 19, 2026", "2026-11-19T00:00:00+00:00", ("created_at",)),
            ("2026-11-20 09:12", "2026-11-20T09:12:00+00:00", ("created_at",)),
            ("2026-11-20 9:12", "2026-11-20T09:12:00+00:00", ("created_at",)),
            ("2026-11-19 9:12 PM", "2026-11-19T21:12:00+00:00", ("created_at",)),
            ("11-19-2026", "2026-11-19T00:00:00+00:00", ("created_at",)),
            ("11/19/2026, 9:12:00 PM", "2026-11-19T21:12:00+00:00", ("created_at",)),
            ("Nov 19, 2026, 9:12:00 PM", "2026-11-19T21:12:00+00:00", ("created_at",)),
            ("Thursday, November 19, 2026 9:12 PM", "2026-11-19T21:12:00+00:00", ("created_at",)),
            ("November 19, 2026 at 9:12 PM", "2026-11-19T21:12:00+00:00", ("created_at",)),
            ("19 Nov 26 21:12:00 GMT", "2026-11-19T21:12:00+00:00", ()),
            ("Fri Nov 20 09:12:00 EST 2026", "2026-11-20T14:12:00+00:00", ()),
            ("Fri, 20 Nov 2026 09:12:00 -0500 (EST)", "2026-11-20T14:12:00+00:00", ()),
            (
                "Fri Nov 20 2026 09:12:00 GMT-0500 (Eastern Standard Time)",
                "2026-11-20T14:12:00+00:00",
                (),
            ),
            ("11/20/2026 9:12 GMT-5", "2026-11-20T14:12:00+00:00", ()),
            ("2026-11-20T09:12:00-05:00[America/New_York]", "2026-11-20T14:12:00+00:00", ()),
            ("2026-11-20 09:12:00 -0500 EST", "2026-11-20T14:12:00+00:00", ()),
            ("2026-11-20T09:12:60Z", "2026-11-20T09:13:00+00:00", ()),
            ("2026-11-19T24:00:00Z", "2026-11-20T00:00:00+00:00", ()),
        )
    ),
    *(
        # What is not understood may be the zone or the half of the day: such a time would be another one.
        ReadingCase(
            "A15", {"created_at": sent}, {"created_at": "2026-11-20T14:30:00+00:00"}, {"created_at": sent}
        )
        for sent in (
            "Fri, 20 Nov 2026 09:12:00 CET",
            "Fri Nov 20 09:12:00 AEDT 2026",
            "20 Nov 2026 09:12:00 in the evening",
            "11/19/2026 13:12 PM",
            "2026-11-20T09:12:00+25:99",
            "2026-11-20T09:12:00+01:00 EST",
            "2026-11-19T24:01:00Z",
            "11/19/2026 9:00-5",
            "11/19/2026 9:00-5:00",
            # A span of time, which was read as a time at eleven hours behind UTC.
            "11/19/2026 9:00-11:00",
            "11/19/2026 09:00 AM-11:00 AM",
            "Nov 19, 2026 at 9:00-11:00",
            "2026-11-19 09:00-11:00",
            "2026-11-19 09:00-11",
            "2026-11-19T09:00:00-13:00",
            "11/19/2026 13:00:00 +15:00",
        )
    ),
    ReadingCase(
        "A15",
        {"created_at": "05/06/2026"},
        {"created_at": "2026-11-20T14:30:00+00:00"},
        {"created_at": "05/06/2026"},
    ),
    ReadingCase("A15", {"created_time": "2026-11-20T09:12:00Z"}, {"created_at": "2026-11-20T09:12:00+00:00"}),
]

SECTIONS: Final = {
    "Names": NAMES,
    "Phone numbers": PHONES,
    "Mail addresses": EMAILS,
    "Amounts and scores": AMOUNTS,
    "Places": PLACES,
    "Times, lists and the rest": OTHERS,
    "Names of fields with a qualifier": HEADERS,
    "Leads inside other objects": WRAPPED,
}
CASES: Final = [case for cases in SECTIONS.values() for case in cases]
