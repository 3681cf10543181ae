"""The pages people work with: each is rendered whole by the server and kept live by its stream of changes."""

from fastapi import APIRouter

from console.web.pages import (
    call_queue,
    desk,
    directory,
    lead,
    my_leads,
    operations,
    queue_builder,
    sign_in,
)


def pages() -> list[APIRouter]:
    """Return every router of pages."""
    return [
        module.router
        for module in (sign_in, call_queue, queue_builder, lead, my_leads, desk, operations, directory)
    ]
