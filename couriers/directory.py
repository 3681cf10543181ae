"""Follows the topic `directory` and gives a courier the newest publication of each rep and each org's settings."""

import asyncio
from contextlib import aclosing
from typing import Any, Final

from pydantic import ValidationError

from models.errors import Refused
from models.publication import RepObject, SettingsObject
from rules.inbound.intake import accept_publication
from streams.clients import follow
from streams.settings import Settings
from streams.topics import DIRECTORY

NO_SETTINGS: Final = SettingsObject()


class CourierDirectory:
    """The reps and the settings of every org. `caught_up` is set once the topic was read to its end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reps: dict[tuple[str, str], RepObject] = {}
        self._orgs: dict[str, SettingsObject] = {}
        self.caught_up = asyncio.Event()

    def rep(self, org: str, rep_id: str) -> RepObject | None:
        """Return a rep; None if the rep is not in the directory."""
        return self._reps.get((org, rep_id))

    def settings(self, org: str) -> SettingsObject:
        """Return an org's settings; the defaults if it published none."""
        return self._orgs.get(org, NO_SETTINGS)

    def managers(self, org: str) -> list[str]:
        """Return the ids of an org's active managers and admins who have a mail address, sorted."""
        return sorted(
            rep_id
            for (its_org, rep_id), rep in self._reps.items()
            if its_org == org and rep.active and rep.email and rep.role in {"manager", "admin"}
        )

    def inbound(self, number: str) -> tuple[str, str] | None:
        """Return the org and the campaign of a number that leads call (N5); None if no org has it."""
        digits = number.lstrip("+")
        for org, settings in self._orgs.items():
            for own_number, campaign in settings.telephone.inbound.items():
                if own_number.lstrip("+") == digits:
                    return org, campaign
        return None

    def publish_rep(self, org: str, rep_id: str, value: dict[str, Any] | None) -> None:
        """Take a rep's publication; None removes the rep. Raises ValidationError."""
        if value is None:
            self._reps.pop((org, rep_id), None)
        else:
            self._reps[org, rep_id] = RepObject.model_validate(value)

    async def follow(self) -> None:
        """Follow the topic until cancelled. While Kafka is away, the last state stays in use. Raises ConfigError."""
        async with aclosing(follow(self._settings, DIRECTORY)) as batches:
            async for batch in batches:
                for record in batch.records:
                    self._take(record)
                if batch.caught_up:
                    self.caught_up.set()

    def _take(self, record: Any) -> None:
        try:
            event = accept_publication(record.key, record.value, dict(record.headers), version=record.offset)
            value = event.value
            if event.kind == "rep":
                self.publish_rep(event.org, event.object_id, value)
            elif event.kind == "settings":
                self._orgs[event.org] = NO_SETTINGS if value is None else SettingsObject.model_validate(value)
        except (Refused, ValidationError):
            return  # intake sends it to the dead letters; the previous object stays valid
