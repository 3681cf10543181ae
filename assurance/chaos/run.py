"""Runs chaos: load and faults on a stack of its own, then a quiet phase, then every check."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from assurance.chaos.broker_isolation import BrokerIsolation
from assurance.chaos.cancellation import cancel, cancelled_at_the_end
from assurance.chaos.chaos_input import LOCK_SECONDS, TrafficFeed
from assurance.chaos.conservation_probe import MOMENTS, ConservationProbe
from assurance.chaos.crm_consumers import CrmConsumers
from assurance.chaos.fake_clocks import FakeClocks
from assurance.chaos.fault_injector import FaultInjector
from assurance.chaos.fault_plan import Fault, plan
from assurance.chaos.feed_probe import FeedProbe
from assurance.chaos.lender import ORG, Lender
from assurance.chaos.own_stack import isolate_brokers, kafka_of, own_stack
from assurance.chaos.pace import ArrivalPace
from assurance.chaos.poison import aborted_arrived, poison_sent
from assurance.chaos.resources import JUDGED_SECONDS, ResourceProbe, growth, uses, watched_processes
from assurance.chaos.store_faults import StoreFaults
from assurance.chaos.supervised_processes import SupervisedProcesses
from assurance.chaos.telephones import Telephones, telephones
from assurance.history_files import owners_of, write_histories
from assurance.linearizability import check
from assurance.load import LoadClient, OperationHistory, SimulatedPeople
from assurance.load.offer_reader import Offers
from assurance.verify import FindingKind, verify
from assurance.verify.catch_up import INBOUND
from models.errors import ConfigError, RuntimeFailure
from runtime import LocalStack
from runtime.mailbox import Mailbox
from runtime.own_folder import own_folder
from streams.settings import Settings

REPS: Final = 16
MAILS_REFUSED: Final = 1 / 3
"""The share of attempts to deliver a mail that the mail server refuses for now."""
ENDING: Final = ("people", "feed", "lender's people", "lender", "moments")
"""The tasks that end by themselves when the run is over."""
SETTLE_SECONDS: Final = 150.0
"""How long the readers may take to catch up after the load. A broker's death alone costs half a minute."""
SAID_SECONDS: Final = (5.0, 30.0)
"""How often progress is said: in a run of minutes, and in a run of half an hour or more."""
MAX_SHOWN: Final = 20
"""How many findings of each kind are shown."""

Say = Callable[[str], None]


