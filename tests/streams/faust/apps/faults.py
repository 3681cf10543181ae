"""What goes wrong in a stage, on purpose. Each function takes what attaches the stages and returns what does it now."""

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
from tests.streams.faust.apps.base import commands, say

Stages = Callable[[StageApp], list[JournalWriter]]

BOOM = "boom"

# What is replaced here is whatever the modules hold.
INTAKE: Any = agents.intake
LEADS: Any = agents.leads
LEAD_PARTITION: Any = rules.lead.lead_partition
RELAY: Any = agents.relay
SWEEPER: Any = agents.sweeper


def the_machine_fails(stages: Stages) -> Stages:
    """Let the machine raise for whatever says so in its note or cause."""
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
    """Let the intake raise for whatever says so."""
    accept = INTAKE.accept_arrival

    def fails(value: bytes, *args: Any, **more: Any) -> Any:
        if BOOM.encode() in (value or b""):
            raise ZeroDivisionError(BOOM)
        return accept(value, *args, **more)

    INTAKE.accept_arrival = fails
    return stages


def the_agent_fails(stages: Stages) -> Stages:
    """Let the agent itself raise, where nothing catches it."""

    def decide(_: Any, event: Any) -> None:
        raise ZeroDivisionError(f"{BOOM} at {event.message.offset}")

    LEADS.LeadsStage.decide = decide
    return stages


def the_recovery_fails(stages: Stages) -> Stages:
    """Let what is derived from the rows raise."""

    def fails(_: Any) -> None:
        raise ZeroDivisionError(BOOM)

    LEAD_PARTITION.RuleBook.from_rows = fails
    return stages


def nothing_was_told(stages: Stages) -> Stages:
    """Let a relay know of nothing that was public before it, so that its marks are all it has."""

    async def read(*_: Any) -> None:
        return

    RELAY.PublishedWatermark.read = read
    return stages


def the_sweep_is_watched(stages: Stages) -> Stages:
    """Count how many leads a sweep has told that are not decided; hold it at its tenth go until the test says so."""
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
                say(told_while_rebalancing=event.lead_id)
        append(stage, partition, event)

    def noted(sweeper: Any, partition: int, key: bytes) -> None:
        decided(sweeper, partition, key)
        undecided.discard((partition, key))

    async def hold(sweeper: Any) -> None:
        nonlocal rounds
        await until(sweeper)
        rounds += 1
        if rounds == 10:  # somewhere in the middle
            say(held=True)
            await go_on.wait()

    async def obey() -> None:
        async for command in commands():
            if command.get("go_on"):
                go_on.set()
            if command.get("figures"):
                say(most=most, rounds=rounds)

    stage_class.append = appended
    sweeper_class.decided, sweeper_class._until_decided = noted, hold

    def watched(app: StageApp) -> list[JournalWriter]:
        app.task(obey)
        return stages(app)

    return watched
