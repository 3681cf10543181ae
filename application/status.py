"""Reads the status of the system: leads by phase, queue sizes, lag of each stage, dead letters, problems."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from aiokafka.errors import KafkaConnectionError, KafkaError
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Connection, inspect

from application.lag import READS, Lags
from application.problems import OperationalProblem, StateWatch, ahead_of_kafka, of_processes
from application.process_records import read_records
from board.reader import Reader
from models.errors import FirstclaimError, RetryableError
from sink.database_engine import connect
from sink.db_errors import reason_of
from sink.queries import leads_by_phase, open_exceptions_by_reason
from sink.schema import schema_of
from sink.tables import SinkOffsetTable
from streams.kafka_refusals import not_let_in
from streams.settings import Settings
from streams.topics import DEAD_LETTERS

__all__ = ["exceptions_by_reason", "phases", "print_status", "read_status"]

MISSING_TOPIC: Final = "does not exist: a worker, relay or sink creates the topics when it starts"
LABELS: Final = {
    "intake": "Intake",
    "leads": "Leads",
    "orgs": "Orgs",
    "relay": "Relay",
    "org_relay": "Org relay",
    "sink": "CRM database (sink)",
    "board": "Queue lists (board)",
}


def phases(database_url: str) -> dict[str, int]:
    """Return leads by phase, from the CRM database."""
    return _counted(database_url, leads_by_phase)


def exceptions_by_reason(database_url: str) -> dict[str, int]:
    """Return open exceptions by reason (E1), from the CRM database."""
    return _counted(database_url, open_exceptions_by_reason)


def _counted(database_url: str, count: Callable[[Connection], dict[str, int]]) -> dict[str, int]:
    engine = connect(database_url)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table(SinkOffsetTable.__tablename__):
                return {}
            return count(connection)
    finally:
        engine.dispose()


async def read_status(settings: Settings, org: str = "default") -> dict[str, Any]:
    """Return {ok, problems, leads, phases, queues, lag, dead_letters, trouble, processes}.

    Known errors become problems.
    `processes`: name -> host and port of its pages, such as `/metrics`, for those that `firstclaim up` supervises.
    `problems`: {what, reason} of each thing that keeps the system from working. `read_errors`: what could not be read.
    """
    status: dict[str, Any] = {
        "ok": False,
        "problems": [],
        "leads": 0,
        "phases": {},
        "queues": {},
        "lag": {},
        "dead_letters": 0,
        "trouble": [],
        "processes": {
            record.name: urlsplit(record.ready_url).netloc
            for record in read_records(settings.state_dir)
            if record.ready_url is not None
        },
    }
    problems_found = await asyncio.gather(
        _kafka(settings, status),
        _database(settings, status),
        _queues(settings, org, status),
        of_processes(settings),
    )
    problems = _without_repeats(problem for part in problems_found for problem in part)
    status["problems"] = [msgspec.to_builtins(problem) for problem in problems]
    status["ok"] = not problems
    return status


def _without_repeats(problems: Iterable[OperationalProblem]) -> list[OperationalProblem]:
    """Leave out repeated problems."""
    return list(dict.fromkeys(problems))


async def _kafka(settings: Settings, status: dict[str, Any]) -> list[OperationalProblem]:
    """Read lags and dead letters. Return the problems of Kafka, its topics and the stages."""
    lags = Lags(settings)
    problems: list[OperationalProblem] = []
    try:
        await lags.start()
        ends, begins = await lags.ends(DEAD_LETTERS), await lags.begins(DEAD_LETTERS)
        status["dead_letters"] = sum(end - begins[tp] for tp, end in ends.items())
        problems += [OperationalProblem(f"topic {name}", MISSING_TOPIC) for name in lags.missing]
        watch = StateWatch(settings, lags)
        problems += await watch.problems()
        status["lag"] = {**watch.lag(), **await lags.of_couriers()}
        if ahead := ahead_of_kafka(watch.backlogs):
            problems.append(ahead)
        for stage, reason in lags.read_errors.items():
            status["trouble"].append(f"{stage}: {reason}")
            if stage == "board":
                problems.append(OperationalProblem(stage, reason))
    except (KafkaError, OSError, TimeoutError) as error:
        access_error = await not_let_in(settings) if isinstance(error, KafkaConnectionError) else None
        problem = (
            OperationalProblem("Kafka", str(access_error)) if access_error else _refused(settings, error)
        )
        status["trouble"].append(f"{problem.what}: {problem.reason}")
        problems.append(problem)
    finally:
        await lags.close()
    return problems


def _refused(settings: Settings, error: Exception) -> OperationalProblem:
    """Return a sentence that says what Kafka refused, or that it is unreachable."""
    name, message = type(error).__name__, str(error) or "no answer"
    if "Authorization" in name:
        return OperationalProblem(
            "Kafka",
            f"refuses the connection: {name.removesuffix('Error')}: {message}; allow it for this user",
        )
    if "Authentication" in name or "Sasl" in name:
        return OperationalProblem(
            "Kafka",
            f"does not accept the credentials: {message}; look at KAFKA_SASL_USERNAME and its password",
        )
    if isinstance(error, KafkaConnectionError):
        return OperationalProblem("Kafka", f"does not answer at {settings.kafka_bootstrap_servers}")
    return OperationalProblem("Kafka", f"{settings.kafka_bootstrap_servers}: {message}")


async def _database(settings: Settings, status: dict[str, Any]) -> list[OperationalProblem]:
    """Read leads by phase. Return the problems of the CRM database."""
    try:
        schema = await asyncio.to_thread(schema_of, settings.database_url)
        if schema.problem:
            return [OperationalProblem("CRM database", schema.problem)]
        status["phases"] = await asyncio.to_thread(phases, settings.database_url)
        status["leads"] = sum(status["phases"].values())
    except Exception as error:  # noqa: BLE001  # any driver error is a problem of the database
        reason = error.reason if isinstance(error, RetryableError) else reason_of(error)
        status["trouble"].append(f"CRM database: {reason}")
        return [OperationalProblem("CRM database", reason)]
    return []


async def _queues(settings: Settings, org: str, status: dict[str, Any]) -> list[OperationalProblem]:
    """Read the queue lists. Return the problems of Valkey."""
    reader = Reader.at(settings.redis_url)
    try:
        status["queues"] = {
            info.queue_id: {"name": info.name, "claimable": info.claimable, "size": info.size}
            for info in await reader.queues(org)
        }
    except RetryableError as error:
        status["trouble"].append(str(error))
        return [OperationalProblem(error.what, error.reason)]
    except FirstclaimError as error:
        status["trouble"].append(str(error))
        return [OperationalProblem("Valkey", str(error))]
    finally:
        await reader.close()
    return []


def print_status(status: dict[str, Any]) -> None:
    """Print what `read_status` found as tables, and each problem as a sentence."""
    console = Console()
    phases = Table(
        "Phase", "Leads", title=f"{status['leads']:,} {'lead' if status['leads'] == 1 else 'leads'}"
    )
    for phase, count in sorted(status["phases"].items()):
        phases.add_row(phase.capitalize(), f"{count:,}")
    queues = Table("Queue", "Kind", "Leads", title="Queues")
    for queue_id, info in status["queues"].items():
        queues.add_row(
            escape(info["name"] or queue_id),
            "claimable" if info["claimable"] else "work",
            f"{info['size']:,}",
        )
    lag = Table("Stage", "Records not handled yet", title="Lag")
    for stage in READS:
        if stage in status["lag"]:
            lag.add_row(LABELS[stage], f"{status['lag'][stage]:,}")
    for stage in sorted(status["lag"].keys() - READS.keys()):
        lag.add_row(f"Courier: {stage.removeprefix('courier_')}", f"{status['lag'][stage]:,}")
    for table in (phases, queues, lag):
        if table.row_count:
            console.print(table)
    if all(problem["what"] != "Kafka" for problem in status["problems"]):
        console.print(f"Dead letters: {status['dead_letters']:,}")
    for problem in status["problems"]:
        console.print(f"[red]{escape(problem['what'])}: {escape(problem['reason'])}[/red]", soft_wrap=True)
    console.print("Everything works." if status["ok"] else f"{len(status['problems']):,} to look at.")
