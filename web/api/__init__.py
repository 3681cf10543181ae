"""The API under `/api/v1`: what programs and our own pages ask; each file is one matter."""

from fastapi import APIRouter

from web.api import (
    actions,
    bulk_actions,
    create_lead,
    desk,
    directory,
    drafts,
    lead,
    live,
    my_leads,
    operations,
    preferences,
    previews,
    queues,
    second_factor,
    session,
    tokens,
    views,
)


def routers() -> list[APIRouter]:
    """Return every router of the API."""
    return [
        module.router
        for module in (
            session,
            second_factor,
            queues,
            desk,
            my_leads,
            create_lead,
            bulk_actions,
            lead,
            actions,
            live,
            preferences,
            drafts,
            previews,
            directory,
            operations,
            tokens,
            views,
        )
    ]
