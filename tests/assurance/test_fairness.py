"""The judge of turns sees who is ahead at any moment, not only in the end."""

import pytest

from assurance.fairness import judge

EVEN = dict.fromkeys(("ann", "bob", "cyd"), 1)


@pytest.mark.parametrize(
    ("turns", "apart"),
    [
        ("ann bob cyd ann bob cyd", 1),
        ("ann bob cyd cyd bob ann", 1),
        ("ann bob ann cyd cyd bob", 2),
        ("ann ann bob bob cyd cyd", 2),
        ("ann dee dee bob dee cyd", 1),
    ],
)
def test_r7_counts_are_held_apart_at_every_prefix_among_those_judged(turns: str, apart: int) -> None:
    assert judge(turns.split(), EVEN).most_apart == apart


def test_r7_weights_are_held_against_the_exact_share_at_every_prefix() -> None:
    weights = {"ann": 5, "bob": 1, "cyd": 1}
    spread = judge(["ann", "ann", "bob", "ann", "cyd", "ann", "ann"], weights)
    assert (spread.counts, spread.off_share <= 1) == ({"ann": 5, "bob": 1, "cyd": 1}, True)
    assert judge(["bob", "cyd", "ann", "ann", "ann", "ann", "ann"], weights).off_share > 1
    assert judge(["bob", "dee"], weights).counts == {"ann": 0, "bob": 1, "cyd": 0, "dee": 1}