async def chaos(
    seconds: float = 180,
    workers: int = 2,
    seed: int = 1,
    say: Say = lambda _: None,
    *,
    keep: Path | None = None,
    secure: bool = False,
    brokers: int = 1,
    telephone: bool = False,
    consumers: Sequence[str] = (),
    events: int | None = None,
    faults: int | None = None,
    histories: Path | None = None,
    clock_jumps: bool = False,
    failover: bool = False,
) -> dict[str, Any]:
    """Run load with faults, let the system settle, and count what was lost, owned twice or contradicted.

    The stack is in a temporary folder, on free ports, and is removed afterwards; the environment's servers are not
    used. `keep`: a folder to use instead, and to leave in place. `secure`: Kafka has users and ACLs, and each process
    signs in as itself; load and poison are sent by the superuser. `brokers`: 3 for a cluster, whose brokers are killed,
    paused, restarted and relieved of their partitions. `telephone`: the lender's reps have telephones of a
    real Asterisk, and the telephone courier is a victim too. `consumers`: commands of CRM consumers that run beside
    it and are compared with the CRM database (`assurance.chaos.crm_consumers`). `events`: how many events the leads are
    to have; the load is adapted, and goes on for a quarter of the time if they are fewer (`assurance.chaos.pace`).
    `faults`: their number (`assurance.chaos.fault_plan`). `histories`: a folder for the history of the run in the
    formats of other checkers (`assurance.history_files`). `clock_jumps`: workers' clocks jump by 70 minutes
    (`assurance.chaos.fake_clocks`). `failover`: Valkey has a replica and sentinels, the CRM database is a Postgres with
    a standby, and both are killed, paused and promoted (`assurance.chaos.store_faults`).

    Raises RuntimeFailure where the stack does not come up again, and ConfigError where Asterisk cannot be had, a
    command cannot be a consumer's, or there is no time for so many faults.
    """
    if secure and consumers:
        raise ConfigError("consumer", "CRM consumers read a Kafka without users; leave out --secure")
    if failover and consumers:
        raise ConfigError("consumer", "CRM consumers are compared with an SQLite file; leave out --failover")
    planned = partial(
        plan,
        seconds,
        workers,
        seed,
        telephone=telephone,
        brokers=brokers,
        faults=faults,
        clock_jumps=clock_jumps,
        failover=failover,
    )
    planned()  # too many faults are refused before anything starts
    # The broker is killed on purpose, so its clients' errors are not logged.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        with nullcontext(keep) if keep else own_folder("chaos", passable=failover) as folder:
            async with AsyncExitStack() as parts:
                isolations: list[BrokerIsolation] = []
                removal = parts.enter_context(ExitStack())  # it is left after the stack has stopped
                stack, settings = await parts.enter_async_context(
                    own_stack(
                        folder,
                        secure=secure,
                        brokers=brokers,
                        failover=failover,
                        prepare=lambda prepared: isolations.extend(isolate_brokers(prepared, removal, say)),
                    )
                )
                isolation = isolations[0] if isolations else None
                phones = await parts.enter_async_context(telephones(folder, seed)) if telephone else None
                clocks = FakeClocks(folder / "clocks") if clock_jumps else None
                crm = CrmConsumers(consumers, settings, folder / "crm.sqlite", seconds, say)
                await parts.enter_async_context(crm)
                planned_faults = planned(isolated=isolation is not None)
                run = _Run(
                    seconds,
                    workers,
                    seed,
                    say,
                    phones,
                    crm,
                    clocks,
                    planned_faults,
                    events,
                    histories,
                    isolation,
                )
                return await _run_on_stack(stack, settings, run)
    except TimeoutError as error:
        raise RuntimeFailure("chaos", str(error)) from error


@dataclass(frozen=True)
class _Run:
    """What is asked of a run."""

    seconds: float
    workers: int
    seed: int
    say: Say
    phones: Telephones | None
    crm: CrmConsumers
    clocks: FakeClocks | None
    planned_faults: list[Fault]
    events: int | None
    histories: Path | None
    isolation: BrokerIsolation | None


@dataclass(frozen=True)
class _Load:
    """What the load has left behind."""

    feed: TrafficFeed
    lender: Lender
    offers: Offers
    moments: ConservationProbe
    resources: ResourceProbe
    contradictions: list[Any]


