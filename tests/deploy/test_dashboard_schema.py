"""The dashboards are what Grafana's own schema of a dashboard knows: nothing in them is unknown or of another type."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.deploy.prometheus import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER: Final = REPOSITORY / "deploy" / "grafana" / "dashboards"
DASHBOARDS: Final[dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))
}

register_default_plugins()


def unknown(source: Any, read: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of what Grafana's types did not read, or read as something else."""
    if isinstance(source, dict) and isinstance(read, dict):
        for name, value in source.items():
            if name in read:
                yield from unknown(value, read[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}"
    elif isinstance(source, list) and isinstance(read, list) and len(source) == len(read):
        for number, pair in enumerate(zip(source, read, strict=True)):
            yield from unknown(*pair, f"{path}[{number}]")
    elif source != read:
        yield path


def found_in(dashboard: dict[str, Any]) -> list[str]:
    """Read a dashboard with the types of Grafana's schema, write it again, and return what is not there any more."""
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))
    return [*unknown(dashboard, read)]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_has_only_what_grafanas_schema_knows(name: str) -> None:
    assert DASHBOARDS[name]["panels"]
    assert found_in(DASHBOARDS[name]) == []


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ((), ".refreshes"),
        (("panels", 0), ".panels[0].titel"),
        (("panels", 0, "gridPos"), ".panels[0].gridPos.z"),
        (("panels", 0, "targets", 0), ".panels[0].targets[0].query_text"),
    ],
)
def test_a_field_that_grafana_does_not_know_is_found(place: tuple[Any, ...], wrong: str) -> None:
    dashboard = copy.deepcopy(DASHBOARDS["engine"])
    node = dashboard
    for step in place:
        node = node[step]
    node[wrong.rpartition(".")[2]] = 1
    assert found_in(dashboard) == [wrong]
