"""Finds the rep that a vendor means, by id, mail address or name, in any case (R5)."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from models.directory import Rep

UNKNOWN: Final = "unknown"
AMBIGUOUS: Final = "ambiguous"
LEFT: Final = "left"


class RepMatch(msgspec.Struct, frozen=True):
    """The rep who is meant. If nobody is, `reason` says why in one word, `why` in a sentence."""

    rep_id: str | None
    reason: str = ""
    why: str = ""


class RepNames:
    """Indexes an org's reps by id, mail address and name. `removed`: ids of reps whose publication was removed."""

    def __init__(self, reps: Mapping[str, Rep], removed: Iterable[str]) -> None:
        self._reps = reps
        self._removed = {_folded(rep_id) for rep_id in removed}
        self._by: tuple[dict[str, list[str]], ...] = ({}, {}, {})
        for rep_id in sorted(reps):
            rep = reps[rep_id]
            for index, name in zip(self._by, (rep_id, rep.email, rep.name), strict=True):
                if name:
                    index.setdefault(_folded(name), []).append(rep_id)

    def find(self, text: str) -> RepMatch:
        """Return the active rep that a text names: the id as written, else the id, mail address or name in any case."""
        if (exact := self._reps.get(text)) is not None and exact.active:
            return RepMatch(text)
        folded = _folded(text)
        has_left = folded in self._removed
        for index in self._by:
            named_reps = index.get(folded, ())
            active = [rep_id for rep_id in named_reps if self._reps[rep_id].active]
            if len(active) == 1:
                return RepMatch(active[0])
            if active:
                return RepMatch(None, AMBIGUOUS, f"{text} may be {' or '.join(active)}")
            has_left = has_left or bool(named_reps)
        if has_left:
            return RepMatch(None, LEFT, f"{text} has left")
        return RepMatch(None, UNKNOWN, f"the org has no rep {text}")


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
