"""Writes the digest of an org's new exceptions for a manager (N2, E1)."""

from typing import Any, Final

from couriers.mail.layout import MailContent
from couriers.port import Request
from couriers.wording import local_time, one_line, zone_of

DIGEST: Final = "exception_digest"
"""The template of the digest."""
DESK: Final = "/exceptions"
MAX_SHOWN: Final = 20
"""How many leads a digest names. The others are counted."""


def digest_content(request: Request, console: str) -> tuple[MailContent, str]:
    """Return what a digest says, and its subject. It has no name of a lead in its subject."""
    data, zone = request.notification.data, zone_of(request)
    count = data.get("count")
    number = count if isinstance(count, int) else 0
    leads = "1 lead needs" if number == 1 else f"{number:,} leads need"
    heading = f"{leads} a Decision"
    since = local_time(data.get("since"), zone)
    listed = data.get("leads")
    facts = [
        _line(lead)
        for lead in (listed if isinstance(listed, list) else [])[:MAX_SHOWN]
        if isinstance(lead, dict)
    ]
    other_count = number - len(facts)
    if other_count > 0:
        facts.append(("Others", f"{other_count:,}"))
    own_texts = request.settings.mail.words.get(DIGEST)
    content = MailContent(
        heading=(own_texts and own_texts.subject) or heading,
        name=request.rep.name,
        opening=(own_texts and own_texts.opening)
        or f"These leads came to the exceptions desk since {since}:",
        facts=facts,
        closing="Assign, redistribute or ignore them at the desk.",
        button="Open the Exceptions",
        link=f"{console}{DESK}" if console else None,
        footnote="You get this at most once an hour as a manager. You can end it on your page Notifications.",
    )
    return content, content.heading


def _line(lead: dict[str, Any]) -> tuple[str, str]:
    reason = one_line(lead.get("reason")).replace("_", " ")
    source = one_line(lead.get("campaign")) or one_line(lead.get("vendor"))
    return one_line(lead.get("name")) or "unnamed", ", ".join(part for part in (reason, source) if part)
