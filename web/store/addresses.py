"""The one normal form of an address that somebody signs in with; whoever compares or keeps one uses it."""

import unicodedata


def address_of(text: str) -> str:
    """Return the normal form: without blanks at the ends and invisible letters, NFKC, case folded."""
    visible = "".join(letter for letter in text if unicodedata.category(letter) not in ("Cc", "Cf", "Cs"))
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold()).strip()


def spelled_plainly(text: str) -> bool:
    """Say whether an address differs from its normal form by blanks and case only.

    Where somebody else vouches for an address (OIDC), another spelling may be another person's mailbox.
    """
    return address_of(text) == text.strip().lower()
