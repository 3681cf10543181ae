"""Computes the normal form of sign-in addresses. All code that compares or stores an address uses it."""

import unicodedata


def address_of(text: str) -> str:
    """Return the normal form: no blanks at the ends, no invisible characters, NFKC, case folded."""
    visible = "".join(letter for letter in text if unicodedata.category(letter) not in ("Cc", "Cf", "Cs"))
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold()).strip()


def spelled_plainly(text: str) -> bool:
    """Say whether an address differs from its normal form only by blanks and case.

    For an address that a provider confirms (OIDC), another spelling may be another person's mailbox.
    """
    return address_of(text) == text.strip().lower()
