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
                f"{point['partitions']}, {point['workers']}",
                f"{point['ours_per_s']:,}",
                f"{point['ours_of_one']:.2f}",
                f"{point['raw_per_s']:,}",
                f"{point['raw_of_one']:.2f}",
                f"{point['ours_per_s'] / point['raw_per_s']:.2f}",
            )
            for point in result["points"]
        ),
    ]


def offers_rows(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the cells of `bench scale --offers`, heads first."""
    return [
        ("orgs, workers", "offers/s", "of one worker"),
        *(
            (f"{point['orgs']}, {point['workers']}", f"{point['offers_per_s']:,}", f"{point['of_one']:.2f}")
            for point in result["points"]
        ),
    ]
