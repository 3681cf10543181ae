"""The file of the rows that nobody works on gives every row back, uses room again, and survives a full disk."""

import subprocess
import sys
import textwrap
from pathlib import Path

import structlog
from hypothesis import given
from hypothesis import strategies as st

from streams.row_file import BUFFER_BYTES, SLOT_BYTES, RowFile

ROWS = st.one_of(
    st.binary(max_size=3 * SLOT_BYTES), st.integers(0, 5).map(lambda n: bytes([n]) * BUFFER_BYTES)
)


@given(st.lists(st.tuples(ROWS, st.booleans()), max_size=30))
def test_every_row_is_given_back_however_rows_come_and_go(rows: list[tuple[bytes, bool]]) -> None:
    file, stored = RowFile(Path(__file__).parent), dict[int, bytes]()
    for value, goes in rows:
        position = file.put(value)
        assert isinstance(position, int)
        assert position not in stored
        stored[position] = value
        if goes:
            first = next(iter(stored))
            file.drop(first)
            del stored[first]
        assert {position: file.get(position) for position in stored} == stored


def test_room_of_dropped_rows_is_used_again(tmp_path: Path) -> None:
    file = RowFile(tmp_path)
    positions = [file.put(bytes([n % 251]) * 1_000) for n in range(1_000)]
    size = file.size
    for _ in range(3):
        for position in positions:
            assert isinstance(position, int)
            file.drop(position)
        positions = [file.put(bytes([n % 7]) * 990) for n in range(1_000)]
    assert file.size == size
    assert [file.get(position) for position in positions if isinstance(position, int)] == [
        bytes([n % 7]) * 990 for n in range(1_000)
    ]


def test_nothing_is_left_in_the_folder(tmp_path: Path) -> None:
    file = RowFile(tmp_path)
    file.put(b"row" * BUFFER_BYTES)
    assert list(tmp_path.iterdir()) == []


def test_rows_that_a_full_disk_refuses_stay_in_memory(tmp_path: Path) -> None:
    """The process may write no file larger than a megabyte, so the disk refuses what is beyond."""
    program = """
        import resource, signal, sys
        from pathlib import Path
        from streams.row_file import RowFile
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        file, rows = RowFile(Path(sys.argv[1])), [bytes([n % 251]) * 1_000 for n in range(3_000)]
        positions = [file.put(row) for row in rows]
        given = [position if isinstance(position, bytes) else file.get(position) for position in positions]
        print(given == rows, any(isinstance(position, bytes) for position in positions))
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    output = result.stdout.splitlines()
    assert output[-1] == "True True", result.stderr
    assert sum("rows stay in memory" in line for line in output) == 1


def test_a_row_longer_than_any_record_stays_in_memory(tmp_path: Path) -> None:
    file, row = RowFile(tmp_path), b"r" * (1 << 20)
    with structlog.testing.capture_logs() as logged:
        assert file.put(row) is row
    assert logged == []
