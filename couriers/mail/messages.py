"""Composes a mail from a request: headers, text and HTML, by the org's settings (N2, N8)."""

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from couriers.mail.settings import MailSettings
from couriers.mail.words import OTHERWISE, WORDS
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
    org, notification = request.settings.mail, request.notification
    words = WORDS.get(notification.template, OTHERWISE)
    own = org.words.get(notification.template)
    subject = (own and own.subject) or words.subject
    name = lead_name(notification.data)
    sender = org.sender or parseaddr(settings.sender)[1]
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = f"{subject}: {name}" if org.names_in_subjects and name != UNNAMED else subject
    mail["From"] = Address(org.sender_name or org.lender or "firstclaim", addr_spec=sender)
    if org.support:
        mail["Reply-To"] = org.support
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = message_id
    mail["Auto-Submitted"] = "auto-generated"
    console = (org.console_url or settings.console_url or "").rstrip("/")
    path = page_of(request, mine=words.mine)
    values = {
        "subject": subject,
        "lender": org.lender or org.sender_name,
        "logo_url": org.logo_url,
        "greeting": request.rep.name.split()[0] if request.rep.name.split() else "",
        "opening": (own and own.opening) or words.opening,
        "facts": _facts(request, name),
        "closing": words.closing,
        "button": words.button,
        "link": f"{console}{path}" if console else None,
        "support": org.support,
    }
    mail.set_content(_templates().get_template("mail.txt").render(values))
    mail.add_alternative(_templates().get_template("mail.html").render(values), subtype="html")
    return mail, sender


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("couriers.mail"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _facts(request: Request, name: str) -> list[tuple[str, str]]:
    """Return what the mail says of the lead: (label, value)."""
    data = request.notification.data
    found = [("Name", name), ("Lead Source", source_of(data))]
    inquiry = data.get("inquiry")
    if isinstance(inquiry, dict):
        found += [(label, one_line(inquiry.get(key))) for key, label in _LABELS.items()]
    zone = zone_of(request)
    found.append(("Yours Until", local_time(data.get("until"), zone)))
    found.append(("Call At", local_time(data.get("callback_at"), zone)))
    found.append(("Call Not Before", local_time(data.get("quiet_until"), zone)))
    found.append(("Reason", one_line(data.get("why"))))
    if data.get("may_call") is False:
        found.append(("Note", "This person must not be called."))
    return [(label, value) for label, value in found if value]
