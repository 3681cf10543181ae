"""Writes `models/zip_zones.py` from the zipcodes package. Run it when that package changes."""

from itertools import groupby
from pathlib import Path
from zoneinfo import available_timezones

import zipcodes

TARGET = Path(__file__).parent.parent / "models" / "zip_zones.py"
_PER_LINE = 8


def runs() -> list[tuple[int, str]]:
    """Return (first zip, zone) of every run of zips in the same zone; the zone is `""` for zips without one."""
    known = available_timezones()
    zone_of = {
        int(entry["zip_code"]): entry["timezone"]
        for entry in zipcodes.list_all()  # type: ignore[no-untyped-call]
        # One zip of Alaska has its village instead of a zone. It then gets its neighbours' zone.
        if not entry["timezone"] or entry["timezone"] in known
    }
    return [
        (next(group)[0], zone) for zone, group in groupby(sorted(zone_of.items()), key=lambda item: item[1])
    ]


def source() -> str:
    """Return the text of `models/zip_zones.py`."""
    found = runs()
    zones = sorted({zone for _, zone in found if zone})
    number = {zone: place for place, zone in enumerate(zones, start=1)} | {"": 0}
    pairs = [f"{zip_code}:{number[zone]}" for zip_code, zone in found]
    lines = [" ".join(pairs[at : at + _PER_LINE]) for at in range(0, len(pairs), _PER_LINE)]
    return "\n".join(
        [
            '"""The time zone of every US zip, as runs of zips; written by `python -m tools.zip_zones`."""',
            "",
            "from typing import Final",
            "",
            "ZONES: Final[tuple[str | None, ...]] = (",
            "    None,",
            *(f'    "{zone}",' for zone in zones),
            ")",
            "",
            "_RUNS: Final = (",
            *(f'    "{line} "' for line in lines),
            ")",
            "",
            "ZIP_RUNS: Final = tuple(",
            '    (int(first), int(zone)) for first, zone in (pair.split(":") for pair in _RUNS.split())',
            ")",
            '"""(first zip of the run, place in ZONES), ascending; a run ends where the next begins."""',
            "",
        ]
    )


if __name__ == "__main__":
    TARGET.write_text(source(), encoding="utf-8")
