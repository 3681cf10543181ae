"""Reads the header `If-Match` as RFC 9110 does: `*` is every version, and a list names several."""

from typing import Final

ANY: Final = "*"


def named_tags(match: str) -> list[str]:
    """Return the tags that the header names, without quotes. A proxy that compresses an answer makes its tag weak."""
    return [tag.strip().removeprefix("W/").strip('"') for tag in match.split(",")]


def matches(match: str, tag: str) -> bool:
    """Say whether the header allows a change of what has this tag now."""
    return match.strip() == ANY or tag in named_tags(match)
