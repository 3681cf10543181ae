"""Composes a mail from a request, by the org's settings (N2, N8)."""

from email.message import EmailMessage
from typing import Final

from couriers.mail.digests import DIGEST, digest_content
from couriers.mail.layout import MailContent, lay_out
from couriers.mail.mail_texts import OTHERWISE, WORDS
from couriers.mail.settings import MailSettings
from couriers.mail.unsubscribe import add_unsubscribe
from couriers.port import Request
from couriers.wording import UNNAMED, lead_name, local_time, one_line, page_of, source_of, zone_of

_LABELS: Final = {
    "phone": "Phone",
    "email": "Email",
    "state": "State",
    "loan_purpose": "Loan Purpose",
    "loan_amount": "Loan Amount",
}


def compose(request: Request, settings: MailSettings, message_id: str) -> tuple[EmailMessage, str]:
    """Return the mail of a request, without its recipient, and the address of its sender."""
    org = request.settings.mail
    console = (org.console_url or settings.console_url or "").rstrip("/")
    is_digest = request.notification.template == DIGEST
    content, subject = (digest_content if is_digest else _content)(request, console)
    mail, sender = lay_out(org, content, subject=subject, sender=settings.sender, message_id=message_id)
    if is_digest:
        add_unsubscribe(mail, console, settings, request.org, request.rep.rep_id)
    return mail, sender


def _content(request: Request, console: str) -> tuple[MailContent, str]:
    """Return what a mail of one lead says, and its subject."""
    org, notification = request.settings.mail, request.notification
    texts = WORDS.get(notification.template, OTHERWISE)
    own_texts = org.words.get(notification.template)
    heading = (own_texts and own_texts.subject) or texts.subject
    name = lead_name(notification.data)
    content = MailContent(
        heading=heading,
        name=request.rep.name,
        opening=(own_texts and own_texts.opening) or texts.opening,
        facts=_facts(request, name),
        closing=texts.closing,
        button=texts.button,
        link=f"{console}{page_of(request, is_own=texts.is_own)}" if console else None,
    )
    return content, f"{heading}: {name}" if org.names_in_subjects and name != UNNAMED else heading


def _facts(request: Request, name: str) -> list[tuple[str, str]]:
    """Return what the mail says of the lead: (label, value)."""
    data = request.notification.data
    facts = [("Name", name), ("Lead Source", source_of(data))]
    inquiry = data.get("inquiry")
    if isinstance(inquiry, dict):
        facts += [(label, one_line(inquiry.get(key))) for key, label in _LABELS.items()]
    zone = zone_of(request)
    facts.append(("Yours Until", local_time(data.get("until"), zone)))
    facts.append(("Call At", local_time(data.get("callback_at"), zone)))
    facts.append(("Call Not Before", local_time(data.get("quiet_until"), zone)))
    facts.append(("Reason", one_line(data.get("why"))))
    if data.get("may_call") is False:
        facts.append(("Note", "This person must not be called."))
    return [(label, value) for label, value in facts if value]
