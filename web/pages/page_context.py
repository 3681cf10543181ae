"""Builds the context of every page: the person, the navigation, and the current page."""

from typing import Any, Final

import msgspec
from fastapi import Request, Response

from rules.queues.rule_book import OrgRules
from web.auth import ADMINS, ANYONE, MANAGERS, Person
from web.services.availability import WORDS, chosen_availability
from web.services.calls import click_to_call
from web.services.outcome_labels import outcome_labels

REPS: Final = ANYONE - MANAGERS


class Link(msgspec.Struct, frozen=True):
    """An entry of the navigation, and the roles that see it. `badge`: the count of what waits there, by its name."""

    href: str
    label: str
    roles: frozenset[str] = ANYONE
    badge: str | None = None


NAVIGATION: Final = (
    Link("/queues", "Call queue"),
    Link("/my-leads", "My leads", badge="calls_due"),
    Link("/exceptions", "Exceptions", MANAGERS, badge="exceptions"),
    Link("/unassigned", "Unassigned leads", REPS),
    Link("/queue-builder", "Call queue builder", MANAGERS),
    Link("/directory", "Directory", MANAGERS),
    Link("/uploads", "Upload leads", MANAGERS),
    Link("/vendors", "Lead providers", MANAGERS),
    Link("/wallboard", "Wallboard", MANAGERS),
    Link("/reports", "Reports", MANAGERS),
    Link("/operations", "Operations", MANAGERS, badge="dead_letters"),
    Link("/audit", "Audit", ADMINS),
)
"""The navigation's entries, in the order in which they are shown."""


def render(
    request: Request, person: Person | None, template: str, *, status: int = 200, **context: Any
) -> Response:
    """Render a page."""
    links = [link for link in NAVIGATION if person is not None and person.role in link.roles]
    rules = None if person is None else request.app.state.parts.directory.org(person.org)
    labels = {} if rules is None else outcome_labels(rules)
    shown: dict[str, Any] = {
        "outcome_labels": labels,
        "outcome_labels_data": data(labels),
        "person": person,
        "telephone": person is not None and click_to_call(request.app.state.parts, person.org),
        "links": links,
        "availability": shown_choice(rules, person) if rules and person else None,
        "availabilities": WORDS,
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


def shown_choice(rules: OrgRules, person: Person) -> str | None:
    """Return the choice in the person's availability switch; None for people who are offered no leads."""
    takes_offers = person.rep_id in rules.reps and person.role == "rep"
    return chosen_availability(rules, person.rep_id).availability if takes_offers else None


def data(value: Any) -> str:
    """Return a value as JSON that is safe inside a script element."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")
