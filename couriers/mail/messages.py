"""Composes a mail from a request: headers, text and HTML, by the org's settings (N2, N8)."""

from datetime import UTC, datetime, tzinfo
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from couriers.mail.settings import MailSettings
from couriers.mail.words import OTHERWISE, WORDS
from couriers.port import Request

UNNAMED: Final = "a lead without a name"
MOST_VALUE: Final = 200
"""The most characters of a fact in a mail."""
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
    name = _name(notification.data)
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
    path = f"/leads/{quote(notification.lead_id, safe='')}" if words.mine else "/my-leads"
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
    found = [("Name", name), ("Lead Source", _text(data.get("campaign")) or _text(data.get("vendor")))]
    inquiry = data.get("inquiry")
    if isinstance(inquiry, dict):
        found += [(label, _text(inquiry.get(key))) for key, label in _LABELS.items()]
    zone = _zone(request)
    found.append(("Yours Until", _local(data.get("until"), zone)))
    found.append(("Call At", _local(data.get("callback_at"), zone)))
    found.append(("Call Not Before", _local(data.get("quiet_until"), zone)))
    found.append(("Reason", _text(data.get("why"))))
    if data.get("may_call") is False:
        found.append(("Note", "This person must not be called."))
    return [(label, value) for label, value in found if value]


def _name(data: dict[str, Any]) -> str:
    parts = [_text(data.get("first_name")), _text(data.get("last_name"))]
    return " ".join(part for part in parts if part) or UNNAMED


def _text(value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    return " ".join(str(value).split())[:MOST_VALUE]


def _zone(request: Request) -> tzinfo:
    for name in (request.rep.time_zone, request.settings.time_zone):
        if name:
            try:
                return ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError):
                continue
    return UTC


def _local(value: Any, zone: tzinfo) -> str:
    """Return an instant as the rep's wall clock shows it; empty if there is none."""
    if not isinstance(value, str):
        return ""
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return ""
    at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(zone)
    return f"{at:%A, %B} {at.day}, {at:%I:%M %p %Z}".replace(" 0", " ")
