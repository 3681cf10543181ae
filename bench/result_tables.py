"""Writes the newest figures of each measurement, with date and machine, into docs/benchmarks.md."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.machine_info import machine, today
from bench.scale_rows import claims_rows, offers_rows

DOCS: Final = Path(__file__).parents[1] / "docs" / "benchmarks.md"

INTRODUCTION: Final = """\
# Measurements

Every table is written by `firstclaim bench NAME --write-docs`, which brings up its own Kafka and leaves nothing behind.
Ours and the peers' run on the same machine, against the same broker, in turns; figures are medians over the repeats.
What each side does, and what it does not, is said at the top of `bench/NAME.py`. Absolute figures are of the machine
named below each table; the ratios travel.
"""

Result = Mapping[str, Any]
Rows = list[tuple[str, ...]]


@dataclass(frozen=True)
class Table:
    """The presentation of one measurement. `rows`: cells of text; the first row holds the column heads."""

    title: str
    says: str
    rows: Callable[[Result], Rows]


def write_table(name: str, result: Result, *, path: Path = DOCS) -> None:
    """Write a measurement's table into the docs, in place of its former one. Other tables stay as they are."""
    before = path.read_text() if path.exists() else INTRODUCTION
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    section = f"{begin}{text(name, result)}{end}"
    head, marker, rest = before.partition(begin)
    after = f"{head}{section}{rest.partition(end)[2]}" if marker else f"{before.rstrip()}\n\n{section}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(after)