async def _run_on_stack(stack: LocalStack, settings: Settings, run: _Run) -> dict[str, Any]:
    say, phones, crm = run.say, run.phones, run.crm
    mailbox = Mailbox(settings.state_dir / "mailbox", refuses=MAILS_REFUSED, seed=run.seed)
    mailbox.start()
    victims = SupervisedProcesses(
        settings,
        run.workers,
        say,
        sign_in=stack.as_process,
        mailbox=mailbox,
        telephone=None if phones is None else phones.environment(),
        clocks=run.clocks,
    )
    fate = FaultInjector(
        victims, kafka_of(stack), settings.database_url, say, run.isolation, _store_faults(stack, say)
    )
    probes = [FeedProbe(settings.redis_url, org) for org in ("default", ORG)] if stack.valkey_group else []
    history = OperationHistory(lock_seconds=LOCK_SECONDS, keeps=run.histories is not None)
    began, following = time.monotonic(), list[asyncio.Task[None]]()
    try:
        await victims.start()
        say(f"all ready after {time.monotonic() - began:.1f} s")
        following = [asyncio.create_task(probe.follow()) for probe in probes]
        load = await _load(stack, settings, run, victims, fate, history)
        unended = 0 if phones is None else await phones.unended(settings)
        say("the readers catch up, and everything is compared")
        report = await verify(settings, wait_seconds=SETTLE_SECONDS, say=say)
        if crm.all or probes:
            await victims.stop_workers()  # offers that end and begin anew would change the rows for ever
            await asyncio.gather(crm.compare(), *(probe.compare() for probe in probes))
        if run.histories is not None:
            owners = await owners_of(settings)
            await asyncio.to_thread(write_histories, run.histories, history.all(), history.requested, owners)
            say(f"the history of the run is in {run.histories}")
        poison = await poison_sent(settings, INBOUND)
        aborted = await asyncio.to_thread(aborted_arrived, settings.database_url)
    finally:
        await cancel(*following)
        await asyncio.gather(*(probe.close() for probe in probes))
        await victims.stop()
        await asyncio.to_thread(mailbox.stop)
    say("is there one order that explains every answer?")
    violations = await asyncio.to_thread(check, history.all())
    resources, moments, contradictions = load.resources, load.moments, load.contradictions
    grown = growth(resources.samples, run.seconds) if run.seconds >= JUDGED_SECONDS else []
    swallowed = [finding for probe in probes for finding in probe.findings]
    events = sum(report.events.values())
    too_few = run.events is not None and events < run.events
    for line in (
        *report.lines(),
        *map(str, violations[:MAX_SHOWN]),
        *crm.findings,
        *swallowed,
        *grown,
        *([f"{events:,} events were made, not {run.events:,}"] if too_few else []),
        *(f"leads did not add up at a moment: {finding}" for finding in moments.findings[:MAX_SHOWN]),
        *(f"answered twice, differently: {first} {then}" for first, then in contradictions[:MAX_SHOWN]),
    ):
        say(line)
    lost_count = report.of_kind(FindingKind.LOST)
    double_owned = report.of_kind(FindingKind.DOUBLE_OWNED) + len(violations)
    contradicted = report.of_kind(FindingKind.CONTRADICTED) + len(contradictions)
    return {
        "ok": report.ok
        and not (
            violations
            or contradictions
            or victims.odd
            or moments.findings
            or crm.findings
            or grown
            or swallowed
        )
        and not too_few
        and moments.conserved == MOMENTS
        and not aborted
        and not unended
        and report.dead_letters == poison.total(),
        "seconds": round(time.monotonic() - began, 1),
        "seed": run.seed,
        "events": events,
        "kills": sum(fate.done.values()),
        "lost": lost_count,
        "double_owned": double_owned,
        "contradicted": contradicted,
        "overdue": report.of_kind(FindingKind.OVERDUE),
        "dead_letters": report.dead_letters,
        "poison_sent": poison.total(),
        "aborted_arrived": aborted,
        "conserved_at": moments.conserved,
        "leads": report.leads,
        "actions": history.actions,
        "operations": len(history.ops),
        "unknown_outcomes": history.unknown,
        "duplicates": load.feed.duplicates,
        "inquiries": report.inquiries,
        "offers": load.offers.seen + load.lender.offers.seen,
        "lender_leads": len(load.lender.sent),
        "lender_offers": dict(load.lender.offers.made),
        "deadlines": report.events.get("deadline_passed", 0),
        "lateness": msgspec.to_builtins(report.lateness),
        "blows": dict(fate.done),
        "ends": dict(victims.ends),
        "findings": dict(report.counts),
        "not_linearizable": len(violations),
        "odd_ends": len(victims.odd),
        "rang": phones.rang if phones else 0,
        "legs_unended": unended,
        "crm_consumers": [
            {"command": consumer.command, "starts": consumer.starts, "kills": consumer.kills}
            for consumer in crm.all
        ],
        "crm_findings": len(crm.findings),
        "feed_entries": sum(probe.entries for probe in probes),
        "feed_reloads": sum(probe.reloads for probe in probes),
        "feed_findings": len(swallowed),
        "resources": msgspec.to_builtins(uses(resources.samples, run.seconds)),
        "growth": grown,
        "verify_seconds": report.seconds,
        "mails": mailbox.accepted,
        "mails_refused": mailbox.refused,
        "mails_repeated": mailbox.repeats,
    }


