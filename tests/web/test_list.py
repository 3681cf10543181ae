"""The window of a list in the browser: whatever comes and goes, it shows the server's rows and no others (Q7, Q9)."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

WINDOW: Final = 6
RESERVE: Final = 4
CHANGES: Final = 60
ROUNDS: Final = 40

_FOLLOW: Final = """async ({ orders, changes, pages, reads, window, reserve }) => {
  const { ListWindow } = await import("/static/js/list-window.js");
  const page = (at, from) => ({
    size: orders[at].length,
    as_of: `1-${at}`,
    rows: orders[at]
      .slice(from, from + window + reserve)
      .map((lead_id, n) => ({ lead_id, rank: from + n, version: 1, columns: {} })),
  });
  const view = new ListWindow({ queue_id: "q", api: "q", window, reserve, ...page(0, 0) });
  let at = 0, answered = null;
  const now = () => Promise.resolve(page(at, view.start));
  view.fetch = now;
  await view.move(pages);
  const seen = [];
  let waiting = null;
  for (const change of changes) {
    at += 1;
    if (reads.includes(at)) {
      // Asked before this change, answered as of it, and told two changes later.
      const asked = page(at, view.start);
      view.fetch = () => new Promise((resolve) => (answered = () => resolve(asked)));
      waiting = view.read();
    }
    view.apply({ queue_id: "q", version: 1, columns: {}, ...change }, `1-${at}`);
    if (waiting && !reads.includes(at) && !reads.includes(at - 1)) {
      view.fetch = now;
      answered();
      await waiting;
      waiting = null;
    }
    if (!waiting) {
      const rows = () => view.rows.map((row) => [row.lead_id, row.rank]);
      const kept = rows(), start = view.start, due = view.due < Infinity;
      if (kept.length < window && due) await view.read();
      seen.push({ at, start, kept, due, whole: rows(), size: view.size });
    }
  }
  clearTimeout(view.timer);
  return seen;
}"""


def changes_of(rng: Random) -> tuple[list[list[str]], list[dict[str, Any]]]:
    """Return the server's list after each change, the first without one, and the changes as the feed tells them."""
    order = [f"lead-{n}" for n in range(rng.randint(0, 30))]
    orders, changes, fresh = [list(order)], [], 100
    for _ in range(CHANGES):
        change = rng.choice(["entered", "left", "left", "moved"]) if order else "entered"
        entry: dict[str, Any] = {"change": change, "rank": None, "was": None}
        if change == "entered":
            lead, fresh = f"lead-{fresh}", fresh + 1
        else:
            lead = rng.choice(order)
            entry["was"] = order.index(lead)
            order.remove(lead)
        if change != "left":
            entry["rank"] = rng.randint(0, len(order))
            order.insert(entry["rank"], lead)
        orders.append(list(order))
        changes.append({**entry, "lead_id": lead, "size": len(order)})
    return orders, changes


async def test_q7_q9_a_window_shows_the_servers_rows_after_every_change(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    page = await running_org.sign_in("rep-1")
    for seed in range(ROUNDS):
        rng = Random(seed)
        orders, changes = changes_of(rng)
        plan = {
            "orders": orders,
            "changes": changes,
            "pages": rng.randint(0, 3),
            "reads": [n for n in range(2, CHANGES - 3, 9) if rng.random() < 0.5],
            "window": WINDOW,
            "reserve": RESERVE,
        }
        steps = await page.evaluate(_FOLLOW, plan)
        assert len(steps) > CHANGES / 2
        for observed in steps:
            order, start = orders[observed["at"]], observed["start"]
            expected = [[lead, start + n] for n, lead in enumerate(order[start : start + WINDOW])]
            case = (seed, observed)
            assert observed["size"] == len(order), case
            assert observed["kept"] == expected[: len(observed["kept"])], case
            # What it lacks it is about to ask for.
            assert len(observed["kept"]) == len(expected) or observed["due"], case
            assert observed["whole"] == expected, case


_BURST: Final = """async ({ size, window, most }) => {
  const { ListWindow } = await import("/static/js/list-window.js");
  const rows = [...Array(size).keys()].map((n) => ({ lead_id: `lead-${n}`, rank: n, version: 1, columns: {} }));
  const view = new ListWindow({ queue_id: "q", api: "q", window, size, as_of: "1-0", rows: rows.slice(0, window) });
  let asked = false;
  view.fetch = () => ((asked = true), new Promise(() => {}));
  let changes = 0;
  while (!asked && changes < most) {
    const left = { queue_id: "q", change: "left", lead_id: `lead-${changes}`, was: 0, size: size - changes - 1 };
    changes += 1;
    view.apply(left, `1-${changes}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { asked, changes };
}"""


async def test_q9_a_list_asks_for_what_it_lacks_though_changes_keep_coming(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    page = await running_org.sign_in("rep-1")
    outcome = await page.evaluate(_BURST, {"size": 500, "window": WINDOW, "most": 200})
    assert outcome["asked"], outcome
