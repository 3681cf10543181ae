"""Defines the panels of the Grafana dashboards (`tools.dashboards`): a title, a sentence, a unit and queries for each.

The sentence is for whoever looks at the panel. Every query uses a metric of ours, and a test asks each one.
"""

from typing import Final

import msgspec

RATE: Final = "$__rate_interval"
RANGE: Final = "$__range"
"""Grafana's variables: the interval of a rate, and the time range that is shown."""


class Query(msgspec.Struct, frozen=True):
    """A PromQL query. `legend`: Grafana's pattern of the name of each line, such as `{{stage}}`."""

    promql: str
    legend: str


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """A panel. `unit`: Grafana's name of the unit. `kind`: `timeseries`, `stat` or `bargauge`."""

    title: str
    about: str
    unit: str
    queries: tuple[Query, ...]
    kind: str = "timeseries"


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """A dashboard. `name`: of the file, and Grafana's uid after `firstclaim-`."""

    name: str
    title: str
    about: str
    panels: tuple[Panel, ...]


def _quantile(share: float, metric: str, by: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket[{RATE}])))"


def _share(part: str, total: str, by: str = "") -> str:
    group = f" by ({by})" if by else ""
    return f"sum{group} (rate({part}[{RATE}])) / sum{group} (rate({total}[{RATE}]))"


def _rate(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}[{RATE}]))"


def _count(metric: str, by: str) -> str:
    return f"sum by ({by}) (increase({metric}[{RANGE}]))"


