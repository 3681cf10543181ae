"""The context of every page: the person, the navigation, and the current place."""

from typing import Any, Final

import msgspec
from fastapi import Request, Response

from web.auth import ADMINS, ANYONE, MANAGERS, Person
from web.services.calls import click_to_call

REPS: Final = ANYONE - MANAGERS


class Link(msgspec.Struct, frozen=True):
    """An entry of the navigation, and the roles that see it."""

    href: str
    label: str
    roles: frozenset[str] = ANYONE


NAVIGATION: Final = (
    Link("/queues", "Call queue"),
    Link("/my-leads", "My leads"),
    Link("/exceptions", "Exceptions", MANAGERS),
    Link("/unassigned", "Unassigned leads", REPS),
    Link("/queue-builder", "Call queue builder", MANAGERS),
    Link("/directory", "Directory", MANAGERS),
    Link("/uploads", "Upload leads", MANAGERS),
    Link("/vendors", "Lead providers", MANAGERS),
    Link("/operations", "Operations", MANAGERS),
    Link("/audit", "Audit", ADMINS),
)
"""The navigation's entries, in the order in which they are shown."""


def render(
    request: Request, person: Person | None, template: str, *, status: int = 200, **context: Any
) -> Response:
    """Render a page."""
    links = [link for link in NAVIGATION if person is not None and person.role in link.roles]
    shown: dict[str, Any] = {
        "person": person,
        "telephone": person is not None and click_to_call(request.app.state.parts, person.org),
        "links": links,
        "here": request.url.path,
        "mailbox_url": request.app.state.parts.web.mailbox_url,
        "managers": MANAGERS,
        "admins": ADMINS,
        **context,
    }
    page: Response = request.app.state.templates.TemplateResponse(
        request, template, shown, status_code=status
    )
    return page


def data(value: Any) -> str:
    """Return a value as JSON that is safe inside a script element."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")
