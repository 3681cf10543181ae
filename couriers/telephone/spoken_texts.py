"""Defines what a rep hears. The first three texts are those of the product documents (S1-S3)."""

from typing import Final

from couriers.telephone.call_events import Announcement

NAME: Final = "{name}"
"""Where the lead's name is said. It is spoken; the rest may be an org's recording."""
MAX_NAME: Final = 80
"""The most characters of a name that are said."""
SOMEBODY: Final = "without a name"

TEXTS: Final[dict[Announcement, str]] = {
    Announcement.OFFER: "You have an available lead {name}. Press 1 to accept or hang up to decline.",
    Announcement.WON: (
        "You have been assigned {name}, press 1 again to be connected or hang up if you plan to reach out later."
    ),
    Announcement.GONE: "We're sorry, but that lead is no longer available.",
    Announcement.CALL: "You asked to call {name}. Press 1 to be connected.",
    Announcement.CALLER: "Your lead {name} is calling. Press 1 to be connected.",
    Announcement.CALLER_GONE: "We're sorry, the caller has hung up.",
    Announcement.NO_ANSWER: "The lead does not answer. The lead stays yours.",
    Announcement.BUSY: "The lead's line is busy. The lead stays yours.",
    Announcement.QUIET_HOURS: "The lead must not be called at this hour. The lead stays yours.",
    Announcement.FORBIDDEN: "The lead must not be called. The lead stays yours.",
    Announcement.NOBODY: "We're sorry, nobody can take your call now. We will call you back.",
    Announcement.UNAVAILABLE: "We're sorry, the call cannot be made now. Please look at your leads.",
}


def spoken_name(first: str | None, last: str | None) -> str:
    """Return the name to say: at most `MAX_NAME` printable characters."""
    name = " ".join(part for part in (first, last) if part)
    printable = "".join(letter if letter.isprintable() else " " for letter in name)
    return " ".join(printable.split())[:MAX_NAME] or SOMEBODY


def text_around_name(announcement: Announcement) -> tuple[str, str]:
    """Return the text before and after the name; the second is empty where no name is said."""
    before, _, after = TEXTS[announcement].partition(NAME)
    return before.strip(), after.strip(" ,.") and after.lstrip(" ,.").strip()
