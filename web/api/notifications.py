"""Serves how the caller is reached: browsers that receive push messages, and the news the caller wants (N3, N8)."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import ConfigDict, Field

from web.auth import Access, PartsOf, Person
from web.errors import DOCUMENTED, not_found
from web.schemas import Model
from web.services.notify_choice import choose_notify, notify_choice

router = APIRouter(prefix="/api/v1/me", tags=["reach"], responses=DOCUMENTED)

Reads = Annotated[Person, Depends(Access("account:read"))]
Own = Annotated[Person, Depends(Access("account:write"))]
SubscriptionId = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]


class PushSetup(Model):
    """The key with which a browser subscribes to push messages; null: they are not set up here."""

    public_key: str | None


class BrowserKeys(Model):
    """The browser's public key and secret, in base64url, as `PushSubscription.toJSON` gives them."""

    p256dh: str = Field(max_length=200)
    auth: str = Field(max_length=100)


class Browser(Model):
    """A browser as its push service knows it."""

    endpoint: str = Field(max_length=1_000)
    keys: BrowserKeys


class BrowserTurnedOn(Model):
    """The browser's id, by which it is turned off."""

    subscription_id: str


@router.get("/push")
async def push_setup(person: Reads, parts: PartsOf) -> PushSetup:
    """Return the key with which browsers subscribe."""
    del person
    return PushSetup(public_key=parts.push_browsers.public_key)


@router.put("/push/browser")
async def turn_on(person: Own, parts: PartsOf, body: Browser) -> BrowserTurnedOn:
    """Send the caller's push messages to this browser, and nobody else's any more."""
    subscription_id = await parts.push_browsers.turn_on(
        person.org, person.rep_id, body.endpoint, body.keys.p256dh, body.keys.auth
    )
    return BrowserTurnedOn(subscription_id=subscription_id)


@router.delete("/push/browser/{subscription_id}", status_code=HTTPStatus.NO_CONTENT)
async def turn_off(person: Own, parts: PartsOf, subscription_id: SubscriptionId) -> None:
    """Send no more push messages to a browser."""
    await parts.push_browsers.turn_off(person.org, person.rep_id, subscription_id)


Ways = Annotated[list[Literal["email", "push", "call"]], Field(max_length=3)]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-4]):[0-5][0-9]$")]


class QuietTimes(Model):
    """Hours on some days of the week; if `to` is before `from`, they end on the next day."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(min_length=1, max_length=7)
    from_: Clock = Field(alias="from")
    to: Clock


class Notify(Model):
    """How the caller wants to hear of each kind of news. An empty list: not at all; null: in every way there is."""

    model_config = ConfigDict(extra="forbid")

    offers: Ways | None = None
    assignments: Ways | None = None
    inquiries: Ways | None = None
    callbacks: Ways | None = None
    digests: Ways | None = None
    quiet_times: list[QuietTimes] = Field(default=[], max_length=100)


@router.get("/notify")
async def chosen(person: Reads, parts: PartsOf) -> Notify:
    """Return how the caller is told of news (N8)."""
    return Notify.model_validate(_known_choices(notify_choice(parts, person) or {}))


@router.put("/notify")
async def choose(person: Own, parts: PartsOf, body: Notify) -> Notify:
    """Choose how the caller is told of news. It holds for what comes from now on (N8)."""
    if notify_choice(parts, person) is None:
        raise not_found(f"rep {person.rep_id} in the directory")
    await choose_notify(parts, person, body.model_dump(by_alias=True, exclude_none=True))
    return body


def _known_choices(published: dict[str, Any]) -> dict[str, Any]:
    """Return what this version knows of a published choice; a later version may have more."""
    return {name: value for name, value in published.items() if name in Notify.model_fields}