TOPICS: Final = Dashboard(
    name="topics",
    title="firstclaim: topics",
    about="What flows through Kafka, and what waits there.",
    panels=(
        Panel(
            title="Messages handled",
            about="Messages a second that each stage has handled.",
            unit="mps",
            queries=(Query(_rate("firstclaim_events_total", "stage"), "{{stage}}"),),
        ),
        Panel(
            title="Messages written",
            about="Public messages a second, by topic.",
            unit="mps",
            queries=(Query(_rate("firstclaim_published_total", "topic"), "{{topic}}"),),
        ),
        Panel(
            title="Messages that wait",
            about="Messages that the stage has not handled yet. It falls back to 0 when the stage keeps up.",
            unit="short",
            queries=(
                Query("sum by (stage, topic) (firstclaim_stage_lag_records)", "{{stage}}: {{topic}}"),
                Query("sum(firstclaim_sink_lag_records)", "sink: lead-journal"),
                Query("sum(firstclaim_board_lag_records)", "board: queue-changes"),
            ),
        ),
        Panel(
            title="Messages that wait, by partition",
            about="One partition that grows alone has one busy lead or org, or a stopped worker.",
            unit="short",
            queries=(
                Query(
                    "max by (stage, topic, partition) (firstclaim_stage_lag_records)",
                    "{{stage}}: {{topic}} {{partition}}",
                ),
            ),
        ),
        Panel(
            title="Age of the oldest message that is not handled",
            about="How long the oldest message has waited for its result, by stage.",
            unit="s",
            queries=(Query("max by (stage) (firstclaim_stage_oldest_seconds)", "{{stage}}"),),
        ),
        Panel(
            title="Dead letters",
            about="Messages that could not be accepted in the time shown, by topic and reason.",
            unit="short",
            kind="bargauge",
            queries=(
                Query(
                    _count("firstclaim_dead_letters_total", "topic, error_class"),
                    "{{topic}}: {{error_class}}",
                ),
            ),
        ),
    ),
)
ENGINE: Final = Dashboard(
    name="engine",
    title="firstclaim: engine",
    about="Whether the processes run, and how hard they work.",
    panels=(
        Panel(
            title="Processes that run",
            about="1 for each process that Prometheus reaches, 0 for one that it does not.",
            unit="bool_yes_no",
            kind="stat",
            queries=(Query('min by (process) (up{job="firstclaim"})', "{{process}}"),),
        ),
        Panel(
            title="Memory",
            about="Resident memory of each process.",
            unit="bytes",
            queries=(Query("max by (process) (process_resident_memory_bytes)", "{{process}}"),),
        ),
        Panel(
            title="Processor",
            about="Cores that each process uses.",
            unit="short",
            queries=(Query(f"sum by (process) (rate(process_cpu_seconds_total[{RATE}]))", "{{process}}"),),
        ),
        Panel(
            title="Leads in memory",
            about="Rows of the journal that all workers hold, and the deadlines that they wait for.",
            unit="short",
            queries=(
                Query("sum(firstclaim_rows)", "rows"),
                Query("sum(firstclaim_open_timers)", "deadlines"),
            ),
        ),
        Panel(
            title="CRM database: rows written",
            about="Rows a second that the sink wrote, by table.",
            unit="wps",
            queries=(Query(_rate("firstclaim_sink_rows_total", "table"), "{{table}}"),),
        ),
        Panel(
            title="CRM database: time of a batch",
            about="How long the sink needs for one batch.",
            unit="s",
            queries=(
                Query(_quantile(0.5, "firstclaim_sink_batch_seconds"), "half of the batches"),
                Query(_quantile(0.95, "firstclaim_sink_batch_seconds"), "95% of the batches"),
            ),
        ),
        Panel(
            title="Live lists",
            about="Changes a second that the board applied for the open pages.",
            unit="wps",
            queries=(Query(f"sum(rate(firstclaim_board_changes_applied_total[{RATE}]))", "changes"),),
        ),
        Panel(
            title="Console: open pages",
            about="Pages that are open in browsers and listen for changes.",
            unit="short",
            queries=(Query("sum(firstclaim_console_open_pages)", "pages"),),
        ),
        Panel(
            title="Console: time of an answer",
            about="How long 95% of the requests of each page and route take.",
            unit="s",
            queries=(Query(_quantile(0.95, "firstclaim_console_request_seconds", "route"), "{{route}}"),),
        ),
    ),
)
LEADS: Final = Dashboard(
    name="leads",
    title="firstclaim: leads",
    about="What happens to the leads. Totals are rates of the relay; the CRM database has exact figures.",
    panels=(
        Panel(
            title="Arrivals",
            about="What vendors' messages became: a lead, another inquiry of a known person, or a resend.",
            unit="short",
            queries=(Query(_count("firstclaim_arrivals_total", "became"), "{{became}}"),),
        ),
        Panel(
            title="Time from arrival to an owner",
            about="How long half of the leads, and 95% of them, wait until a rep owns them.",
            unit="s",
            queries=(
                Query(_quantile(0.5, "firstclaim_speed_to_lead_seconds"), "half of the leads"),
                Query(_quantile(0.95, "firstclaim_speed_to_lead_seconds"), "95% of the leads"),
            ),
        ),
        Panel(
            title="Claims",
            about="How claims were answered: won, lost to somebody faster, or refused.",
            unit="short",
            queries=(Query(_count('firstclaim_answers_total{action="claim"}', "result"), "{{result}}"),),
        ),
        Panel(
            title="Refused actions",
            about="Why actions were refused.",
            unit="short",
            kind="bargauge",
            queries=(Query(_count('firstclaim_answers_total{result="refused"}', "reason"), "{{reason}}"),),
        ),
        Panel(
            title="Offers",
            about="Offers and rings that were started, by the method of the group.",
            unit="short",
            queries=(Query(_count("firstclaim_offers_total", "method"), "{{method}}"),),
        ),
        Panel(
            title="How offers end",
            about="Claimed, out of time, declined, or voided.",
            unit="short",
            queries=(Query(_count("firstclaim_offers_ended_total", "outcome"), "{{outcome}}"),),
        ),
        Panel(
            title="How leads get their owners",
            about="Changes of owner, by how they came.",
            unit="short",
            queries=(Query(_count("firstclaim_owner_changes_total", "how"), "{{how}}"),),
        ),
        Panel(
            title="Exceptions",
            about="Leads that could not be distributed, and those that were settled.",
            unit="short",
            queries=(Query(_count("firstclaim_exceptions_total", "change"), "{{change}}"),),
        ),
    ),
)
VENDORS: Final = Dashboard(
    name="vendors",
    title="firstclaim: vendors",
    about="What each vendor sends, and what of it is new.",
    panels=(
        Panel(
            title="Messages, by vendor",
            about="Accepted messages a second.",
            unit="mps",
            queries=(Query(_rate("firstclaim_arrivals_total", "vendor"), "{{vendor}}"),),
        ),
        Panel(
            title="What the messages became",
            about="New leads, inquiries of known persons, and resends, by vendor, in the time shown.",
            unit="short",
            kind="bargauge",
            queries=(Query(_count("firstclaim_arrivals_total", "vendor, became"), "{{vendor}}: {{became}}"),),
        ),
        Panel(
            title="Share of new leads",
            about="The share of a vendor's messages that were new leads.",
            unit="percentunit",
            queries=(
                Query(
                    _share('firstclaim_arrivals_total{became="lead"}', "firstclaim_arrivals_total", "vendor"),
                    "{{vendor}}",
                ),
            ),
        ),
        Panel(
            title="Refused messages",
            about="Messages of vendors that are dead letters, by reason. The page Operations shows each one.",
            unit="short",
            queries=(
                Query(
                    _count('firstclaim_dead_letters_total{topic="lead-arrivals"}', "error_class"),
                    "{{error_class}}",
                ),
            ),
        ),
    ),
)
COURIERS: Final = Dashboard(
    name="couriers",
    title="firstclaim: couriers",
    about="Mails, push messages and calls to reps.",
    panels=(
        Panel(
            title="What became of the requests",
            about="Sent, delivered, bounced, withdrawn or failed, by channel.",
            unit="short",
            queries=(
                Query(
                    _count("firstclaim_courier_deliveries_total", "channel, status"),
                    "{{channel}}: {{status}}",
                ),
            ),
        ),
        Panel(
            title="Time until the provider took it",
            about="How long 95% of the requests wait, by channel.",
            unit="s",
            queries=(Query(_quantile(0.95, "firstclaim_courier_seconds", "channel"), "{{channel}}"),),
        ),
        Panel(
            title="Requests that wait",
            about="Requests in a courier, and requests on Kafka without a fate.",
            unit="short",
            queries=(
                Query("sum by (channel) (firstclaim_courier_pending)", "{{channel}}: in the courier"),
                Query("sum by (channel) (firstclaim_courier_lag_records)", "{{channel}}: on Kafka"),
            ),
        ),
        Panel(
            title="Providers that answer",
            about="1 while the mail server or telephone answers, 0 while it does not.",
            unit="bool_yes_no",
            kind="stat",
            queries=(Query("min by (channel) (firstclaim_courier_provider_up)", "{{channel}}"),),
        ),
    ),
)
DASHBOARDS: Final = (TOPICS, ENGINE, LEADS, VENDORS, COURIERS)
