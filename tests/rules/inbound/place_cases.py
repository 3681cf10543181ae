"""What vendors send as states, postal codes and time zones, and what is read of it."""

from typing import Final

from tests.rules.inbound.reading_case import ReadingCase, each_value, unread_cases

PLACES: Final = [
    *(
        ReadingCase("A15", {"zip": sent}, {"zip": "78704", "state": "TX"}, assumed=("state",))
        for sent in (
            "78704 - 1234",
            "78704-1234",
            "787041234",
            "78704",
            78704,
            "78704.0",
            "78704-",
            "78704 1234",
            "78704+1234",
            "TX 78704",
            "78704, TX",
            "Austin, TX 78704-1234",
            "Texas 78704",
            "78704 USA",
            "ZIP: 78704",
            '"78704"',
            "(78704)",
            "z:78704",
            "\uff17\uff18704",
        )
    ),
    *(
        ReadingCase("A15", {name: "78704"}, {"zip": "78704", "state": "TX"}, assumed=("state",))
        for name in ("postal_code", "Zip Code", "zipCode", "postcode", "ZIP/Postal Code")
    ),
    *(
        ReadingCase("A14", {"zip": sent, "state": "RI"}, {"zip": "02903", "state": "RI"})
        for sent in ("2903", 2903, "2903-1234", "2903.0")
    ),
    ReadingCase("A14", {"zip": "501", "state": "NY"}, {"zip": "00501"}),
    ReadingCase("A14", {"zip": "RI 2903", "state": "RI"}, {"zip": "02903", "state": "RI"}),
    ReadingCase("A14", {"zip": "MA 2903", "state": "RI"}, {"zip": None, "state": "RI"}, {"zip": "MA 2903"}),
    *unread_cases(
        "A14", "zip", "NY 78704", "Austin 78704", "78704 12", "78704 12345", "7870 41234", "TX 78704 RI"
    ),
    ReadingCase("A14", {"zip": "7870", "state": "TX"}, {"zip": None, "state": "TX"}, {"zip": "7870"}),
    ReadingCase("A14", {"zip": "2903"}, {"zip": None, "state": None}, {"zip": "2903"}),
    ReadingCase(
        "A14",
        {"zip": "12345", "state": "CA"},
        {"zip": "12345", "state": "CA", "time_zone": None},
        remarks=("zip",),
    ),
    ReadingCase(
        "A14",
        {"zip": "99999", "state": "NY"},
        {"zip": "99999", "time_zone": "America/New_York"},
        remarks=("zip",),
    ),
    ReadingCase(
        "A14",
        {"zip": "02903", "state": "Bavaria"},
        {"state": "RI", "time_zone": "America/New_York"},
        {"state": "Bavaria"},
        assumed=("state",),
    ),
    *each_value(
        "A15",
        "state",
        {
            "US-CA": "CA",
            "CA - California": "CA",
            "California (CA)": "CA",
            "Washington, DC": "DC",
            "Washington D.C.": "DC",
            "Providence, RI": "RI",
            "State of New York": "NY",
            "NY 10001": "NY",
            "Calif.": "CA",
            "\uff23\uff21": "CA",
            "California, USA": "CA",
        },
    ),
    *unread_cases(
        "A15", "state", "Bavaria", "N/A", "CA or NV", "Ontario, ON", "California, TX, RI, Springfield"
    ),
    ReadingCase("A11", {"region": "RI"}, {"state": "RI"}),
    ReadingCase(
        "C3",
        {"state": "FL"},
        {"state": "FL", "time_zone": None},
    ),
    ReadingCase("A4", {"zip": "z:02903", "state": "RI"}, {"zip": "02903"}),
    ReadingCase("C3", {"state": "MI"}, {"state": "MI", "time_zone": None}),
    ReadingCase(
        "C3", {"zip": "49801"}, {"state": "MI", "time_zone": "America/Menominee"}, assumed=("state",)
    ),
    ReadingCase("C3", {"zip": "89883"}, {"state": "NV", "time_zone": "America/Denver"}, assumed=("state",)),
    ReadingCase("C3", {"state": "FL", "phone": "850-433-1234"}, {"time_zone": "America/Chicago"}),
    ReadingCase("C3", {"phone": "219-200-1234"}, {"phone": "+12192001234", "time_zone": None}),
    ReadingCase("C3", {"state": "KY", "phone": "364-200-1234"}, {"time_zone": None}),
    ReadingCase("C3", {"state": "TN", "phone": "729-200-1234"}, {"phone": "+17292001234", "time_zone": None}),
    ReadingCase("C3", {"state": "MI", "phone": "679-200-1234"}, {"time_zone": "America/Detroit"}),
    ReadingCase("C3", {"state": "KY", "phone": "502-200-1234"}, {"time_zone": "America/New_York"}),
    ReadingCase("C3", {"state": "FL", "zip": "32501"}, {"time_zone": "America/Chicago"}),
    ReadingCase(
        "C3",
        {"state": "TX", "zip": "79901", "phone": "212-555-1234"},
        {"time_zone": "America/Denver"},
        remarks=("phone",),
    ),
    ReadingCase("C3", {"state": "RI", "phone": "800-555-1234"}, {"time_zone": "America/New_York"}),
    ReadingCase(
        "C3",
        {"state": "RI", "time_zone": "America/Los_Angeles"},
        {"time_zone": "America/Los_Angeles"},
        remarks=("time_zone",),
    ),
]
