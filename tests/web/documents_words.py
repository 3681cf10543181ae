"""The words that the source documents show on their pages, for the test that compares them with ours.

The letter S is the document about shotgun distribution.
"""

from typing import Final

MAIL: Final = (
    "New Lead was Distributed to You",
    "You have been assigned a lead:",
    "View and engage with your leads by clicking the button below.",
    "View My Leads",
)
"""S: the mail to the rep: subject, opening, closing and button."""
CALL: Final = (
    "You have an available lead {name}. Press 1 to accept or hang up to decline.",
    "You have been assigned {name}, press 1 again to be connected or hang up if you plan to reach out later.",
)
"""S: what the first rep to press 1 is told, in order."""
GONE: Final = "We're sorry, but that lead is no longer available."
NEW_LEAD: Final = "New Lead"
