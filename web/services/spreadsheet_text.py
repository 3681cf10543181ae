"""Writes texts for CSV files that people open in a spreadsheet."""

from typing import Final

_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


def defused_text(text: str) -> str:
    """Return a text that no spreadsheet treats as a formula: it gets an apostrophe if it begins like one.

    A number with its sign, like a phone number, is harmless and stays as it is.
    """
    if not text.startswith(_FORMULAS) or (text[0] in "+-" and text[1:].isascii() and text[1:].isdigit()):
        return text
    return f"'{text}"
