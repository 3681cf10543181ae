"""What vendors send as phone numbers and mail addresses, and what is read of it."""

from typing import Final

from tests.rules.inbound.reading_case import ReadingCase, each_value, unread_cases

PHONES: Final = [
    *each_value(
        "A13",
        "phone",
        {
            "4014194247.0": "+14014194247",
            4014194247.0: "+14014194247",
            "4.014194247E+09": "+14014194247",
            "4.014194247e9": "+14014194247",
            "1.4014194247E10": "+14014194247",
            "'4014194247": "+14014194247",
        },
    ),
    *unread_cases(
        "A13", "phone", "2.12555123E9", "4.01419E+09", "4.0E+09", "4.0141942475E+09", "4E9", 4014194247.5
    ),
    ReadingCase(
        "A13",
        '{"vendor":"acme","external_id":"A-1","phone":4.01419E+09}',
        {"phone": None},
        {"phone": 4014190000.0},
    ),
    ReadingCase(
        "A13", '{"vendor":"acme","external_id":"A-1","phone":4.014194247E+09}', {"phone": "+14014194247"}
    ),
    *each_value(
        "A15",
        "phone",
        {
            "(401) 419-4247 home": "+14014194247",
            "401-419-4247 (cell)": "+14014194247",
            "home: 401.419.4247": "+14014194247",
            "Mobile 401 419 4247": "+14014194247",
            "C: 401-419-4247": "+14014194247",
            "tel:+1-401-419-4247": "+14014194247",
            "1 (401) 419-4247": "+14014194247",
            "0014014194247": "+14014194247",
            "\uff14\uff10\uff11\uff0d4194247": "+14014194247",
            "401\u2011419\u20114247\u200e": "+14014194247",
            "+44 20 7946 0958": "+442079460958",
        },
    ),
    *each_value("A4", "phone", {"p:+14014194247": "+14014194247", "P: 4014194247": "+14014194247"}),
    ReadingCase(
        "A15",
        {"phone": "401-419-4247 / 212-555-1234"},
        {"phone": "+14014194247"},
        assumed=("phone",),
    ),
    *unread_cases("A15", "phone", "401-419-4247 fax", "home", "12345", "call the office"),
    *(
        ReadingCase("B1", {"phone": sent}, {"phone": "+14014194247", "phone_extension": "12"})
        for sent in ("401-419-4247 x12", "401.419.4247 ext. 12", "401-419-4247, ext 12", "401-419-4247 #12")
    ),
    ReadingCase(
        "B1",
        {"phone": "401-419-4247", "ext": "x13"},
        {"phone": "+14014194247", "phone_extension": "13"},
    ),
    *(
        ReadingCase("A15", {name: "(401) 419-4247"}, {"phone": "+14014194247"})
        for name in (
            "mobile",
            "Mobile Phone",
            "phone_1",
            "Phone 1",
            "phoneNumber",
            "cell",
            "home_phone",
            "Telephone",
        )
    ),
    ReadingCase(
        "A11",
        {"phone": "none", "mobile": "401-419-4247"},
        {"phone": "+14014194247"},
        {"phone": "none"},
    ),
    ReadingCase(
        "A11",
        {"phone": "401-419-4247", "work_phone": "212-555-1234"},
        {"phone": "+14014194247"},
        kept={"work_phone": "212-555-1234"},
    ),
    ReadingCase("A15", {"mobile": "12"}, {"phone": None}, {"mobile": "12"}, kept={"mobile": "12"}),
]

EMAILS: Final = [
    *each_value(
        "A9",
        "email",
        {
            "mailto:ann@example.org": "ann@example.org",
            "MAILTO:Ann@Example.org?subject=Hi": "ann@example.org",
            "ann@example.org;": "ann@example.org",
            "ann@example.org,": "ann@example.org",
            "ann@example.org.": "ann@example.org",
            "Ann Doe <ann@example.org>": "ann@example.org",
            '"Doe, Ann" <ANN@example.org>;': "ann@example.org",
            "<ann@example.org>": "ann@example.org",
            "'ann@example.org'": "ann@example.org",
            "ann@example.org (work)": "ann@example.org",
            "an\u200bn@example.org\ufeff": "ann@example.org",
            "\uff41nn\uff20example.org": "ann@example.org",
            "ann@exa\u0000mple.org": "ann@example.org",
            "ann&#64;example.org": "ann@example.org",
            "ann@b\u00fccher.example": "ann@xn--bcher-kva.example",
            "ann@bu\u0308cher.example": "ann@xn--bcher-kva.example",
            "ann@XN--BCHER-KVA.example": "ann@xn--bcher-kva.example",
            "ann+loan@example.org": "ann+loan@example.org",
            "a.nn@example.org": "a.nn@example.org",
            "Doe, Ann (ann@example.org)": "ann@example.org",
            "Ann Doe [ann@example.org]": "ann@example.org",
            "Ann Doe - ann@example.org": "ann@example.org",
            "{ann@example.org}": "ann@example.org",
            "email: ann@example.org": "ann@example.org",
            "smtp:ann@example.org": "ann@example.org",
            "o'neil/home@example.org": "o'neil/home@example.org",
        },
    ),
    *(
        ReadingCase("A9", {"email": sent}, {"email": "ann@example.org"}, assumed=("email",))
        for sent in (
            "ann@example.org/bob@example.org",
            '<a href="mailto:ann@example.org">ann@example.org</a>',
            "[ann@example.org](mailto:ann@example.org)",
            '"bob@example.org" <ann@example.org>',
        )
    ),
    *unread_cases("A9", "email", "ann@example.org/b", "ann (at) example.org", "<none>", '"ann"@example.org'),
    ReadingCase(
        "A9", {"email": "ann@example.org; bob@example.org"}, {"email": "ann@example.org"}, assumed=("email",)
    ),
    *(
        ReadingCase("A15", {name: "Ann@example.org"}, {"email": "ann@example.org"})
        for name in ("e-mail", "Email Address", "emailAddress", "mail", "email_1")
    ),
    *unread_cases(
        "A9", "email", "ann at example.org", "ann@localhost", "ann@@example.org", "ann@exa mple.org"
    ),
]
