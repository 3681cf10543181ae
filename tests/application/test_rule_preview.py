"""A rule is tried on the current leads: how many match, which, and why one lead does or does not.

Nothing changes (X5).
"""

import asyncio
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from typer.testing import CliRunner, Result

from application.directory.publish import publish
from application.rule_preview import EXAMPLES, QueueQuestion, RuleQuestion, trial
from cli import app
from models.codec import encode_row
from models.facts import Facts
from models.lead import DirectoryRow, Lead, LeadRow, Lock, Phase
from rules.queues.membership import CompiledQueue
from streams import clients
from streams.settings import Settings
from streams.topic_reader import extent
from streams.topics import DIRECTORY, LEAD_JOURNAL, TOPICS, provision
from tests.fixtures.servers import make_kafka

AT: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
STATE_RI: Final = {"field": "state", "operator": "=", "value": "RI"}
FRESH: Final = {"field": "created_at", "operator": "inLast", "value": {"amount": 1, "unit": "day"}}
KIRITIMATI: Final = "Pacific/Kiritimati"
THAT_DAY: Final = {"field": "created_at", "operator": "=", "value": "2026-11-21"}
SILENCED: Final = {"field": "silenced", "operator": "=", "value": True}


def lead(n: int, phase: Phase = Phase.QUEUED, more: dict[str, Any] | None = None, **facts: Any) -> Lead:
    """Return the n-th lead, which arrived n minutes before noon."""
    arrived = AT - timedelta(minutes=n)
    explanation = Facts(
        **{"vendor": "v", "first_name": "Lead", "last_name": str(n), "created_at": arrived, **facts}
    )
    base = Lead(
        lead_id=str(uuid.UUID(int=n)), facts=explanation, phase=phase, arrived_at=arrived, updated_at=arrived
    )
    return msgspec.structs.replace(base, **(more or {}))


LEADS: Final = (
    lead(1, state="RI"),
    lead(2, state="MA"),
    lead(3, state="RI", silenced=True),
    lead(4, state="RI", created_at=AT - timedelta(days=2)),
    lead(5, Phase.OWNED, {"owner": "rep-1", "claimed_through": "new"}, state="RI"),
    lead(6, Phase.LOCKED, {"lock": Lock("rep-2", AT, AT + timedelta(hours=1), 1)}, state="RI"),
    lead(7, Phase.CLOSED, state="RI"),
    lead(8),
)

RULES: Final[dict[str, tuple[dict[str, Any], list[int]]]] = {
    "every lead": ({}, [8, 7, 6, 5, 4, 3, 2, 1]),
    "a state": ({"rules": [STATE_RI]}, [7, 6, 5, 4, 3, 1]),
    "not that state, which a lead without one meets as well": ({"not": True, "rules": [STATE_RI]}, [8, 2]),
    "an instant": ({"rules": [STATE_RI, FRESH]}, [7, 6, 5, 3, 1]),
    "what follows from queues, as a segment may ask": (
        {"rules": [{"field": "phase", "operator": "=", "value": "locked"}]},
        [6],
    ),
    "nobody": ({"rules": [{"field": "state", "operator": "=", "value": "TX"}]}, []),
}


@pytest.mark.parametrize(("rule", "numbers"), RULES.values(), ids=RULES)
def test_x5_a_rule_is_asked_of_every_lead(rule: dict[str, Any], numbers: list[int]) -> None:
    """X5: how many match out of how many, and which, the oldest arrival first."""
    tried = trial(RuleQuestion(rule), LEADS, AT)
    assert (tried.matched, tried.leads) == (len(numbers), len(LEADS))
    assert [example.name for example in tried.examples] == [f"Lead {n}" for n in numbers]


def queue(**more: Any) -> QueueQuestion:
    """Return a queue of fresh leads from Rhode Island, without the silenced, newest first."""
    value = {
        "inclusion": {"rules": [STATE_RI, FRESH]},
        "exclusion": {"rules": [SILENCED]},
        "sort": {"field": "created_at", "direction": "desc"},
        **more,
    }
    return QueueQuestion(CompiledQueue.from_value("new", value, 7))


QUEUES: Final[dict[str, tuple[dict[str, Any], list[int]]]] = {
    "its exclusion counts": ({}, [1]),
    "without one": ({"exclusion": None}, [1, 3]),
    "a claimed lead is not claimable again (Q10)": ({"claimable": True, "exclusion": None}, [1, 3]),
    "in its order": ({"inclusion": None, "sort": {"field": "created_at", "direction": "asc"}}, [4, 8, 2, 1]),
}


@pytest.mark.parametrize(("more", "numbers"), QUEUES.values(), ids=QUEUES)
def test_x5_a_queue_is_asked_as_the_engine_asks(more: dict[str, Any], numbers: list[int]) -> None:
    """X5: with its exclusion, the lead's own phase and the queue's order."""
    tried = trial(queue(**more), LEADS, AT)
    assert [example.name for example in tried.examples] == [f"Lead {n}" for n in numbers]


