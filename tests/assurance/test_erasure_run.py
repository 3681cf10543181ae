"""Persons are erased while leads come in and workers are killed, and a search by no code of ours finds none of them."""

import pytest

from assurance.erasure_run import run_erasure
from assurance.erasure_search import found_in

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PERSONS = 50


def test_the_search_finds_every_spelling_and_nobody_else() -> None:
    assert found_in(b'"phone":"+13392200012","n":"ZQVJX12 Berg" zqvjx12@a.org (339) 220-0012') == 4
    assert found_in(b"+14014190012 1733922000123 Jeremy Jones 339") == 0


async def test_nothing_of_erased_persons_is_left_anywhere() -> None:
    result = await run_erasure(persons=PERSONS, workers=2, say=print)
    assert result["left"] == {}
    assert list(result["verify"]["findings"]) == []
    assert result["leads_erased"] == PERSONS
    assert result["found_before"], "the search found them while they were there"
    assert result["ok"], result
