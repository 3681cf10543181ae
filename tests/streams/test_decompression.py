"""The four codecs inflate correctly in each client's framing, in bounded memory, and raise only `CannotInflate`."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import cramjam
import pytest
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.decompression import (
    GZIP,
    LZ4,
    MAX_INFLATED_BYTES,
    SNAPPY,
    ZSTD,
    CannotInflate,
    inflate,
    missing_codecs,
)

if TYPE_CHECKING:
    import random

ENCODE = {
    "gzip": (GZIP, gzip_encode),
    "snappy as Java frames it": (SNAPPY, snappy_encode),
    "snappy raw": (SNAPPY, lambda data: bytes(cramjam.snappy.compress_raw(data))),
    "lz4": (LZ4, lz4_encode),
    "zstd": (ZSTD, zstd_encode),
}
every_codec = pytest.mark.parametrize(("codec", "encode"), ENCODE.values(), ids=ENCODE)


def test_all_codecs_of_kafka_are_installed() -> None:
    assert missing_codecs() == []


@every_codec
@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(1, 2_000))
def test_what_was_compressed_comes_back(codec: int, encode: object, data: bytes, times: int) -> None:
    text = data * times
    assert inflate(codec, encode(text), b"before") == b"before" + text  # type: ignore[operator]


@pytest.mark.parametrize(("codec", "encode"), [(c, e) for c, e in ENCODE.values() if c in {GZIP, LZ4, ZSTD}])
def test_members_and_frames_that_were_put_together_come_back(codec: int, encode: object) -> None:
    parts = [os.urandom(70_000), b"", b"x" * 200_000]
    joined = b"".join(encode(part) for part in parts)  # type: ignore[operator]
    assert inflate(codec, joined) == b"".join(parts)


def test_gzip_may_be_padded_with_zeros() -> None:
    assert inflate(GZIP, gzip.compress(b"hello") + bytes(40_000)) == b"hello"


@every_codec
def test_beyond_the_bound_it_is_refused_and_at_the_bound_it_is_not(codec: int, encode: object) -> None:
    data = b"x" * 1_000_000
    assert len(inflate(codec, encode(data), max_bytes=len(data))) == len(data)  # type: ignore[operator]
    with pytest.raises(CannotInflate, match="inflates to more than 999999 bytes"):
        inflate(codec, encode(data), max_bytes=len(data) - 1)  # type: ignore[operator]


@every_codec
@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_damaged_bytes_are_one_error_with_a_reason(codec: int, encode: object, rnd: random.Random) -> None:
    data = bytearray(encode(rnd.randbytes(rnd.randrange(500)) * rnd.randrange(1, 50)))  # type: ignore[operator]
    for _ in range(rnd.randrange(1, 4)):
        at = rnd.randrange(len(data) + 1)
        data[at : at + rnd.randrange(8)] = rnd.randbytes(rnd.randrange(8))
    with suppress(CannotInflate):  # no other error is raised
        assert len(inflate(codec, bytes(data))) <= MAX_INFLATED_BYTES


def test_many_empty_members_are_refused() -> None:
    with pytest.raises(CannotInflate, match="more than 1000 members"):
        inflate(GZIP, gzip.compress(b"") * 2_000)


@pytest.mark.parametrize("codec", [0, 5, 7])
def test_an_unknown_codec_is_named(codec: int) -> None:
    with pytest.raises(CannotInflate, match=f"codec {codec} is unknown"):
        inflate(codec, b"data")


MEASURE = """
import sys, zlib, cramjam
from streams.decompression import CannotInflate, inflate

def most_rss() -> int:
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))

name, size = sys.argv[1], 300 * 1000 * 1000
if name == "gzip":
    packer, piece = zlib.compressobj(wbits=31), bytes(1_000_000)
    data = b"".join([packer.compress(piece) for _ in range(300)]) + packer.flush()
elif name == "snappy":
    block = bytes(cramjam.snappy.compress_raw(bytes(1_000_000)))
    data = bytes.fromhex("82534e4150505900") + bytes(8) + (len(block).to_bytes(4, "big") + block) * 300
else:
    codec = getattr(cramjam, name)
    data = bytes(codec.compress(bytes(1_000_000))) * 300
before = most_rss()
try:
    inflate({"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}[name], data)
except CannotInflate as error:
    print(error)
print(most_rss() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("name", ["gzip", "snappy", "lz4", "zstd"])
def test_p3_three_hundred_megabytes_cost_less_than_64(name: str) -> None:
    program = [sys.executable, "-c", MEASURE, name]
    memory, more = subprocess.run(program, check=True, capture_output=True, text=True).stdout.splitlines()
    assert memory == f"{name}: inflates to more than {MAX_INFLATED_BYTES} bytes"
    assert int(more) < 64 * 1024 * 1024
