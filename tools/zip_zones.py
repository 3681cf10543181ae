"""Writes `models/zip_zones.py` from the zipcodes and zip2info packages. Run it when one of them changes.

The first package names state and zone of each zip, the second names the zone again. Where they disagree by the clock,
the second is right as far as it was checked (C5); `_FIRST_IS_RIGHT` lists the exceptions. `_BOTH_ZONES` lists zips in
which people do not keep their state's official time.
"""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

import zip2info
import zipcodes

from models.geography import STATE_CODES

TARGET = Path(__file__).parent.parent / "models" / "zip_zones.py"
_PER_LINE = 8
_ZIPS: Final = 100_000
_PREFIX: Final = 100
_FIRST_IS_RIGHT: Final = frozenset({86028, 96898})
"""Petrified Forest lies outside the Navajo Nation; mail to Wake Island is handed out in Honolulu."""
_BOTH_ZONES: Final = frozenset({36854, 36863, 36867, 36868, 36869, 36870, 36874, 36877})
"""Alabama's towns at the Chattahoochee live by Georgia's time. The official time is Central."""
_NEIGHBOURS: Final = 3
"""How many other zips of its county must agree against a zip of which both packages know the wrong place (37338)."""

Place = tuple[str, str]
"""State and zones of a zip; the zones are separated by a space. Empty texts where they are not known."""


@lru_cache(maxsize=256)
def clock(zone: str) -> tuple[Any, ...]:
    """Return what tells the clocks of two zones apart: their offsets in winter and in summer."""
    return tuple(
        datetime(2026, month, 15, tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset() for month in (1, 7)
    )


def places() -> dict[int, Place]:
    """Return state and zones of each zip in use."""
    known_zones = available_timezones()
    entries = zipcodes.list_all()  # type: ignore[no-untyped-call]
    first = {int(entry["zip_code"]): entry["timezone"] for entry in entries}
    counties: dict[tuple[str, str], Counter[Any]] = defaultdict(Counter)
    for entry in entries:
        if entry["timezone"] in known_zones:
            counties[entry["state"], entry["county"]][clock(entry["timezone"])] += 1
    place_of_zip: dict[int, Place] = {}
    for entry in entries:
        zip_code, zone = int(entry["zip_code"]), entry["timezone"]
        # One zip of Alaska has its village instead of a zone. It then gets its neighbours' zone.
        if zone and zone not in known_zones:
            zone = first[zip_code - 1]
        second = zip2info.timezone(zip_code)
        if (
            zone
            and second in known_zones
            and clock(second) != clock(zone)
            and zip_code not in _FIRST_IS_RIGHT
        ):
            zone = f"{zone} {second}" if zip_code in _BOTH_ZONES else second
        elif zone and entry["county"]:
            zone = _of_county(zone, counties[entry["state"], entry["county"]], place_of_zip, entry)
        state = entry["state"] if entry["state"] in STATE_CODES else ""
        place_of_zip[zip_code] = (state, zone)
    return place_of_zip


def _of_county(zone: str, clocks: Counter[Any], place_of_zip: dict[int, Place], entry: Any) -> str:
    """Return the zone of a zip; its county's where this zip alone has another clock than all others there."""
    others = clocks - Counter({clock(zone): clocks[clock(zone)]})
    if clocks[clock(zone)] > 1 or len(others) != 1 or sum(others.values()) < _NEIGHBOURS:
        return zone
    expected = next(iter(others))
    neighbours = (place[1] for place in reversed(place_of_zip.values()) if place[0] == entry["state"])
    return next((other for other in neighbours if other and clock(other.split()[0]) == expected), zone)


def runs() -> list[tuple[int, Place]]:
    """Return (first zip, place) of every run of zips with the same place.

    A zip that is not in use has the place of its neighbours if both have the same and their prefixes are in use.
    """
    place_of_zip = dict(sorted(places().items()))
    prefixes = {zip_code // _PREFIX for zip_code in place_of_zip}
    runs_found: list[tuple[int, Place]] = [(0, ("", ""))]
    before: tuple[int, Place] | None = None
    for zip_code, place in place_of_zip.items():
        if before is not None and zip_code - before[0] > 1:
            gap = range(before[0] // _PREFIX, zip_code // _PREFIX + 1)
            if before[1] != place or any(prefix not in prefixes for prefix in gap):
                runs_found.append((before[0] + 1, ("", "")))
        runs_found.append((zip_code, place))
        before = (zip_code, place)
    if before is not None and before[0] + 1 < _ZIPS:
        runs_found.append((before[0] + 1, ("", "")))
    return [(next(group)[0], place) for place, group in groupby(runs_found, key=lambda entry: entry[1])]


def source() -> str:
    """Return the text of `models/zip_zones.py`."""
    zip_runs = runs()
    distinct = sorted({place for _, place in zip_runs})
    number = {place: at for at, place in enumerate(distinct)}
    pairs = [f"{zip_code}:{number[place]}" for zip_code, place in zip_runs]
    lines = [" ".join(pairs[at : at + _PER_LINE]) for at in range(0, len(pairs), _PER_LINE)]
    return "\n".join(
        [
            '"""Lists state and time zone of every US zip, as runs of zips; written by `python -m tools.zip_zones`."""',
            "",
            "from typing import Final",
            "",
            "PLACES: Final = (",
            *(f'    ("{state}", "{zones}"),' for state, zones in distinct),
            ")",
            '"""State and zones of a run, the zones separated by a space; empty where not known."""',
            "",
            "_RUNS: Final = (",
            *(f'    "{line} "' for line in lines),
            ")",
            "",
            "ZIP_RUNS: Final = tuple(",
            '    (int(first), int(place)) for first, place in (pair.split(":") for pair in _RUNS.split())',
            ")",
            '"""(first zip of the run, place in PLACES), ascending; a run ends where the next begins."""',
            "",
        ]
    )


if __name__ == "__main__":
    TARGET.write_text(source(), encoding="utf-8")
