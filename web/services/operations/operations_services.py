"""Provides the services of the operations page. Each process has one of each."""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from streams.settings import Settings
from web.live.hub import Hub, OpenPage
from web.services.operations.dead_letters import DeadLetterFollower
from web.services.operations.lag_sampler import Sampler
from web.services.operations.measures import Measures


@dataclass(frozen=True)
class OperationsParts:
    """Bundles the lag sampler, the counted numbers and the followed dead letters."""

    sampler: Sampler
    measures: Measures
    letters: DeadLetterFollower

    @classmethod
    def of(
        cls,
        settings: Settings,
        crm: Engine,
        hub: Hub,
        only_org: Callable[[], str | None],
        oversees: Callable[[OpenPage], bool],
    ) -> "OperationsParts":
        """Create one of each service. `only_org`: as in `DeadLetterFollower`.

        `oversees`: says which pages are told when their org's dead letters change: those of managers and admins.
        """

        def tell_letters(org: str) -> None:
            hub.tell(org, "dead_letters", {}, oversees)

        return cls(
            Sampler(settings, hub), Measures(crm), DeadLetterFollower(settings, only_org, tell_letters)
        )

    def follows(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield the coroutines that run as long as the process."""
        yield self.sampler.follow()
        yield self.letters.follow()
