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
MOST = 4
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


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=3 * MOST))
def test_x4_the_newest_answers_are_kept_and_the_others_come_out_in_order(
    given: list[tuple[str, str]],
) -> None:
    kept, wanted, left = NO_ANSWERS, list[Answered](), list[Answered]()
    for action_id, why in given:
        answer = answer_of(action_id, why)
        kept, older = with_answer(kept, answer, MOST)
        wanted.append(answer)
        left += older
        while len(wanted) > MOST:
            assert left[-1] == wanted.pop(0)
        assert list(all_of(kept)) == wanted
        assert answer_to(kept, action_id, "default") is not None
    assert len(left) == max(0, len(given) - MOST)
    assert encoded_answers(wanted) == kept


def test_x4_the_shortest_answers_are_counted_too() -> None:
    kept, dropped = NO_ANSWERS, list[Answered]()
    for _ in range(40):
        shortest = Answered(action_id="", action="", rep_id="", result=Result.WON, version=0, decided_at=AT)
        kept, older = with_answer(kept, shortest, ANSWERS_KEPT)
        dropped += older
    assert (len(all_of(kept)), len(dropped)) == (ANSWERS_KEPT, 40 - ANSWERS_KEPT)


def test_x4_a_row_that_keeps_fewer_answers_than_it_has_leaves_out_all_that_are_too_many() -> None:
    kept = encoded_answers([answer_of(str(n)) for n in range(6)])
    kept, older = with_answer(kept, answer_of("6"), 2)
    assert [one.action_id for one in older] == ["0", "1", "2", "3", "4"]
    assert [one.action_id for one in all_of(kept)] == ["5", "6"]
    kept, older = with_answer(kept, answer_of("7"), 1)
    assert [one.action_id for one in older] == ["5", "6"]
    assert all_of(kept) == (answer_of("7"),)


def test_x4_only_the_org_of_an_action_finds_its_answer() -> None:
    kept = encoded_answers([answer_of("a", org="one"), answer_of("a", why='"b"', org="two")])
    assert answer_to(kept, "a", "two") == answer_of("a", why='"b"', org="two")
    assert answer_to(kept, "a", "three") is None
    assert answer_to(kept, "b", "two") is None
    assert answer_to(NO_ANSWERS, "a", "one") is None


def test_a_row_without_answers_does_not_write_the_field() -> None:
    row = LeadRow(off=1, seq=0, lead=None, at=AT, cause="c")
    assert b"answers" not in msgspec.json.encode(row)
    assert row.answers == ()
    full = LeadRow(off=1, seq=0, lead=None, at=AT, cause="c", kept=encoded_answers([answer_of("a")]))
    assert msgspec.json.decode(msgspec.json.encode(full))["answers"][0]["action_id"] == "a"
