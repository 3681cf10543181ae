"""The bytes of a row's answers say the same as a list of them (X4)."""

from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from models.decisions import Answered
from models.kept_answers import NO_ANSWERS, all_of, answer_to, encoded_answers, with_answer
from models.lead import ANSWERS_KEPT, LeadRow
from models.results import Result

AT = datetime(2026, 11, 20, tzinfo=UTC)
MAX_ANSWERS = 4
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(['{"type":"answered",', '"},{"type":"answered","action_id":"b"', "\\", '\\"', "é", "]"]),
)


def answer_of(action_id: str, why: str | None = None, org: str = "default") -> Answered:
    return Answered(
        action_id=action_id,
        action="claim",
        rep_id="rep-1",
        result=Result.WON,
        version=1,
        decided_at=AT,
        why=why,
        org=org,
    )


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=3 * MAX_ANSWERS))
def test_x4_the_newest_answers_are_kept_and_the_others_come_out_in_order(
    pairs: list[tuple[str, str]],
) -> None:
    encoded, expected, dropped = NO_ANSWERS, list[Answered](), list[Answered]()
    for action_id, why in pairs:
        answer = answer_of(action_id, why)
        encoded, older = with_answer(encoded, answer, MAX_ANSWERS)
        expected.append(answer)
        dropped += older
        while len(expected) > MAX_ANSWERS:
            assert dropped[-1] == expected.pop(0)
        assert list(all_of(encoded)) == expected
        assert answer_to(encoded, action_id, "default") is not None
    assert len(dropped) == max(0, len(pairs) - MAX_ANSWERS)
    assert encoded_answers(expected) == encoded


def test_x4_the_shortest_answers_are_counted_too() -> None:
    encoded, dropped = NO_ANSWERS, list[Answered]()
    for _ in range(40):
        shortest = Answered(action_id="", action="", rep_id="", result=Result.WON, version=0, decided_at=AT)
        encoded, older = with_answer(encoded, shortest, ANSWERS_KEPT)
        dropped += older
    assert (len(all_of(encoded)), len(dropped)) == (ANSWERS_KEPT, 40 - ANSWERS_KEPT)


def test_x4_a_row_that_keeps_fewer_answers_than_it_has_leaves_out_all_that_are_too_many() -> None:
    encoded = encoded_answers([answer_of(str(n)) for n in range(6)])
    encoded, older = with_answer(encoded, answer_of("6"), 2)
    assert [answer.action_id for answer in older] == ["0", "1", "2", "3", "4"]
    assert [answer.action_id for answer in all_of(encoded)] == ["5", "6"]
    encoded, older = with_answer(encoded, answer_of("7"), 1)
    assert [answer.action_id for answer in older] == ["5", "6"]
    assert all_of(encoded) == (answer_of("7"),)


def test_x4_only_the_org_of_an_action_finds_its_answer() -> None:
    encoded = encoded_answers([answer_of("a", org="one"), answer_of("a", why='"b"', org="two")])
    assert answer_to(encoded, "a", "two") == answer_of("a", why='"b"', org="two")
    assert answer_to(encoded, "a", "three") is None
    assert answer_to(encoded, "b", "two") is None
    assert answer_to(NO_ANSWERS, "a", "one") is None


def test_a_row_without_answers_does_not_write_the_field() -> None:
    row = LeadRow(off=1, seq=0, lead=None, at=AT, cause="c")
    assert b"answers" not in msgspec.json.encode(row)
    assert row.answers == ()
    full = LeadRow(off=1, seq=0, lead=None, at=AT, cause="c", kept=encoded_answers([answer_of("a")]))
    assert msgspec.json.decode(msgspec.json.encode(full))["answers"][0]["action_id"] == "a"
