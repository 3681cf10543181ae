"""Messages that wrap a lead in other objects: a part of the table behind docs/reading.md (A16)."""

from typing import Any, Final

from tests.rules.inbound.reading_case import ReadingCase

_ANN: Final[dict[str, Any]] = {"first_name": "Ann", "last_name": "Doe", "phone": "+14014194247"}
_SENT: Final = '{"id":"7","first_name":"Ann","last_name":"Doe","phone":"401-419-4247"}'
_BOB: Final = '{"name":"Bob Roe","phone":"212-555-1234"}'

WRAPPED: Final = [
    *(
        ReadingCase("A16", f'{{"vendor":"acme",{around}}}', {**_ANN, "external_id": "7"})
        for around in (
            f'"root":{{"row":{_SENT}}}',
            f'"data":[{_SENT}]',
            f'"zzz":{_SENT}',
            f'"id":"evt_1","data":{{"attributes":{_SENT}}}',
            f'"id":"evt_1","name":"lead.created","data":{{"object":{_SENT}}}',
        )
    ),
    ReadingCase(
        "A16",
        f'{{"vendor":"acme","campaign":"spring","lead":{_SENT},"agent":{_BOB}}}',
        {**_ANN, "campaign": "spring"},
        kept={"agent": {"name": "Bob Roe", "phone": "212-555-1234"}},
    ),
    ReadingCase(
        "A16",
        f'{{"vendor":"acme","borrower":{_SENT},"co_borrower":{_BOB}}}',
        _ANN,
        kept={"co_borrower": {"name": "Bob Roe", "phone": "212-555-1234"}},
    ),
    ReadingCase(
        "A16",
        '{"vendor":"acme","id":"evt_1","payload":{"email":"ann@doe.org"}}',
        {"external_id": "evt_1", "email": "ann@doe.org"},
    ),
    ReadingCase(
        "A16",
        f'{{"vendor":"acme","id":"7","agent":{_BOB}}}',
        {"external_id": "7", "last_name": None, "phone": None},
        kept={"agent": {"name": "Bob Roe", "phone": "212-555-1234"}},
    ),
    ReadingCase(
        "A16",
        f'{{"vendor":"acme","last_name":"Doe","lead":{_BOB}}}',
        {"last_name": "Doe", "phone": None},
        kept={"lead": {"name": "Bob Roe", "phone": "212-555-1234"}},
    ),
    *(
        ReadingCase("A16", f'{{"vendor":"acme","id":"7",{fields}}}', {**_ANN, "email": "ann@doe.org"})
        for fields in (
            '"firstName":"Ann","lastName":"Doe","phones":["401-419-4247"],"emails":["ann@doe.org"]',
            '"name":{"first":"Ann","last":"Doe"},"contact":{"phone":"401-419-4247","email":"ann@doe.org"}',
            '"name":"Ann Doe","tel":[{"value":"none"},{"value":"401-419-4247"}],"emails":[{"value":"ann@doe.org"}]',
            '"contact":{"name":{"first":"Ann","last":"Doe"},"phone":"401-419-4247"},"email":["ann@doe.org"]',
        )
    ),
    ReadingCase(
        "A16",
        {"last_name": "Doe", "address": {"line1": "1 Main St", "state": "RI", "zip": "02903"}},
        {"last_name": "Doe", "state": "RI", "zip": "02903"},
        kept={"address": {"line1": "1 Main St", "state": "RI", "zip": "02903"}},
    ),
    ReadingCase(
        "A16",
        {
            "last_name": "Doe",
            "phone": "401-419-4247",
            "phones": ["212-555-1234"],
            "employer": {"phone": "212-555-9999"},
        },
        {"phone": "+14014194247"},
        kept={"phones": ["212-555-1234"], "employer": {"phone": "212-555-9999"}},
    ),
    ReadingCase(
        "A16",
        {"last_name": "Doe", "phone": {"a": {"b": 1}}, "email": [[1]]},
        {"phone": None, "email": None},
        {"phone": {"a": {"b": 1}}, "email": [[1]]},
    ),
]