WHY: Final[dict[str, tuple[int, bool, str, list[tuple[str, bool, str]]]]] = {
    "in": (
        1,
        True,
        "in new by its rules of version 7",
        [
            ("inclusion.rules[0]", True, "state is RI"),
            ("inclusion.rules[1]", True, "created_at is 2026-11-20T11:59:00Z, in the last 1 day"),
            ("exclusion.rules[0]", False, "silenced is false, not true"),
        ],
    ),
    "one condition is not met": (
        4,
        False,
        "not in new by its rules of version 7: created_at is 2026-11-18T12:00:00Z, not in the last 1 day",
        [
            ("inclusion.rules[0]", True, "state is RI"),
            ("inclusion.rules[1]", False, "created_at is 2026-11-18T12:00:00Z, not in the last 1 day"),
            ("exclusion.rules[0]", False, "silenced is false, not true"),
        ],
    ),
    "excluded": (
        3,
        False,
        "not in new by its rules of version 7: excluded: silenced is true",
        [
            ("inclusion.rules[0]", True, "state is RI"),
            ("inclusion.rules[1]", True, "created_at is 2026-11-20T11:57:00Z, in the last 1 day"),
            ("exclusion.rules[0]", True, "silenced is true"),
        ],
    ),
    "somebody has it open": (
        6,
        False,
        "not in new by its rules of version 7: rep-2 has it open",
        [
            ("inclusion.rules[0]", True, "state is RI"),
            ("inclusion.rules[1]", True, "created_at is 2026-11-20T11:54:00Z, in the last 1 day"),
            ("exclusion.rules[0]", False, "silenced is false, not true"),
        ],
    ),
}


@pytest.mark.parametrize(("number", "matches", "why", "conditions"), WHY.values(), ids=WHY)
def test_x5_of_one_lead_it_says_why_or_why_not(
    number: int, matches: bool, why: str, conditions: list[tuple[str, bool, str]]
) -> None:
    """X5: per lead why or why not, condition by condition (X1)."""
    explanation = trial(queue(), LEADS, AT, str(uuid.UUID(int=number))).lead
    assert explanation is not None
    assert (explanation.name, explanation.matches) == (f"Lead {number}", matches)
    assert explanation.why.startswith(why)
    assert [
        (condition.path, condition.met, condition.why) for condition in explanation.conditions
    ] == conditions


def test_x5_a_result_says_until_when_it_holds() -> None:
    """A relative date changes its result at an exact instant (Q2). At that instant, the result has changed."""
    rule = RuleQuestion({"rules": [FRESH]})
    explanation = trial(rule, LEADS, AT, LEADS[0].lead_id).lead
    assert explanation is not None
    assert explanation.valid_until is not None
    assert explanation.valid_until == AT + timedelta(days=1, minutes=-1)
    later = trial(rule, LEADS, explanation.valid_until, LEADS[0].lead_id).lead
    assert later is not None
    assert not later.matches


def test_only_the_first_are_shown() -> None:
    """If many match, the count is exact and the examples are few."""
    tried = trial(RuleQuestion({}), map(lead, range(1, 500)), AT)
    assert (tried.matched, tried.leads, len(tried.examples)) == (499, 499, EXAMPLES)
    assert tried.examples[0].name == "Lead 499"


