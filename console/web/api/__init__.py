"""The API under `/api/v1`: what programs and our own pages ask; each file is one matter."""

from fastapi import APIRouter

from console.web.api import (
    actions,
    create_lead,
    desk,
    directory,
    drafts,
    lead,
    live,
    many,
    my_leads,
    operations,
    preferences,
    previews,
    queues,
    session,
    tokens,
)

PREFIX = "/api/v1"


def routers() -> list[APIRouter]:
    """Return every router of the API."""
    return [
        module.router
        for module in (
            session,
            queues,
            actions,
            live,
            drafts,
            previews,
            tokens,
            lead,
            preferences,
            desk,
            my_leads,
            create_lead,
            many,
            directory,
            operations,
        )
    ]
