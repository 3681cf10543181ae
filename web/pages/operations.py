"""Serves the operations page: speed of distribution, results of offers, lag of the stages, dead letters."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from web.auth import MANAGERS, Access, PartsOf, Person
from web.pages.page_context import data, render
from web.services.open_locks import locks_of
from web.services.operations.lag_sampler import KEPT
from web.services.operations.measures import Window
from web.services.operations.numbers import newest_letters, numbers

router = APIRouter(include_in_schema=False)


@router.get("/operations")
async def operations(
    request: Request,
    person: Annotated[Person, Depends(Access("operations:read", MANAGERS))],
    parts: PartsOf,
    minutes: Annotated[Window, Query()] = Window.HOUR,
) -> Response:
    """Show the numbers of a window."""
    figures = await numbers(parts, person, minutes, samples=KEPT)
    letters = newest_letters(parts, person)
    shown = {
        "numbers": figures.model_dump(mode="json"),
        "letters": [letter.model_dump(mode="json") for letter in letters],
        "locks": (await locks_of(parts, person)).model_dump(mode="json"),
    }
    return render(
        request,
        person,
        "operations.html",
        minutes=int(minutes),
        windows=[int(window) for window in Window],
        operations_data=data(shown),
    )
