"""Lays out the results of `bench scale` as rows of a table."""

from collections.abc import Mapping
from typing import Any


def claims_rows(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the cells of `bench scale`, heads first."""
    return [
        (
            "partitions, workers",
            "claims/s",
            "of one worker",
            "raw loop, claims/s",
            "of one loop",
            "ours / raw",
        ),
        *(
            (
                f"{one['partitions']}, {one['workers']}",
                f"{one['ours_per_s']:,}",
                f"{one['ours_of_one']:.2f}",
                f"{one['raw_per_s']:,}",
                f"{one['raw_of_one']:.2f}",
                f"{one['ours_per_s'] / one['raw_per_s']:.2f}",
            )
            for one in result["points"]
        ),
    ]


def offers_rows(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the cells of `bench scale --offers`, heads first."""
    return [
        ("orgs, workers", "offers/s", "of one worker"),
        *(
            (f"{one['orgs']}, {one['workers']}", f"{one['offers_per_s']:,}", f"{one['of_one']:.2f}")
            for one in result["points"]
        ),
    ]
