"""Cleans text that people and programs typed, and splits a person's full name. One spelling for each text (K7).

Control characters, zero-width characters and marks of writing direction are removed, full-width letters become plain
ones, and accents are composed (NFC). HTML entities are decoded in names and mail addresses only, because there a web
form put them.
"""

import html
import re
import unicodedata
from functools import lru_cache
from typing import Final

_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_ENCODED_TWICE: Final = 2
_WIDTH: Final = {0xFEE0 + code: code for code in range(0x21, 0x7F)} | {0x3000: 0x20}
"""Full-width forms of ASCII and the ideographic space."""
_UNSEEN: Final = frozenset({0x034F, 0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0})
"""Characters that show nothing although Unicode does not list them as format characters."""
_DROPPED: Final = frozenset({"Cc", "Cf", "Cs"})
_WHITE: Final = frozenset("\t\n\v\f\r\x85\u2028\u2029")

_SUFFIXES: Final = frozenset(
    {"jr", "sr", "ii", "iii", "iv", "phd", "md", "dds", "dmd", "esq", "cpa", "rn", "dvm", "junior", "senior"}
)
_TITLES: Final = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "rev", "sir", "sra", "srta"})
_PARTICLES: Final = frozenset(
    {
        *(
            "de",
            "del",
            "della",
            "delle",
            "di",
            "da",
            "das",
            "do",
            "dos",
            "du",
            "des",
            "la",
            "las",
            "los",
            "le",
        ),
        *("van", "von", "vander", "vonder", "der", "den", "ter", "ten", "te", "zu", "zum", "zur", "af", "av"),
        *("el", "bin", "ibn", "ben", "bint", "abu", "st", "san", "santa", "mac", "y", "e"),
    }
)
"""Words that belong to the last name which follows them."""
_JOINERS: Final = frozenset({"y", "e"})
"""Particles that join two last names: `Ortega y Gasset`."""


def cleaned(text: str, *, line: bool = True) -> str:
    """Return text without characters that nobody sees, composed (NFC).

    `line`: white space inside is reduced to single spaces; otherwise line breaks and tabs are kept.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(_visible(text)).translate(_WIDTH)
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split()) if line else text.strip()


def comparable(text: str) -> str:
    """Return a text that is compared with cleaned ones in their spelling. Spaces at its ends stay.

    A text of nothing but unseen characters stays as it is, so that it is in no cleaned text.
    """
    if text.isascii() and text.isprintable():
        return text
    visible = unicodedata.normalize("NFC", "".join(_visible(text)).translate(_WIDTH))
    return "".join(" " if character.isspace() else character for character in visible) or text


def _visible(text: str) -> list[str]:
    return [
        character
        for character in text
        if character in _WHITE
        or not (unicodedata.category(character) in _DROPPED or ord(character) in _UNSEEN)
    ]


def decode_entities(text: str) -> str:
    """Return text with HTML entities decoded, also where a form encoded them twice (`O&amp;#039;Brien`)."""
    for _ in range(_ENCODED_TWICE):
        if "&" not in text:
            break
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    return text


def folded(text: str) -> str:
    """Return the form by which texts are compared: without case, and composed (B7, K7)."""
    return text.lower() if text.isascii() else _folded(text)


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def split_name(full: str) -> tuple[str, str, str]:
    """Return first name, last name and suffix of a full name, already cleaned.

    `Doe, Ann` has its last name first. Of `María de la Cruz Jr.` the last name is `de la Cruz` and the suffix `Jr.`.
    One word is a last name, because a last name identifies a lead. Signs around a name (`Ann Doe *`) are none of it.
    """
    full = _without_signs(full)
    parts = [part.strip() for part in full.split(",") if part.strip()]
    suffixes = [part for part in parts[1:] if all(map(_is_suffix, part.split()))]
    parts = [part for index, part in enumerate(parts) if index == 0 or part not in suffixes]
    if len(parts) > 1:
        last, own_suffixes = _without_suffix(parts[0].split())
        first, first_suffixes = _without_suffix(_untitled(" ".join(parts[1:]).split()))
        return " ".join(first), " ".join(last), " ".join([*own_suffixes, *first_suffixes, *suffixes])
    name_parts, own_suffixes = _without_suffix(_untitled(parts[0].split() if parts else []))
    begin = _last_name_begins(name_parts)
    return " ".join(name_parts[:begin]), " ".join(name_parts[begin:]), " ".join([*own_suffixes, *suffixes])


def _without_signs(full: str) -> str:
    name_parts = full.split()
    spelled = [index for index, word in enumerate(name_parts) if any(map(str.isalnum, word))]
    return " ".join(name_parts[spelled[0] : spelled[-1] + 1]) if spelled else full


def _bare(word: str) -> str:
    return word.lower().replace(".", "").strip("()")


def _is_suffix(word: str) -> bool:
    return _bare(word) in _SUFFIXES


def _untitled(name_parts: list[str]) -> list[str]:
    while len(name_parts) > 1 and _bare(name_parts[0]) in _TITLES:
        name_parts = name_parts[1:]
    return name_parts


def _without_suffix(name_parts: list[str]) -> tuple[list[str], list[str]]:
    end = len(name_parts)
    while end > 1 and _is_suffix(name_parts[end - 1]):
        end -= 1
    return name_parts[:end], name_parts[end:]


def _last_name_begins(name_parts: list[str]) -> int:
    """Return the index of the word with which the last name begins. The first of several words is a first name."""
    begin = len(name_parts) - 1
    while begin > 1 and _bare(name_parts[begin - 1]) in _PARTICLES:
        begin -= 1
        if _bare(name_parts[begin]) in _JOINERS and begin > 1:
            begin -= 1
    return max(begin, 0)
