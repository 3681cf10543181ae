"""The page of settings is that of the code."""

from __future__ import annotations

from streams.settings import Settings
from tools.settings_page import PAGE, page, values_of, variables
from web.settings import WebSettings


def test_the_page_is_what_the_code_says() -> None:
    """Run `python -m tools.settings_page` when this fails."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_a_row_has_values_default_and_meaning() -> None:
    rows = [line.split(" | ") for line in page().splitlines() if line.startswith("| `")]
    of_kafka = next(row for row in rows if row[0] == "| `KAFKA_SECURITY_PROTOCOL`")
    assert of_kafka[1:3] == ["`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT`, `SASL_SSL`", "`PLAINTEXT`"]
    limits = dict(variables(Settings))
    assert values_of(limits["FIRSTCLAIM_PARTITIONS"]) == "whole number from 1 to 1,024"
    assert values_of(limits["KAFKA_SASL_PASSWORD"]) == "secret"
    assert values_of(dict(variables(WebSettings))["FIRSTCLAIM_IDLE_MINUTES"]) == "number more than 0"
