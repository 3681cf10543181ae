"""Draws the demo's screen, or prints lines where there is no terminal."""

import time
from typing import Any

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from assurance.demo.live_figures import LiveFigures

_OFFERS = {
    "lead_offered": "in turn",
    "lead_assigned": "roster",
    "ring": "rings",
    "new_lead_button": "buttons",
}
"""Template -> the name of the offer for reps (R3, S1, S5)."""
_STYLES = {"won": "green", "lost": "yellow", "refused": "red", "done": "cyan"}


def screen(figures: LiveFigures, parts: dict[str, str], invitation: str, hint: str) -> RenderableType:
    """Return the whole screen. `parts`: process -> its state. `invitation`: the console's address and sign-ins."""
    head = Text.assemble(
        ("firstclaim demo", "bold"),
        f"   {time.monotonic() - figures.began:5.0f} s   ",
        ("one lead, one owner", "italic"),
    )
    return Group(
        head,
        Panel(Text(invitation, style="bold"), border_style="green", expand=False),
        Columns(
            [_counts(figures), _queues(figures), _distribution(figures), _lag(figures, parts)], expand=False
        ),
        Columns([_reps(figures)]),
        _last(figures),
        Text(hint, style="dim"),
    )


def line(figures: LiveFigures) -> str:
    """Return the same figures in one line."""
    queues = ", ".join(f"{queue_id} {size}" for queue_id, _, size in figures.queues)
    return (
        f"{time.monotonic() - figures.began:5.0f} s  arrivals {figures.arrivals}  won {figures.results['won']}  "
        f"lost {figures.results['lost']}  locks {figures.locks}  offered {figures.phases.get('offered', 0)}  "
        f"queues: {queues or 'none yet'}  lag {sum(figures.lag.values())}  exceptions {exceptions_open(figures)}"
    )


def offers_made(figures: LiveFigures) -> str:
    """Return how many offers of each kind were made: windows, rings, buttons."""
    return ", ".join(f"{name} {figures.offers[template]}" for template, name in _OFFERS.items())


def exceptions_open(figures: LiveFigures) -> str:
    """Return how many exceptions are open, by reason (E1)."""
    return ", ".join(f"{reason} {count}" for reason, count in figures.exceptions.items()) or "none"


def answer_line(answer: dict[str, Any]) -> Text:
    """Return one decision as a line of text."""
    result = answer["result"]
    return Text.assemble(
        (f"{answer['rep_id']:>7} ", "bold"),
        f"{answer['type']:<9}",
        f"{answer['lead_id'][:8]}  ",
        (f"{result:<8}", _STYLES.get(result, "")),
        (answer.get("why") or "", "dim"),
        overflow="ellipsis",
        no_wrap=True,
    )


def _counts(figures: LiveFigures) -> Panel:
    table = Table.grid(padding=(0, 2))
    for name, value in (
        ("arrivals", figures.arrivals),
        ("leads", sum(figures.phases.values())),
        ("claims won", figures.results["won"]),
        ("claims lost", figures.results["lost"]),
        ("open now (locks)", figures.locks),
        ("exceptions", figures.phases.get("exception", 0)),
        ("dead letters", figures.dead_letters),
    ):
        table.add_row(name, f"{value:,}")
    return Panel(table, title="leads")


def _queues(figures: LiveFigures) -> Panel:
    table = Table.grid(padding=(0, 2))
    for _, name, size in figures.queues:
        table.add_row(Text(name, style="black on pale_green1"), f"{size:,}")
    return Panel(table, title="claimable queues")


def _distribution(figures: LiveFigures) -> Panel:
    """Show the offers, the reps that were passed over, and the reasons (R3, S1, S5, E1)."""
    table = Table.grid(padding=(0, 2))
    table.add_row("offered now", f"{figures.phases.get('offered', 0):,}")
    for template, name in _OFFERS.items():
        table.add_row(f"offers: {name}", f"{figures.offers[template]:,}")
    for reason, count in figures.exceptions.items():
        table.add_row(Text(reason, style="red"), f"{count:,}")
    return Panel(table, title="distribution")


def _lag(figures: LiveFigures, parts: dict[str, str]) -> Panel:
    table = Table.grid(padding=(0, 2))
    for stage, behind in figures.lag.items():
        table.add_row(stage, f"{behind:,} behind")
    for name, state in parts.items():
        table.add_row(name, Text(state, style="green" if state == "ready" else "yellow"))
    return Panel(table, title="stages")


def _reps(figures: LiveFigures) -> Panel:
    table = Table.grid(padding=(0, 2))
    ordered = sorted(figures.winners.items(), key=lambda item: -item[1])
    for row in (ordered[:8], ordered[8:16], ordered[16:24]):
        table.add_row(*(f"{rep_id} {count}" for rep_id, count in row))
    return Panel(table, title="leads won by rep")


def _last(figures: LiveFigures) -> Panel:
    return Panel(Group(*(answer_line(answer) for answer in reversed(figures.last))), title="last decisions")