def _store_faults(stack: LocalStack, say: Say) -> StoreFaults | None:
    if stack.valkey_group is None or stack.postgres_pair is None:
        return None
    return StoreFaults(stack.valkey_group, stack.postgres_pair, say)


async def _load(
    stack: LocalStack,
    settings: Settings,
    run: _Run,
    victims: SupervisedProcesses,
    fate: FaultInjector,
    history: OperationHistory,
) -> _Load:
    """Send the load and inject the faults, and return when all processes are back."""
    say, phones = run.say, run.phones
    async with (
        LoadClient(settings, history=history) as client,
        LoadClient(settings, org=ORG, history=history) as lenders,
        cancelled_at_the_end() as tasks,
    ):
        pace = ArrivalPace(settings, run.seconds, run.events)
        feed, lender = (
            TrafficFeed(client, history, run.seed, pace),
            Lender(lenders, history, run.seed, telephone=None if phones is None else phones.phones.uri),
        )
        offers = Offers(settings, is_own=lambda lead_id: lead_id not in lender.sent)
        tasks["offers"] = asyncio.create_task(offers.follow())
        people = SimulatedPeople(client, feed.leads, reps=REPS, seed=run.seed, offers=offers)
        await feed.publish(people)
        await lender.publish()
        tasks["lender's offers"] = asyncio.create_task(lender.offers.follow())
        tasks["lender's people"] = asyncio.create_task(lender.people.work())
        tasks["lender"] = asyncio.create_task(lender.run())
        pace.sent = lambda: feed.sent + len(lender.sent)
        resources = ResourceProbe(watched_processes(victims.parts, stack.servers), run.seconds, pace.sent)
        tasks["pace"] = asyncio.create_task(pace.keep())
        tasks["resources"] = asyncio.create_task(resources.watch())
        tasks["telling"] = asyncio.create_task(_tell(run.seconds, client, pace, fate, resources, say))
        tasks["people"] = asyncio.create_task(people.work())
        tasks["feed"] = asyncio.create_task(feed.run())
        moments = ConservationProbe(settings, run.seconds, say)
        tasks["moments"] = asyncio.create_task(moments.watch())
        tasks["fate"] = asyncio.create_task(fate.inject(run.planned_faults))
        done, _ = await asyncio.wait(tasks.values(), timeout=run.seconds, return_when=asyncio.FIRST_EXCEPTION)
        for ended in done:
            ended.result()  # raises what ended it
        await pace.until_reached()
        say("the load ends; everybody comes back")
        for going in (feed, people, lender, lender.people):
            going.over.set()
        await tasks["fate"]
        await victims.ready()
        await asyncio.gather(*(tasks[name] for name in ENDING))
        return _Load(
            feed,
            lender,
            offers,
            moments,
            resources,
            [*client.contradictions, *lenders.contradictions],
        )


async def _tell(
    seconds: float,
    client: LoadClient,
    pace: ArrivalPace,
    fate: FaultInjector,
    resources: ResourceProbe,
    say: Say,
) -> None:
    """Say how far the run is."""
    began = time.monotonic()
    every = min(max(seconds / 60, SAID_SECONDS[0]), SAID_SECONDS[1])
    while True:
        await asyncio.sleep(every)
        say(
            f"{time.monotonic() - began:6.1f} s  {pace.seen:,} events, {pace.behind:,} undecided,"
            f" {pace.sent():,} leads, {client.asked:,} actions answered or given up,"
            f" {fate.done.total()} faults; {resources.line()}"
        )
