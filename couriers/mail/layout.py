"""Lays out a mail by the org's settings: headers, text and HTML (N2, N8)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from secrets import token_hex
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from couriers.mail.header_classes import POLICY
from models.publication_reach import MailObject

BOUNDARY_BYTES: Final = 16
"""Random bytes in the line between a mail's parts, so that no text has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailContent:
    """What a mail says. `heading`: at its top. `name`: the reader's, for the greeting. `facts`: (label, value).

    `closing` stands before the button `button`, which leads to `link`; without a link there is neither.
    """

    heading: str
    name: str
    opening: str
    facts: Sequence[tuple[str, str]] = ()
    closing: str = ""
    button: str = ""
    link: str | None = None
    footnote: str = ""


def lay_out(
    org: MailObject, content: MailContent, *, subject: str, sender: str, message_id: str
) -> tuple[EmailMessage, str]:
    """Return a mail without its recipient, and the address of its sender. `sender`: for orgs that set none."""
    address = org.sender or parseaddr(sender)[1]
    mail = EmailMessage(policy=POLICY)
    mail["Subject"] = subject
    mail["From"] = Address(org.sender_name or org.lender or "firstclaim", addr_spec=address)
    if org.support:
        mail["Reply-To"] = org.support
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = message_id
    mail["Auto-Submitted"] = "auto-generated"
    values = {
        **asdict(content),
        "lender": org.lender or org.sender_name,
        "logo_url": org.logo_url,
        "greeting": next(iter(content.name.split()), ""),
        "support": org.support,
    }
    mail.set_content(_templates().get_template("mail.txt").render(values))
    mail.add_alternative(_templates().get_template("mail.html").render(values), subtype="html")
    mail.set_boundary(token_hex(BOUNDARY_BYTES))  # otherwise each sending makes a class of its header
    return mail, address


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("couriers.mail"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
