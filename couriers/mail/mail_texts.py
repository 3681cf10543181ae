"""Defines the text of each mail, after the product documents' "New Lead was Distributed to You" (N2)."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class MailText:
    """What a mail says. `subject` is also its heading. `closing` stands before the button, `button` on it.

    `is_own`: the lead is the reader's, so the button leads to it; otherwise it leads to the reader's own leads.
    """

    subject: str
    opening: str
    closing: str = "View and engage with your leads by clicking the button below."
    button: str = "View My Leads"
    is_own: bool = True


WORDS: Final[dict[str, MailText]] = {
    "lead_offered": MailText("New Lead was Distributed to You", "You have been assigned a lead:"),
    "lead_assigned": MailText("New Lead was Distributed to You", "You have been assigned a lead:"),
    "lead_reassigned": MailText(
        "A Lead was Reassigned",
        "This lead is not yours any more:",
        closing="View your other leads by clicking the button below.",
        is_own=False,
    ),
    "lead_claimed": MailText(
        "Another Rep Claimed a Lead of Yours",
        "Another rep claimed this lead, because it was open in a queue for too long:",
        closing="View your other leads by clicking the button below.",
        is_own=False,
    ),
    "new_lead_button": MailText(
        "A New Lead is Available", "A new lead is available to you and others:", is_own=False
    ),
    "lock_freed": MailText(
        "A Lead was Freed", "A manager freed this lead, which you had open:", is_own=False
    ),
    "lead_merged": MailText(
        "A Lead of Yours was Merged", "This lead was merged into another one:", is_own=False
    ),
    "lead_split": MailText("A Lead was Taken Out", "This lead was taken out of another one, and is yours:"),
    "inquiry_split": MailText("An Inquiry was Taken Out", "An inquiry was taken out of this lead of yours:"),
    "shared_handle": MailText(
        "A Phone or Mail Address is Shared", "These people share a phone or mail address with this lead:"
    ),
    "new_inquiry": MailText("Your Lead Inquired Again", "A lead of yours has sent another inquiry:"),
    "callback_due": MailText("A Callback is Due", "You promised to call this lead now:"),
}
"""template -> words."""
OTHERWISE: Final = MailText("News of a Lead", "There is news of a lead:")
"""The words for a template that has none."""
