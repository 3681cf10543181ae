"""Writes the Grafana dashboards of `deploy/grafana/dashboards/`: `python -m tools.dashboards`. A test compares them.

`tools.dashboard_panels` says what they show. A test runs Prometheus against a real stack and asks every query.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tools.dashboard_panels import DASHBOARDS, Dashboard, Panel

FOLDER: Final = Path(__file__).parent.parent / "deploy" / "grafana" / "dashboards"
SCHEMA_VERSION: Final = 39
"""The version of Grafana's dashboard schema: Grafana 10.4 and newer."""
_WIDTH, _HEIGHT = 12, 8
_DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def rendered(dashboard: Dashboard) -> dict[str, Any]:
    """Return a dashboard as Grafana imports it."""
    return {
        "uid": f"firstclaim-{dashboard.name}",
        "title": dashboard.title,
        "description": dashboard.about,
        "tags": ["firstclaim"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {
            "list": [
                {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
            ]
        },
        "links": [{"title": "firstclaim", "type": "dashboards", "tags": ["firstclaim"], "asDropdown": True}],
        "panels": [_panel(panel, number) for number, panel in enumerate(dashboard.panels)],
    }


def _panel(panel: Panel, number: int) -> dict[str, Any]:
    across = 24 // _WIDTH
    return {
        "id": number + 1,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _DATASOURCE,
        "gridPos": {
            "x": number % across * _WIDTH,
            "y": number // across * _HEIGHT,
            "w": _WIDTH,
            "h": _HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}}
        if panel.kind == "timeseries"
        else {},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "expr": query.promql,
                "legendFormat": query.legend,
                "datasource": _DATASOURCE,
            }
            for index, query in enumerate(panel.queries)
        ],
    }


def files() -> dict[Path, str]:
    """Return every committed file and its required text."""
    return {
        FOLDER / f"{dashboard.name}.json": json.dumps(rendered(dashboard), indent=2, ensure_ascii=False)
        + "\n"
        for dashboard in DASHBOARDS
    }


def write(report: Callable[[str], None]) -> None:
    """Write the files that differ, and report each."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in files().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            report(f"wrote {path.name}")


if __name__ == "__main__":
    write(print)
