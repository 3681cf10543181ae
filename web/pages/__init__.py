"""Serves the pages. The server renders each one, and an event stream keeps it current."""

from fastapi import APIRouter

from web.pages import (
    account,
    audit,
    call_queue,
    desk,
    directory,
    erasures,
    first_account,
    lead,
    my_leads,
    notifications,
    oidc,
    operations,
    passwords,
    queue_builder,
    sign_in,
    tokens,
    unsubscribe,
    uploads,
    vendor_reports,
    views,
    wallboard,
)


def pages() -> list[APIRouter]:
    """Return every router of pages."""
    return [
        module.router
        for module in (
            sign_in,
            oidc,
            account,
            audit,
            tokens,
            call_queue,
            views,
            desk,
            directory,
            erasures,
            first_account,
            lead,
            my_leads,
            notifications,
            operations,
            passwords,
            queue_builder,
            unsubscribe,
            uploads,
            vendor_reports,
            wallboard,
        )
    ]
