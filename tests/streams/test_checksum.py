"""The checksum of record batches is CRC-32C, by the processor's own instruction where there is a library for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.checksum import by_instruction, by_tables, crc32c

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 300_000
LARGE = bytes(n * n % 251 for n in range(SIZE))


@pytest.mark.parametrize("function", [by_instruction, by_tables])
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_it_is_the_checksum_of_rfc_3720(
    function: Callable[[bytes, int, int], int], data: bytes, expected: int
) -> None:
    assert function(b"before" + data + b"after", 6, 6 + len(data)) == expected


@given(begin=st.integers(0, SIZE), end=st.integers(0, SIZE))
def test_both_ways_give_the_same_for_each_part_of_a_large_batch(begin: int, end: int) -> None:
    assert by_instruction(LARGE, begin, end) == by_tables(LARGE, begin, end)


def test_the_instruction_is_used_on_each_platform_that_runs_these_tests() -> None:
    assert crc32c is by_instruction
