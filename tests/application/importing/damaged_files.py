"""Makes damaged files of leads from small sound ones: bad quotes, encodings and columns, and every truncation."""

import random
from collections.abc import Iterator
from itertools import islice
from typing import Final

FIRST: Final = ("Ann", "Bob", "María", "Wei", "O'Neil")
LAST: Final = ("Doe", "Roe", "Muñoz", "van Jones", "Lee, Jr.")
DELIMITERS: Final = (",", ";", "\t", "|")
ENCODINGS: Final = ("utf-8", "utf-8-sig", "cp1252", "utf-16")
ENDS: Final = ("\n", "\r\n", "\r")
_QUOTES: Final = ('"', '""', '"""', "'", '","', '"\n"', "“")


def sound_file(seed: int) -> tuple[str, bytes]:
    """Return the name and the bytes of a sound small file: CSV of all shapes, JSON lines, a JSON list, or ADF."""
    rng = random.Random(seed)
    people = [
        (rng.randrange(1, 3), rng.choice(FIRST), rng.choice(LAST), f"401-419-424{rng.randrange(2)}")
        for _ in range(2)
    ]
    match seed % 5:
        case 0:
            text = "\n".join(
                f'{{"id":{n},"first_name":"{a}","last_name":"{b}","phone":"{c}"}}' for n, a, b, c in people
            )
            return "a.jsonl", text.encode()
        case 1:
            text = ",".join(
                f'{{"id":{n},"first_name":"{a}","last_name":"{b}","phone":"{c}"}}' for n, a, b, c in people
            )
            return "a.json", f"[{text}]".encode()
        case 2:
            prospects = "".join(
                f"<prospect><id>{n}</id><customer><contact><name part='full'>{a} {b}</name><phone>{c}</phone></contact>"
                "</customer></prospect>"
                for n, a, b, c in people
            )
            return "a.xml", f"<adf>{prospects}</adf>".encode()
        case _:
            delimiter, end = rng.choice(DELIMITERS), rng.choice(ENDS)
            rows = [("id", "first_name", "last_name", "phone"), *((str(n), a, b, c) for n, a, b, c in people)]
            text = "".join(
                delimiter.join(f'"{cell}"' if rng.random() < 0.4 or "," in cell else cell for cell in row)
                + end
                for row in rows
            )
            return "a.csv", text.encode(rng.choice(ENCODINGS))


def truncations(content: bytes) -> Iterator[bytes]:
    """Yield every beginning of a file, from no byte to all but the last."""
    return (content[:length] for length in range(len(content)))


def damages(content: bytes, seed: int, count: int) -> Iterator[bytes]:
    """Yield versions of a file with quotes put in, bytes of another encoding, and columns lost or added."""
    rng = random.Random(seed)

    def one() -> bytes:
        found = bytearray(content)
        for _ in range(rng.randrange(1, 5)):
            at = rng.randrange(len(found) + 1)
            match rng.randrange(4):
                case 0:
                    found[at:at] = rng.choice(_QUOTES).encode()
                case 1:
                    found[at : at + 1] = bytes([rng.randrange(128, 256)])
                case 2:
                    found[at:at] = rng.choice(DELIMITERS).encode() * rng.randrange(1, 9)
                case _:
                    del found[at : at + rng.randrange(1, 12)]
        return bytes(found)

    return islice(iter(one, None), count)
