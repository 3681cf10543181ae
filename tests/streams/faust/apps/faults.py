"""Puts deliberate faults into a stage. Each function gets the one that attaches the stages and returns another."""

import asyncio
from collections.abc import Callable
from typing import Any

import agents.intake
import agents.leads
import agents.relay
import agents.sweeper
import rules.lead.lead_partition
from models.events import ActionRequested, DeadlinePassed, RulesChanged
from streams.app import StageApp
from streams.journal import JournalWriter
from tests.streams.faust.apps.base import commands, send_report

Stages = Callable[[StageApp], list[JournalWriter]]

BOOM = "boom"

# The functions replaced here are those that the modules hold.
INTAKE: Any = agents.intake
LEADS: Any = agents.leads
LEAD_PARTITION: Any = rules.lead.lead_partition
RELAY: Any = agents.relay
SWEEPER: Any = agents.sweeper


def the_machine_fails(stages: Stages) -> Stages:
    """Let the machine raise for each event that asks for it in its note or cause."""
    step = LEAD_PARTITION.step

    def fails(row: Any, event: Any, **more: Any) -> Any:
        if BOOM in event.cause or (isinstance(event, ActionRequested) and event.note == BOOM):
            raise ZeroDivisionError(BOOM)
        if isinstance(event, DeadlinePassed) and row.lead.facts.last_name == BOOM:
            raise ZeroDivisionError(BOOM)
        return step(row, event, **more)

    LEAD_PARTITION.step = fails
    return stages


def the_intake_fails(stages: Stages) -> Stages:
    """Let the intake raise for each message that asks for it."""
    accept = INTAKE.accept_arrival

    def fails(value: bytes, *args: Any, **more: Any) -> Any:
        if BOOM.encode() in (value or b""):
            raise ZeroDivisionError(BOOM)
        return accept(value, *args, **more)

    INTAKE.accept_arrival = fails
    return stages


def the_agent_fails(stages: Stages) -> Stages:
    """Let the agent itself raise, where nothing catches the error."""

    def decide(_: Any, event: Any) -> None:
        raise ZeroDivisionError(f"{BOOM} at {event.message.offset}")

    LEADS.LeadsStage.decide = decide
    return stages


def the_recovery_fails(stages: Stages) -> Stages:
    """Let the recovery raise while it derives state from the rows."""

    def fails(_: Any) -> None:
        raise ZeroDivisionError(BOOM)

    LEAD_PARTITION.RuleBook.from_rows = fails
    return stages


def nothing_was_sent(stages: Stages) -> Stages:
    """Hide from a relay what was public before it started, so that only its watermarks prevent repeats."""

    async def read(*_: Any) -> None:
        return

    RELAY.PublishedWatermark.read = read
    return stages


def the_sweep_is_watched(stages: Stages) -> Stages:
    """Count the leads that a sweep has told and that are not decided yet. Hold its tenth slice until it is released."""
    undecided: set[tuple[int, bytes]] = set()
    most = rounds = 0
    go_on = asyncio.Event()

    stage_class, sweeper_class = LEADS.LeadsStage, SWEEPER.Sweeper
    append, decided, until = stage_class.append, sweeper_class.decided, sweeper_class._until_decided

    def appended(stage: Any, partition: int, event: Any) -> None:
        nonlocal most
        if isinstance(event, RulesChanged):
            undecided.add((partition, event.lead_id.encode()))
            most = max(most, len(undecided))
            if stage.rebalancing:
                send_report(sent_while_rebalancing=event.lead_id)
        append(stage, partition, event)

    def noted(sweeper: Any, partition: int, key: bytes) -> None:
        decided(sweeper, partition, key)
        undecided.discard((partition, key))

    async def sweep_after_note(sweeper: Any) -> None:
        nonlocal rounds
        await until(sweeper)
        rounds += 1
        if rounds == 10:  # an arbitrary slice in the middle
            send_report(held=True)
            await go_on.wait()

    async def obey() -> None:
        async for command in commands():
            if command.get("go_on"):
                go_on.set()
            if command.get("figures"):
                send_report(most=most, rounds=rounds)

    stage_class.append = appended
    sweeper_class.decided, sweeper_class._until_decided = noted, sweep_after_note

    def watched(app: StageApp) -> list[JournalWriter]:
        app.task(obey)
        return stages(app)

    return watched