def text(name: str, result: Result) -> str:
    """Return a measurement's section: title, description, table, machine and date."""
    table = TABLES.get(name) or Table(name.capitalize(), "", _plain)
    heads, *rows = table.rows(result)
    lines = [
        f"## {table.title}\n",
        *([f"{table.says}\n"] if table.says else []),
        _line(heads),
        _line(["---", *("---:" for _ in heads[1:])]),
        *map(_line, rows),
        f"\n{today()}, {machine()}.",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _claims(result: Result) -> Rows:
    def row(label: str, name: str) -> tuple[str, ...]:
        rate = result[f"{name}_per_s"]
        return label, f"{rate:,}", f"{rate / result['raw_per_s']:.2f}"

    return [
        (f"{result['claims']:,} claims, {result['leads']:,} leads", "claims/s", "of the raw loop"),
        row("firstclaim worker", "ours"),
        *([row("firstclaim worker, compiled core", "compiled")] if "compiled_per_s" in result else []),
        row("raw aiokafka loop", "raw"),
        row("raw aiokafka loop, uvloop and orjson", "raw_tuned"),
        row("Quix Streams", "quix"),
        row("firstclaim relay, answers to `lead-decisions`", "answers"),
        *([row("the same, compiled core", "compiled_answers")] if "compiled_answers_per_s" in result else []),
    ]


def _latency(result: Result) -> Rows:
    def row(label: str, name: str) -> tuple[str, ...]:
        median, tail = result[f"{name}_p50_ms"], result[f"{name}_p99_ms"]
        return label, f"{median:.1f}", f"{tail:.1f}", f"{tail / result['raw_p99_ms']:.2f}"

    return [
        (f"{result['per_s']:g} claims/s", "p50 ms", "p99 ms", "p99 of the raw loop's"),
        row("raw aiokafka loop: claim to answer (one hop)", "raw"),
        row("firstclaim: claim to journal record (one hop)", "journal"),
        row("firstclaim: claim to answer on `lead-decisions` (two hops)", "answer"),
    ]


def _recovery(result: Result) -> Rows:
    return [
        ("leads", "seconds to ready", "bytes per lead"),
        (f"{result['leads']:,}", f"{result['seconds']:.1f}", f"{result['bytes_per_lead']:,}"),
    ]


def _restart(result: Result) -> Rows:
    return [
        ("group membership", "firstclaim, s", "raw aiokafka loop, s", "of the raw loop's"),
        *(
            (
                mode,
                f"{result[f'{mode}_s']:.1f}",
                f"{result[f'raw_{mode}_s']:.1f}",
                f"{result[f'ratio_{mode}']:.2f}",
            )
            for mode in ("dynamic", "static")
        ),
    ]


def _rules(result: Result) -> Rows:
    return [
        ("one process", "value"),
        ("rules of five conditions evaluated, a second", f"{result['evaluations_per_s']:,}"),
        ("one lead's places among 1,000 queues, µs", f"{result['lead_1000_queues_us']:,}"),
        ("the same, each queue evaluated separately, µs", f"{result['one_by_one_us']:,}"),
    ]


def _allocate(result: Result) -> Rows:
    def row(reps: int, growth: float) -> tuple[str, ...]:
        groups = max(1, reps // 10)
        return f"{reps:,} in {groups:,}", f"{result[f'per_s_{reps}']:,}", f"{growth:.2f}"

    return [
        ("reps, in groups of ten", "allocations/s", "times as long as with 10 reps"),
        row(10, 1.0),
        row(1_000, result["growth_1000"]),
        row(10_000, result["growth_10000"]),
    ]


def _reading(result: Result) -> Rows:
    def row(label: str, name: str) -> tuple[str, ...]:
        return label, f"{result[f'{name}_per_s']:,}", f"{result[f'{name}_other_names_per_s']:,}"

    return [
        ("", "a second, in the contract's names", "in a vendor's own names"),
        row("messages of `lead-arrivals`", "messages"),
        row("rows of a CSV file, as `firstclaim send` reads them", "rows"),
    ]


def _board(result: Result) -> Rows:
    def row(label: str, name: str) -> tuple[str, ...]:
        return label, f"{result[name]:.1f}"

    return [
        (f"{result['leads']:,} leads in a queue", "ms"),
        row("the first page of 50", "page_ms"),
        row("the last page", "page_last_ms"),
        row("search: the one match is the last lead", "search_one_ms"),
        row("search: no match", "search_none_ms"),
        row("search: one in a hundred matches, in the second half", "search_many_ms"),
        row("search: all of the second half match", "search_late_ms"),
        row("the longest that a search held Valkey", "held_ms"),
    ]


def _live(result: Result) -> Rows:
    def row(label: str, name: str) -> tuple[str, ...]:
        return label, f"{result[f'{name}_p50_ms']:.1f}", f"{result[f'{name}_p95_ms']:.1f}"

    return [
        (f"{result['claims']:,} claims, {result['readers']} readers", "p50 ms", "p95 ms"),
        row("from the claim to its answer", "answer"),
        row("from the claim to a reader's `left` entry", "row_gone"),
        row("from the claim to the slowest reader's", "row_gone_everywhere"),
    ]


def _live_browser(result: Result) -> Rows:
    def row(label: str, name: str) -> tuple[str, ...]:
        return label, f"{result[f'{name}_p50_ms']:.1f}", f"{result[f'{name}_p95_ms']:.1f}"

    return [
        (f"{result['claims']:,} claims, {result['pages']} pages", "p50 ms", "p95 ms"),
        row('from the click to the claimer\'s "Congratulations"', "answer"),
        row("from the click until the row is gone from another page", "row_gone"),
    ]


def _pages(result: Result) -> Rows:
    def row(label: str, name: str) -> tuple[str, ...]:
        return label, f"{result[name]:,.0f}"

    return [
        (f"{result['leads']:,} leads", "value"),
        row("the queue's page is open, ms", "page_open_ms"),
        row("a search by name is answered, ms", "search_ms"),
        row("the exceptions desk is open, ms", "exceptions_open_ms"),
        row("the list of all leads is open, ms", "my_leads_open_ms"),
        row("a filter is answered, ms", "filter_ms"),
        ("the queue's page just opened, MiB", f"{result['heap_before_mb']:.1f}"),
        ("the same after searching, paging and live changes, MiB", f"{result['heap_once_mb']:.1f}"),
        ("the same after twice as much, MiB", f"{result['heap_mb']:.1f}"),
        ("leads are in the queue and on the board after, s", f"{result['feed_s']:.1f}"),
    ]


def _listeners(result: Result) -> Rows:
    def row(label: str, value: str) -> tuple[str, ...]:
        return label, value

    return [
        (f"{result['listeners']:,} listeners, {result['claims_per_s']:g} claims/s", "value"),
        row("claims, and as many new leads", f"{result['claims']:,}"),
        row("lists that are not the server's at the end", f"{result['wrong']:,}"),
        row("times that a listener was told to reload", f"{result['rebuilt']:,}"),
        row("from the claim to a listener's `left`, p50 ms", f"{result['delay_p50_ms']:.1f}"),
        row("the same, p95 ms", f"{result['delay_p95_ms']:.1f}"),
        row("the console's share of a core", f"{result['console_cpu_share']:.2f}"),
        row("the listeners' and claimers' own", f"{result['client_cpu_share']:.2f}"),
    ]


def _plain(result: Result) -> Rows:
    """Return the rows of a measurement without its own table: one row for each number."""
    return [
        ("figure", "value"),
        *((name, f"{value:,}") for name, value in result.items() if isinstance(value, int | float)),
    ]


def _reach(result: Result) -> Rows:
    def row(label: str, name: str) -> tuple[str, ...]:
        return label, f"{result[f'{name}_p50_ms']:.1f}", f"{result[f'{name}_p99_ms']:.1f}"

    return [
        (f"{result['leads']:,} leads, {result['reps']:,} telephones each", "p50 ms", "p99 ms"),
        row("arrival to the request on `notifications`: the engine's share", "engine"),
        row("arrival to the first telephone that rings", "first"),
        row("arrival to the last telephone that rings", "all"),
    ]


def _sink(result: Result) -> Rows:
    return [
        (f"{result['leads']:,} leads, every second one claimed", "rows/s", "of COPY"),
        ("firstclaim sink", f"{result['sink_rows_per_s']:,}", f"{result['ratio_copy']:.2f}"),
        ("plain COPY of the finished rows", f"{result['copy_rows_per_s']:,}", "1.00"),
        ("firstclaim sink, records of the journal a second", f"{result['records_per_s']:,}", ""),
    ]


def _timers(result: Result) -> Rows:
    def row(label: str, name: str) -> tuple[str, ...]:
        return label, *(f"{result[f'{name}_{rank}_ms']:.1f}" for rank in ("p50", "p99", "max"))

    return [
        (f"{result['pending']:,} deadlines pending", "p50 ms", "p99 ms", "longest ms"),
        row(f"how late a deadline is handled, {result['per_s']:,} due a second", "lateness"),
        row("claim to journal record, nothing due", "claims"),
        row(f"the same, {result['per_s']:,} due a second", "spread_claims"),
        row(f"the same, {result['herd']:,} due at once", "herd_claims"),
        (f"{result['herd']:,} due at once are handled after, s", "", "", f"{result['herd_seconds']:.1f}"),
    ]


def _offer(result: Result) -> Rows:
    def row(label: str, name: str) -> tuple[str, ...]:
        median, tail = result[f"{name}_p50_ms"], result[f"{name}_p99_ms"]
        return label, f"{median:.1f}", f"{tail:.1f}", f"{tail / result['raw_p99_ms']:.2f}"

    return [
        (f"{result['per_s']:g} arrivals/s", "p50 ms", "p99 ms", "p99 of the raw loop's"),
        row("raw aiokafka loop: one hop", "raw"),
        row("firstclaim: arrival to the offer on `notifications` (nine hops)", "offer"),
        *(
            (f"hop {number}, {name}", f"{median:.0f}", f"{tail:.0f}", f"{tail / result['raw_p99_ms']:.2f}")
            for number, (name, median, tail) in enumerate(result["hops"], 1)
        ),
    ]


TABLES: Final[Mapping[str, Table]] = {
    "allocate": Table(
        "Allocations of one org",
        "Pure computing, no broker: each lead asks its group, is offered by round robin with hours, licences, caps and"
        " pauses, and is claimed; every fourth times out first and is offered again.",
        _allocate,
    ),
    "reach": Table(
        "A lead rings",
        "A real Asterisk and SIP telephones, each waiting for its INVITE; one lead at a time, all on the same machine.",
        _reach,
    ),
    "reading": Table(
        "Reading what vendors send",
        "Pure computing in one process, by its processor time; no broker. Every lead has another phone, mail address"
        " and id.",
        _reading,
    ),
    "board": Table(
        "A long queue on the board",
        "Page and search as the console's process sees them; medians. The queue is in the order of last names.",
        _board,
    ),
    "claims": Table(
        "Claims a second",
        "Four reps want each lead, one gets it; one process each, at-least-once, acks=all, a changelog.\n"
        "Beside the claims our worker decides what the round before told its org, an event for every fourth claim;\n"
        "the first round has none.",
        _claims,
    ),
    "latency": Table(
        "From claim to answer",
        "A steady rate; all processes on the same machine as the broker and the probe.",
        _latency,
    ),
    "live": Table(
        "A claimed row is gone",
        "Through intake, lead machine, relay and board, to readers of the live feed; all on the same machine.",
        _live,
    ),
    "live-browser": Table(
        "A claimed row is gone, in the browser",
        "Pages of one Chromium, each signed in as another rep; one claims by clicks. All on the same machine.",
        _live_browser,
    ),
    "offer": Table(
        "From arrival to offer",
        "A steady rate; each lead is offered to the next of 100 reps by round robin. The hops' times are differences of"
        " the records' own timestamps, in whole milliseconds.",
        _offer,
    ),
    "pages": Table(
        "Pages with very many leads",
        "In Chromium, from the key or the navigation until the frame is painted; medians. Pauses that pages make for"
        " more typing (150 and 250 ms) are included.",
        _pages,
    ),
    "listeners": Table(
        "Many open pages",
        "Each listener keeps the first 100 places of the same queue by what the live stream tells it; reps claim"
        " through Kafka.",
        _listeners,
    ),
    "recovery": Table(
        "A worker comes back",
        "Killed with kill -9; from the start of the new process until it is ready, and its memory.",
        _recovery,
    ),
    "restart": Table(
        "Claims are answered again",
        "One of two processes is killed with kill -9, and restarted at once by the supervisor; from then to answers.",
        _restart,
    ),
    "scale": Table(
        "More workers",
        "All processes, the broker and the writer of the claims share the machine's cores. The raw loop runs in as many"
        " processes.",
        claims_rows,
    ),
    "scale-offers": Table(
        "More workers, more orgs",
        "Each arrival is offered to the next of its org's ten reps by round robin. One relay publishes for all workers,"
        " and all processes share the machine's cores. An org is decided by one worker.",
        offers_rows,
    ),
    "sink": Table(
        "The CRM database",
        "Postgres with the CRM's tables and indexes. The sink's writer begins with the journal's bytes; the copy with"
        " finished rows.",
        _sink,
    ),
    "timers": Table(
        "Deadlines",
        "One worker; promised calls of owners. Claims of other leads come at 100 a second.",
        _timers,
    ),
    "rules": Table(
        "Rules",
        "Pure computing, no broker. Every one of the five conditions is asked; 1,000 queues are indexed.",
        _rules,
    ),
}
