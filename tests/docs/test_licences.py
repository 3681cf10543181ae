"""The page of licences is what the lock files and the installed packages say, and every licence is allowed."""

from __future__ import annotations

from email.message import Message
from typing import Any

import pytest

from tools import software_licences


def test_the_page_is_current_and_every_licence_is_allowed() -> None:
    assert software_licences.PAGE.read_text() == software_licences.page(), "run make licences"


def test_every_locked_package_is_on_the_page_with_what_needs_it() -> None:
    by_name = {part.name: part for part in software_licences.packages()}
    assert len(by_name) > 100
    assert by_name["aiokafka"].needed_by == by_name["mode-streaming"].needed_by == "firstclaim"
    assert by_name["quixstreams"].needed_by == "firstclaim[bench]"
    assert by_name["opentelemetry-exporter-otlp-proto-http"].needed_by == "firstclaim[otel]"
    assert by_name["ruff"].needed_by == "firstclaim[dev]"
    assert "firstclaim[oidc]" in by_name["joserfc"].needed_by.split(", ")


def metadata(**fields: str) -> Any:
    message = Message()
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    return message


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        (
            {"License_Expression": "Apache-2.0 AND (MIT OR BSD-3-Clause)"},
            "Apache-2.0 AND (MIT OR BSD-3-Clause)",
        ),
        ({"License": "Apache License, Version 2.0"}, "Apache-2.0"),
        ({"License": "UNKNOWN", "Classifier": "License :: OSI Approved :: MIT License"}, "MIT"),
    ],
)
def test_a_licence_is_read_from_the_metadata(fields: dict[str, str], licence: str) -> None:
    assert software_licences.licence_of("some-package", metadata(**fields)) == licence


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"License_Expression": "AGPL-3.0-only"}, "AGPL-3.0-only is not among the allowed"),
        ({"License_Expression": "MIT OR SSPL-1.0"}, "SSPL-1.0 is not among the allowed"),
        ({"License_Expression": "LGPL-3.0-only"}, "is allowed for psycopg, psycopg-binary only"),
        ({"License_Expression": "GPL-2.0-only"}, "GPL-2.0-only is not among the allowed"),
        ({"License": "see the file"}, "name no licence"),
        ({"Classifier": "License :: OSI Approved :: BSD License"}, "name no licence"),
    ],
)
def test_a_licence_that_is_unknown_or_not_allowed_is_refused(fields: dict[str, str], says: str) -> None:
    with pytest.raises(software_licences.UnknownLicenceError, match=says):
        software_licences.licence_of("some-package", metadata(**fields))
