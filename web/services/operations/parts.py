"""The services of the operations page: one of each for a process."""

from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from streams.settings import Settings
from web.live.hub import Hub
from web.services.operations.dead_letters import Letters
from web.services.operations.lag_sampler import Sampler
from web.services.operations.measures import Measures


@dataclass(frozen=True)
class Operations:
    """Lags sampled, numbers counted, dead letters followed."""

    sampler: Sampler
    measures: Measures
    letters: Letters

    @classmethod
    def of(cls, settings: Settings, crm: Engine, hub: Hub) -> "Operations":
        """Return one of each."""
        return cls(Sampler(settings, hub), Measures(crm), Letters(settings))

    def follows(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield what runs as long as the process does."""
        yield self.sampler.follow()
        yield self.letters.follow()
