"""Reads a lead's history from log and journal: each event, its decisions and their reasons."""

from contextlib import aclosing, suppress
from typing import Any, Final

import msgspec
from rich.console import Console

from models.codec import decode_row
from models.lead import BEFORE_THE_LOG, LeadRow
from models.public import Call
from rules.outbound.call_text import call_text
from streams.clients import partition_of
from streams.settings import Settings
from streams.topic_reader import read_topic
from streams.topics import CALLS, LEAD_JOURNAL, LEAD_LOG

_HIDDEN: Final = frozenset({"type", "why", "columns", "action_id", "decided_at", "sort_key", "explanation"})
"""Fields of a decision that are printed elsewhere or not at all."""


async def read_history(settings: Settings, lead_id: str) -> dict[str, Any]:
    """Return {lead_id, state, merged_into, events, calls}; an event is {offset, at, cause, event, version, decisions}.

    `merged_into`: the lead to which the arrival of this id was added as another inquiry, or into which a manager merged
    the lead (R6, K5).

    `calls`: each telephone call as {at, text}.

    The journal keeps every row for a day and the newest of each lead for ever. The log keeps events for a week.
    """
    key = lead_id.encode()
    partition = partition_of(key, settings.partitions)
    events_by_offset: dict[int, Any] = {}
    async with aclosing(read_topic(settings, LEAD_LOG, partitions={partition})) as records:
        async for record in records:
            if record.key == key and record.value:
                events_by_offset[record.offset] = msgspec.json.decode(record.value)
    events: dict[int, dict[str, Any]] = {}
    newest: LeadRow | None = None
    async with aclosing(read_topic(settings, LEAD_JOURNAL, partitions={partition})) as records:
        async for record in records:
            if record.key != key or record.value is None:
                continue
            row = decode_row(record.value)
            if not isinstance(row, LeadRow) or row.off in events:
                continue
            newest = row if newest is None or row.off > newest.off else newest
            events[row.off] = {
                "offset": row.off,
                "at": row.at,
                "cause": row.cause,
                "event": events_by_offset.get(row.off),
                "version": row.seq,
                "decisions": msgspec.to_builtins(row.decisions),
            }
    state = msgspec.to_builtins(newest.lead) if newest and newest.lead else None
    return {
        "lead_id": lead_id,
        "state": state,
        "merged_into": _merged_into(newest),
        "events": [events[off] for off in sorted(events)],
        "calls": await _calls(settings, lead_id),
    }


async def _calls(settings: Settings, lead_id: str) -> list[dict[str, Any]]:
    """Return the lead's calls of the last week in words, in the order in which they began."""
    key = lead_id.encode()
    calls: dict[str, list[Call]] = {}
    async with aclosing(read_topic(settings, CALLS)) as records:
        async for record in records:
            if record.key != key or record.value is None:
                continue
            with suppress(msgspec.MsgspecError):
                call = msgspec.json.decode(record.value, type=Call)
                calls.setdefault(call.call_id, []).append(call)
    return [
        {"at": states[0].at, "text": call_text(states, lambda rep_id: rep_id)} for states in calls.values()
    ]


def _merged_into(row: LeadRow | None) -> str | None:
    merged = row.lead.merged if row and row.lead else None
    return merged.into if merged else row.merged_into if row else None


def print_history(history: dict[str, Any]) -> None:
    """Print the history for people."""
    console = Console(soft_wrap=True, highlight=False)
    state = history["state"]
    if not history["events"]:
        console.print(f"There is no lead {history['lead_id']}.")
        return
    if history["merged_into"]:
        into = history["merged_into"]
        console.print(
            f"[bold]{history['lead_id']}[/bold] is not a lead itself. It is an inquiry of lead {into}."
        )
    if state:
        owner = state.get("owner") or "nobody"
        console.print(f"[bold]{history['lead_id']}[/bold] is {state['phase']}. Owner: {owner}.")
    for event in history["events"]:
        if event["offset"] == BEFORE_THE_LOG:
            console.print(f"{event['at']:%Y-%m-%d %H:%M:%S.%f} UTC  [bold]brought from another Kafka[/bold]")
            continue
        action = (event["event"] or {}).get("action") or (event["event"] or {}).get("type", "?")
        rep_id = (event["event"] or {}).get("rep_id")
        name = action.replace("_", " ")
        console.print(
            f"{event['at']:%Y-%m-%d %H:%M:%S.%f} UTC  [bold]{name}[/bold]{f' by {rep_id}' if rep_id else ''}"
        )
        for decision in event["decisions"]:
            console.print(f"    {decision_text(decision)}", markup=False)
    for call in history["calls"]:
        console.print(f"{call['at']:%Y-%m-%d %H:%M:%S.%f} UTC  [bold]telephone call[/bold]")
        console.print(f"    {call['text']}", markup=False)


def decision_text(decision: dict[str, Any]) -> str:
    """Return a decision as lines of text: its name, the fields that are set, and why."""
    details = [
        f"{_label(name)}: {_value(value)}"
        for name, value in decision.items()
        if name not in _HIDDEN and value not in (None, "", [], ())
    ]
    lines = [_label(decision["type"]) + (f" ({'; '.join(details)})" if details else "")]
    if decision.get("why"):
        lines.append(f"      Why: {decision['why']}")
    lines.extend(
        "      " + "; ".join(f"{_label(name)}: {_value(value)}" for name, value in reason.items())
        for reason in decision.get("explanation") or ()
    )
    return "\n".join(lines)


def _label(name: str) -> str:
    """Return the name of a field or a decision in words: `rep_id` becomes `Rep`."""
    return name.removesuffix("_id").replace("_", " ").capitalize()


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    if isinstance(value, dict):
        return ", ".join(f"{_label(name)}: {_value(element)}" for name, element in value.items())
    return str(value)
