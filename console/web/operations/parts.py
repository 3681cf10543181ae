"""What the operations page is made of: one of each for a process."""

from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from console.web.live.hub import Hub
from console.web.operations.letters import Letters
from console.web.operations.measured import Measures
from console.web.operations.sampler import Sampler
from streams.settings import Settings


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