# -- the command, on a real journal


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Yield a Kafka whose journal has two of those leads, and records that must not be counted."""
    folder = tmp_path_factory.mktemp("journal")
    with make_kafka(folder / "kafka") as broker:
        settings = Settings.read(state_dir=folder / "state", kafka_bootstrap_servers=broker.address)
        asyncio.run(_write_journal(asyncio.run(provision(settings))))
        yield settings


async def _write_journal(settings: Settings) -> None:
    ri_lead, ma_lead = lead(1, state="RI"), lead(2, state="MA")
    published = DirectoryRow(off=1, org="default", kind="queue", object_id="x", version=1, value={}, at=AT)
    terms = msgspec.structs.replace(
        published, off=2, kind="settings", object_id="settings", version=2, value={"time_zone": KIRITIMATI}
    )
    unknown = LeadRow(off=9, seq=0, lead=None, at=AT, cause="c")
    records = [
        (ri_lead.lead_id, encode_row(_row(3, ri_lead))),
        (ri_lead.lead_id, encode_row(_row(2, msgspec.structs.replace(ri_lead, facts=ma_lead.facts)))),
        (ma_lead.lead_id, encode_row(_row(4, msgspec.structs.replace(ma_lead, facts=ri_lead.facts)))),
        (ma_lead.lead_id, encode_row(_row(5, ma_lead))),
        (str(uuid.UUID(int=3)), encode_row(_row(6, lead(3, org="other", state="RI")))),
        (str(uuid.UUID(int=4)), encode_row(unknown)),
        ("directory/0/default/queue/x", encode_row(published)),
        ("directory/0/default/settings/settings", encode_row(terms)),
        ("junk", b"{"),
        ("gone", None),
    ]
    producer = clients.producer(settings)
    await producer.start()
    try:
        for key, value in records:
            await producer.send_and_wait(LEAD_JOURNAL, value, key.encode())
    finally:
        await producer.stop()
    await publish(
        settings,
        "default",
        {
            ("queue", "ri"): {"queue_id": "ri", "inclusion": {"rules": [STATE_RI]}},
            ("queue", "old"): None,
            ("queue", "day"): {"queue_id": "day", "inclusion": {"rules": [THAT_DAY]}},
            ("settings", "settings"): {"time_zone": KIRITIMATI},
        },
    )


def _row(off: int, state: Lead) -> LeadRow:
    return LeadRow(off=off, seq=1, lead=state, at=AT, cause="c")


def run(settings: Settings, *arguments: str) -> Result:
    """Run `rules try`."""
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "FIRSTCLAIM_STATE_DIR": str(settings.state_dir),
    }
    return CliRunner().invoke(app, ["rules", "try", *arguments], env=environment)


@pytest.mark.kafka
def test_x5_the_command_tries_the_newest_row_of_each_lead_and_changes_nothing(
    journal: Settings, tmp_path: Path
) -> None:
    """X5: a rule as JSON, from a file, or of a published queue: the same leads, and no topic has grown."""

    async def ends() -> list[dict[int, tuple[int, int]]]:
        return [await extent(journal, topic.name) for topic in TOPICS]

    before = asyncio.run(ends())
    file = tmp_path / "rule.yaml"
    file.write_text("rules:\n- {field: state, operator: '=', value: RI}\n")
    for arguments in ([json.dumps({"rules": [STATE_RI]})], [f"@{file}"], ["--queue", "ri"]):
        invoked = run(
            journal, *arguments, "--json", "--at", "2026-11-20T12:00:00Z", "--lead", str(uuid.UUID(int=2))
        )
        assert invoked.exit_code == 0, invoked.output
        lines = invoked.stdout.splitlines()
        assert lines[0] == "1 of 2 leads match at 2026-11-20T12:00:00+00:00"
        assert lines[1].startswith(f"  {uuid.UUID(int=1)}  Lead 1: ")
        assert "Lead 2 does not match" in lines[2]
        assert "not met " in lines[4]
        assert lines[4].endswith("rules[0]: state is MA, not RI")
        report = json.loads(lines[-1])
        assert (report["matched"], report["leads"]) == (1, 2)
        assert [example["lead_id"] for example in report["examples"]] == [str(uuid.UUID(int=1))]
        assert report["lead"]["matches"] is False
    assert asyncio.run(ends()) == before
    assert before[[topic.name for topic in TOPICS].index(DIRECTORY)] == {0: (0, 4)}


@pytest.mark.kafka
def test_c1_a_day_in_a_tried_rule_or_queue_is_the_orgs_day(journal: Settings) -> None:
    """The leads are of noon on 20 November in UTC, which is the 21st in Kiritimati."""
    for arguments in ([json.dumps({"rules": [THAT_DAY]})], ["--queue", "day"]):
        result = run(journal, *arguments, "--json", "--at", "2026-11-21T12:00:00Z")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout.splitlines()[-1])["matched"] == 2


INVALID: Final[dict[str, tuple[list[str], str]]] = {
    "a field": (
        ['{"rules": [{"field": "stat", "operator": "="}]}'],
        "rule.rules[0]: stat =: there is no such",
    ),
    "no tree": (["state = RI"], "rule: expected a group with combinator and rules"),
    "no JSON": (['{"rules": ['], "rule: is neither JSON nor YAML"),
    "nothing": ([""], "rule: is empty"),
    "no file": (["@/nowhere/rule.json"], "/nowhere/rule.json: cannot be read: No such file"),
    "no queue": (["--queue", "blue"], "queue: default has published no queue blue"),
    "a removed queue": (["--queue", "old"], "queue: default has published no queue old"),
    "neither": ([], "give a RULE"),
    "both": (["{}", "--queue", "ri"], "give a RULE"),
    "a time": (["{}", "--at", "noon"], "--at is not an RFC 3339 time"),
    "a time somewhere": (["{}", "--at", "2026-11-20T12:00:00"], "--at needs an offset"),
    "a lead": (["{}", "--lead", "7"], "--lead must be a UUID"),
}


@pytest.mark.kafka
@pytest.mark.parametrize(("arguments", "expected"), INVALID.values(), ids=INVALID)
def test_x5_what_cannot_be_asked_is_refused_with_the_reason(
    journal: Settings, arguments: list[str], expected: str
) -> None:
    """Exit 2, with path and reason."""
    result = run(journal, *arguments, "--json")
    assert result.exit_code == 2
    assert expected in " ".join(result.stderr.split())


@pytest.mark.kafka
def test_a_lead_nobody_knows_is_said_to_be_unknown(journal: Settings) -> None:
    """The rule is still tried. Nothing is said about another org's lead."""
    result = run(journal, "{}", "--lead", str(uuid.UUID(int=3)), "--json")
    assert result.exit_code == 1
    assert f"default has no lead {uuid.UUID(int=3)}" in result.stderr
    assert json.loads(result.stdout.splitlines()[-1])["matched"] == 2
