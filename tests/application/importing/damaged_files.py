"""Makes small sound files of leads, one row a person, and damages them: quotes, encodings, columns, truncation.

Each row has a token of its own, so that a test can ask what became of the row. Every format that `send` reads is here.
"""

import random
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from tests.application.importing.workbooks import table_workbook

FIRST_NAMES: Final = ("Ann", "Bob", "María", "Wei", "O'Neil")
LAST_NAMES: Final = ("Doe", "Roe", "Muñoz", "van Jones", "Lee, Jr.")
DELIMITERS: Final = (",", ";", "\t", "|")
ENCODINGS: Final = ("utf-8", "utf-8-sig", "cp1252", "utf-16")
ENDS: Final = ("\n", "\r\n", "\r")
ROWS: Final = 3
WORKBOOKS: Final = 4
QUOTES: Final = ('"', '""', '"""', "'", '","', '"\n"', "“")
HEADER: Final = ("id", "first_name", "last_name", "phone", "note")


class SoundFile(NamedTuple):
    """A file and its rows. `tokens`: of each row, in order. `encoding`: in which the tokens stand in the bytes."""

    name: str
    content: bytes
    tokens: tuple[str, ...]
    encoding: str

    def readable(self, content: bytes) -> list[str]:
        """Return the tokens that are still text in some bytes; none that the damage made twice."""
        text = content.decode(self.encoding, "replace")
        return [token for token in self.tokens if text.count(token) == 1]


def sound_file(seed: int) -> SoundFile:
    """Return a sound small file: CSV of all shapes, JSON lines, a JSON list, a JSON list inside, ADF, or a workbook."""
    rng = random.Random(seed)
    tokens = tuple(f"Tok{seed:03}x{n}" for n in range(ROWS))
    people = [
        (
            str(rng.randrange(1, 3)),
            rng.choice(FIRST_NAMES),
            rng.choice(LAST_NAMES),
            f"401-419-424{rng.randrange(2)}",
            rng.choice((token, f"note {token}.")),
        )
        for token in tokens
    ]
    objects = [
        "{" + ",".join(f'"{name}":"{cell}"' for name, cell in zip(HEADER, person, strict=True)) + "}"
        for person in people
    ]
    match seed % 8:
        case 0:
            return SoundFile("a.jsonl", "\n".join(objects).encode(), tokens, "utf-8")
        case 1:
            return SoundFile("a.json", f"[{', '.join(objects)}]".encode(), tokens, "utf-8")
        case 2:
            text = '{"root": {"row": [\n' + ",\n".join(objects) + "\n]}}\n"
            return SoundFile("a.json", text.encode(rng.choice(("utf-8", "cp1252"))), tokens, "latin-1")
        case 3:
            prospects = "\n".join(
                f"<prospect><id>{n}</id><customer><contact><name part='full'>{a} {b}</name><phone>{c}</phone></contact>"
                f"<comments>{d}</comments></customer></prospect>"
                for n, a, b, c, d in people
            )
            text = f'<?xml version="1.0"?>\n<adf>{prospects}</adf>'
            return SoundFile("a.xml", text.encode(), tokens, "utf-8")
        case 4 if seed % 40 == WORKBOOKS:  # of 2,700 bytes each, so there are fewer
            return SoundFile("a.xlsx", table_workbook(HEADER, *people), tokens, "latin-1")
        case _:
            delimiter, end = rng.choice(DELIMITERS), rng.choice(ENDS)
            text = "".join(
                delimiter.join(
                    f'"{cell}"' if rng.random() < 0.4 or delimiter in cell else cell for cell in row
                )
                + end
                for row in (HEADER, *people)
            )
            encoding = rng.choice(ENCODINGS)
            tokens_in = "latin-1" if encoding.startswith(("utf-8", "cp")) else "utf-16"
            return SoundFile("a.csv", text.encode(encoding), tokens, tokens_in)


def truncations(content: bytes, step: int, shortest: int) -> Iterator[bytes]:
    """Yield beginnings of a file, from `shortest` bytes to at most all but the last; each is `step` bytes longer."""
    return (content[:length] for length in range(shortest, len(content), step))


def with_stray_quotes(content: bytes, seed: int, count: int) -> Iterator[bytes]:
    """Yield versions of a file with one to three quotes put in."""
    rng = random.Random(seed)

    def damaged_version() -> bytes:
        damaged = bytearray(content)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(damaged) + 1)
            damaged[at:at] = rng.choice(QUOTES).encode()
        return bytes(damaged)

    return islice(iter(damaged_version, None), count)


def damages(content: bytes, seed: int, count: int) -> Iterator[bytes]:
    """Yield versions of a file with quotes put in, bytes of another encoding, and columns lost or added."""
    rng = random.Random(seed)

    def damaged_version() -> bytes:
        damaged = bytearray(content)
        for _ in range(rng.randrange(1, 5)):
            at = rng.randrange(len(damaged) + 1)
            match rng.randrange(4):
                case 0:
                    damaged[at:at] = rng.choice(QUOTES).encode()
                case 1:
                    damaged[at : at + 1] = bytes([rng.randrange(128, 256)])
                case 2:
                    damaged[at:at] = rng.choice(DELIMITERS).encode() * rng.randrange(1, 9)
                case _:
                    del damaged[at : at + rng.randrange(1, 12)]
        return bytes(damaged)

    return islice(iter(damaged_version, None), count)
