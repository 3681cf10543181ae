"""The review of a group says who has another place on its roster, and nobody whom others only push (R1, X2)."""

from __future__ import annotations

import pytest

from rules.queues.rule_book import OrgRules
from web.services.directory_edits.effects import MAX_COMPARED, moves


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("abcd", "dabc", ["d moves from place 4 to 1."]),
        ("abcd", "bcda", ["a moves from place 1 to 4."]),
        ("ab", "ba", ["a moves from place 1 to 2."]),
        ("ab", "cba", ["c comes in at place 1.", "a moves from place 1 to 3."]),
        ("abcd", "acd", []),
        ("abcd", "abcd", []),
        ("", "ab", ["a comes in at place 1.", "b comes in at place 2."]),
        ("abcdef", "fbcdea", ["f moves from place 6 to 1.", "a moves from place 1 to 6."]),
    ],
)
def test_r1_only_who_moved_is_said_to_move(old: str, new: str, expected: list[str]) -> None:
    texts = list(moves(OrgRules("org"), list(old), list(new)))
    assert sorted(texts) == sorted(expected)


def test_r1_of_a_long_roster_it_is_said_how_many_move() -> None:
    reps = [f"rep-{n}" for n in range(MAX_COMPARED + 1)]
    expected = f"{len(reps):,} reps have other places than before, or come in."
    assert list(moves(OrgRules("org"), reps, [*reps[1:], reps[0]])) == [expected]
    assert not list(moves(OrgRules("org"), reps, reps))
