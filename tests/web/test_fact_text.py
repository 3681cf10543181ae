"""A lead's page shows what an attribute says, never how it is stored."""

from __future__ import annotations

import pytest

from web.pages.lead import in_words


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("text", "text"),
        (7, 7),
        (
            {"id_reused": "the vendor's id came with another person"},
            "id reused: the vendor's id came with another person",
        ),
        ({"zip": "2903.0", "phone": ["1", {"area": "2"}]}, "zip: 2903.0; phone: 1, area: 2"),
        (["38", "39"], "38, 39"),
        ({}, ""),
    ],
)
def test_v5_an_attribute_with_parts_is_read_as_words(stored: object, shown: object) -> None:
    assert in_words(stored) == shown
