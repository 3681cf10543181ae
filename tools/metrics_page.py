"""Writes every metric with its labels and meaning to a page: `python -m tools.metrics_page`.

The page is docs/metrics.md. A test compares it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from prometheus_client.metrics import MetricWrapperBase

import board.metrics
import couriers.metrics
import web.metrics
from streams import metrics

PAGE: Final = Path(__file__).parent.parent / "docs" / "metrics.md"
DECLARED: Final = (
    ("Stages, sink and all processes", metrics),
    ("The board", board.metrics),
    ("Couriers", couriers.metrics),
    ("The console", web.metrics),
)

QUERIES: Final = {
    "How many leads get an owner in a minute, and how?": (
        "sum by (how) (rate(firstclaim_owner_changes_total[5m])) * 60"
    ),
    "How long do 95% of the leads wait for an owner?": (
        "histogram_quantile(0.95, sum by (le) (rate(firstclaim_speed_to_lead_seconds_bucket[30m])))"
    ),
    "Which stage is behind?": "sum by (stage) (firstclaim_stage_lag_records)",
}
"""Questions of operations, and what to ask Prometheus for each."""

_PAGE: Final = r"""# Metrics

`python -m tools.metrics_page` writes this page from the code. Each process has its metrics at `/metrics`, in
Prometheus' format, and those of the process itself (`process_cpu_seconds_total` and so on). A histogram has `_bucket`,
`_sum` and `_count` at the end of its name.

## A dashboard of your own

`firstclaim status --json` has the addresses of the processes that `firstclaim up` or the demo started. Run it in the
folder in which they were started, or name the data with `--state-dir`. With `jq` they become a file that Prometheus
reads again whenever it changes:

```
firstclaim status --json | tail -n 1 \
  | jq '[.processes | to_entries[] | {targets: [.value], labels: {process: .key}}]' > targets.json
cat > prometheus.yml <<'END'
global: {scrape_interval: 5s}
scrape_configs:
  - job_name: firstclaim
    file_sd_configs: [{files: [targets.json]}]
END
prometheus --config.file prometheus.yml
```

`make prometheus` fetches Debian's Prometheus to `build/prometheus/usr/bin`, if you have none. Its own page at
`http://localhost:9090` draws a query. Where nothing happened in the time of a query, its answer is empty or `NaN`.
Three to begin with:

| question | query |
|---|---|
@QUERIES@

In Grafana, add Prometheus as a data source, then a panel with a query. To begin with one of ours, import a file of
[`deploy/grafana/dashboards`](../deploy/grafana/dashboards). To change ours for everybody, edit
`tools/dashboard_panels.py` and run `python -m tools.dashboards`.

@TABLES@"""


def page() -> str:
    """Return the page."""
    tables = "\n".join(line for title, module in DECLARED for line in _table(title, module))
    queries = "\n".join(f"| {question} | `{query}` |" for question, query in QUERIES.items())
    return _PAGE.replace("@QUERIES@", queries).replace("@TABLES@", tables)


def _table(title: str, module: Any) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| metric | kind | labels | meaning |"
    yield "|---|---|---|---|"
    for declared in vars(module).values():
        if not isinstance(declared, MetricWrapperBase):
            continue
        described = next(iter(declared.describe()))
        kind = described.type
        name = described.name + ("_total" if kind == "counter" else "")
        labels = ", ".join(f"`{label}`" for label in declared._labelnames)  # noqa: SLF001  # no other way to them
        yield f"| `{name}` | {kind} | {labels} | {described.documentation} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page())
