"""The API under `/api/v1`, for programs and for the console's own pages."""

from fastapi import APIRouter

from web.api import (
    actions,
    audit,
    availability,
    bulk_actions,
    call_rounds,
    create_lead,
    desk,
    directory,
    drafts,
    erasures,
    finder,
    lead,
    live,
    locks,
    moved_notices,
    my_leads,
    operations,
    preferences,
    previews,
    queues,
    reach,
    saved_lists,
    second_factor,
    session,
    takers,
    tokens,
    uploads,
    vendor_leads,
    vendor_reports,
    vendors,
    views,
    wallboard,
)


def routers() -> list[APIRouter]:
    """Return every router of the API."""
    return [
        module.router
        for module in (
            session,
            second_factor,
            reach,
            availability,
            queues,
            call_rounds,
            desk,
            my_leads,
            create_lead,
            bulk_actions,
            takers,
            moved_notices,
            lead,
            actions,
            live,
            preferences,
            drafts,
            previews,
            directory,
            operations,
            locks,
            tokens,
            audit,
            erasures,
            uploads,
            views,
            saved_lists,
            finder,
            vendors,
            vendor_reports,
            vendor_leads,
            wallboard,
        )
    ]
