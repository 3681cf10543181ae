"""A lead's whole story: each event of its log with what was decided and why, read from the journal itself."""

from contextlib import aclosing
from typing import Any

import msgspec
from aiokafka.partitioner import murmur2
from rich.console import Console

from models.codec import decode_row
from models.lead import LeadRow
from streams.reading import read_topic
from streams.settings import Settings
from streams.topics import LEAD_JOURNAL, LEAD_LOG


async def read_history(settings: Settings, lead_id: str) -> dict[str, Any]:
    """Return {lead_id, state, merged_into, events}; an event is {offset, at, cause, event, version, decisions}.

    `merged_into`: the lead that the arrival of this id was added to as another inquiry (R6).

    The journal keeps a day of every event and the newest for ever; the log keeps a week of what was asked.
    """
    key = lead_id.encode()
    partition = (murmur2(key) & 0x7FFFFFFF) % settings.partitions
    asked: dict[int, Any] = {}
    async with aclosing(read_topic(settings, LEAD_LOG, partitions={partition})) as records:
        async for record in records:
            if record.key == key and record.value:
                asked[record.offset] = msgspec.json.decode(record.value)
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
                "event": asked.get(row.off),
                "version": row.seq,
                "decisions": msgspec.to_builtins(row.decisions),
            }
    state = msgspec.to_builtins(newest.lead) if newest and newest.lead else None
    return {
        "lead_id": lead_id,
        "state": state,
        "merged_into": newest.merged_into if newest else None,
        "events": [events[off] for off in sorted(events)],
    }


def print_history(story: dict[str, Any]) -> None:
    """Print the story in words."""
    out = Console(soft_wrap=True, highlight=False)
    state = story["state"]
    if not story["events"]:
        out.print(f"No lead {story['lead_id']} is known.")
        return
    if story["merged_into"]:
        into = story["merged_into"]
        out.print(f"[bold]{story['lead_id']}[/bold] is no lead of its own: it is an inquiry of lead {into}")
    if state:
        owner = state.get("owner") or "nobody"
        out.print(f"[bold]{story['lead_id']}[/bold] is {state['phase']}, owned by {owner}")
    for event in story["events"]:
        what = (event["event"] or {}).get("action") or (event["event"] or {}).get("type", "?")
        who = (event["event"] or {}).get("rep_id")
        out.print(f"{event['at']:%Y-%m-%d %H:%M:%S.%f}  [bold]{what}[/bold]{f' by {who}' if who else ''}")
        for decision in event["decisions"]:
            out.print(f"    {_said(decision)}")


def _said(decision: dict[str, Any]) -> str:
    details = [
        f"{name} {value}"
        for name, value in decision.items()
        if name not in {"type", "why", "columns", "action_id", "decided_at", "sort_key", "explanation"}
    ]
    why = f": {decision['why']}" if decision.get("why") else ""
    lines = [f"{decision['type'].replace('_', ' ')} ({', '.join(details)}){why}"]
    lines += [
        f"      {' '.join(f'{k} {v}' for k, v in reason.items())}"
        for reason in decision.get("explanation", [])
    ]
    return "\n".join(lines)
