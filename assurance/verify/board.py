"""Checks that every list shows exactly the leads of its queue, in order (Q7)."""

from assurance.verify.findings import Findings
from assurance.verify.journal_summary import JournalFacts
from board.reader import Reader
from models.errors import RuntimeFailure
from streams.settings import Settings


async def check_board(settings: Settings, journal_facts: JournalFacts, findings: Findings) -> int:
    """Compare every list with the rows. Return how many placements were compared."""
    expected: dict[tuple[str, str], dict[str, tuple[str, int]]] = {}
    for lead_id, facts in journal_facts.leads.items():
        for queue_id, sort_key in facts.sort_keys().items():
            lists = expected.setdefault((facts.lead.facts.org, queue_id), {})
            lists[lead_id] = (sort_key, facts.seq)
    reader = Reader.at(settings.redis_url)
    compared = 0
    try:
        on_board = {listing async for listing in reader.lists()}
        for org, queue_id in sorted(on_board | expected.keys()):
            compared += await _list(reader, org, queue_id, expected.get((org, queue_id), {}), findings)
        await _definitions(reader, journal_facts, findings)
    except RuntimeFailure as failure:
        findings.add("unreachable", "", f"the board: {failure}")
    finally:
        await reader.close()
    return compared


async def _list(
    reader: Reader, org: str, queue_id: str, expected: dict[str, tuple[str, int]], findings: Findings
) -> int:
    list_name = f"{org}/{queue_id}"
    unmatched = dict(expected)
    entries = await reader.everything(org, queue_id)
    for lead_id, version, sort_key in entries:
        journal_entry = unmatched.pop(lead_id, None)
        if journal_entry is None:
            findings.suspect("board_unasked", lead_id, queue=list_name, version=version)
        elif journal_entry[0] != sort_key or not 0 < version <= journal_entry[1]:
            findings.suspect(
                "board_differs",
                lead_id,
                queue=list_name,
                board_journal=[[sort_key, version], list(journal_entry)],
            )
    for lead_id in unmatched:
        findings.suspect("board_missing", lead_id, queue=list_name)
    return len(entries)


async def _definitions(reader: Reader, journal_facts: JournalFacts, findings: Findings) -> None:
    """Check that the board has each published queue in its newest version, or in a later one (Q6)."""
    for org in sorted({org for org, kind, _ in journal_facts.published if kind == "queue"}):
        shown = {info.queue_id: info.version for info in await reader.queues(org)}
        for (published_org, kind, queue_id), versions in journal_facts.published.items():
            version = shown.get(queue_id) if (published_org, kind) == (org, "queue") else None
            if version is not None and version < versions.get(0, -1):
                findings.add(
                    "board_differs", "", queue=f"{org}/{queue_id}", board_journal=[version, versions[0]]
                )
