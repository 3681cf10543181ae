"""Encodes the events of pages' streams: entries of the board's feed, and events that are in no feed."""

from typing import Any, Final

import msgspec

from board.reader import REBUILT, FeedEntry
from web.services.licence_text import unlicensed_text

QUEUES: Final = b"event: queues\ndata: {}\n\n"
"""Tells a page to look at its queues again: one was published or removed, or may have been."""
_POSITIONED: Final = {"entered": ("rank", "size"), "left": ("was", "size"), "moved": ("was", "rank", "size")}


class StreamEntry(msgspec.Struct, frozen=True):
    """An encoded entry of a list or, without `queue_id`, for every page.

    `id` None: the entry is not in the feed, so no page can continue from it. `feed`: a lead's change as it was read.
    """

    queue_id: str
    chunk: bytes
    id: str | None = None
    feed: FeedEntry | None = None

    def chunk_for(self, states: frozenset[str] | None) -> bytes:
        """Return the entry for a person with licences in these states, None if licences do not matter (M6)."""
        if states is None or self.feed is None or self.feed.state is None:
            return self.chunk
        may_claim = self.feed.state in states
        why_not = None if may_claim else unlicensed_text(self.feed.state, shown="state" in self.feed.columns)
        return _encoded(self.feed, may_claim=may_claim, why_not=why_not)


def encode_event(name: str, data: Any) -> bytes:
    """Return an event that is in no feed."""
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


def lists_entry() -> StreamEntry:
    """Return what tells a page to read its lists again."""
    return StreamEntry("", _encoded(FeedEntry(id="", change=REBUILT)))


def missed_entry(at: str = "") -> StreamEntry:
    """Return what tells a page that it may have missed any entries of the feed up to `at`, of leads and of queues."""
    return StreamEntry("", _encoded(FeedEntry(id=at, change=REBUILT)) + QUEUES, at or None)


def entry_for_pages(entry: FeedEntry) -> StreamEntry:
    """Return an entry of the feed for the pages."""
    if entry.change == REBUILT:
        return missed_entry(entry.id)
    if entry.change in ("defined", "removed"):
        # The set of people who may see the queue may have changed, so the event names no queue.
        return StreamEntry("", f"id: {entry.id}\n".encode() + QUEUES, entry.id)
    if entry.change in _POSITIONED and any(
        getattr(entry, name) is None for name in _POSITIONED[entry.change]
    ):
        # Earlier versions wrote entries without a rank. Their effect on a list is unknown.
        return StreamEntry(entry.queue_id, _encoded(FeedEntry(id=entry.id, change=REBUILT)), entry.id)
    return StreamEntry(entry.queue_id, _encoded(entry), entry.id, entry)


def _encoded(entry: FeedEntry, **licence: Any) -> bytes:
    """Encode an entry for pages. The lead's state is left out, because a queue may not show it (Q3)."""
    entry_fields = {**msgspec.structs.asdict(entry), **licence}
    del entry_fields["state"]
    body = msgspec.json.encode(entry_fields)
    head = f"id: {entry.id}\n" if entry.id else ""
    return head.encode() + b"event: list\ndata: " + body + b"\n\n"
