"""Keeps a window of a list as a browser keeps it. It knows only ranks, no sort keys, and has no order of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from board.reader import REBUILT, BoardPage, FeedEntry, position
from models.errors import RuntimeFailure


@dataclass
class ListWindow:
    """The rows from rank `first` on that a page showed, updated by the feed."""

    first: int
    size: int
    as_of: str
    leads: list[str] = field(default_factory=list)
    anew: bool = False
    """The feed has reported that these rows are not connected to its next entries."""

    @classmethod
    def of(cls, page: BoardPage, first: int) -> "ListWindow":
        """Begin with a page that was read from rank `first` on."""
        return cls(first, page.size, page.as_of, [row.lead_id for row in page.rows])

    def apply(self, entry: FeedEntry) -> None:
        """Apply the next entry of this queue, or of all. An entry that the page contained changes nothing.

        Raises RuntimeFailure where the entry removes another lead from a rank than the one that is there.
        """
        if position(entry.id) <= position(self.as_of):
            return
        self.as_of = entry.id
        if entry.change == REBUILT:
            self.anew = True
        if entry.was is not None:
            self._remove(entry.was, entry.lead_id)
        if entry.rank is not None:
            self._insert(entry.rank, entry.lead_id)
        if entry.size is not None:
            self.size = entry.size

    def _remove(self, rank: int, lead_id: str) -> None:
        if rank < self.first:
            self.first -= 1
        elif rank < self.first + len(self.leads) and (stood := self.leads.pop(rank - self.first)) != lead_id:
            raise RuntimeFailure("the feed", f"takes {lead_id} from rank {rank}, where {stood} stands")

    def _insert(self, rank: int, lead_id: str) -> None:
        if rank < self.first:
            self.first += 1
        elif rank <= self.first + len(self.leads):
            self.leads.insert(rank - self.first, lead_id)

    def equals(self, leads: Sequence[str], size: int) -> bool:
        """Tell whether the window equals the ranks from `first` on of a list with these leads and this size."""
        end = self.first + len(self.leads)
        return self.size == size and self.leads == list(leads[self.first : end])
