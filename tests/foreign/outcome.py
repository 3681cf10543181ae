"""The outcome of the sent records as a CRM and an operator see it: rows, dead letters, answers, commands."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from sink.database_engine import connect
from sink.tables import LeadTable
from streams.topics import DEAD_LETTERS, LEAD_ACTIONS, LEAD_ARRIVALS, LEAD_DECISIONS
from tests.fixtures.waiting import LOOK_SECONDS, PATIENCE_SECONDS
from tests.foreign.cases import INBOUND, Sent, id_of, key_of, lead
from tests.foreign.clients import Followed, Record

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from runtime.up import RunningStack
    from tests.foreign.cases import Case, Clients
    from tests.foreign.clients import Position

STALL_SECONDS: Final = PATIENCE_SECONDS
"""If no further letter, lead or answer comes for this long, the missing ones are lost."""
CLOCKS: Final = timedelta(minutes=5)
EVERY_SECONDS: Final = 5 * LOOK_SECONDS
"""The interval between looks. Each asks for the end of every partition of two topics."""
REPO: Final = Path(__file__).parents[2]


def restarts(stack: RunningStack) -> dict[str, str]:
    """Return the processes that ended, with the last lines of their logs."""
    return {
        name: f"{state.restarts} times, last with status {state.last_status}{stack.children[name].log_tail()}"
        for name, state in stack.supervisor.states().items()
        if state.restarts
    }


@dataclass
class Outcome:
    """Sends cases, and then reports what is wrong with each."""

    stack: RunningStack
    clients: Clients
    sent: dict[str, Sent] = field(default_factory=dict)
    failed: dict[str, BaseException] = field(default_factory=dict)
    control_leads: dict[str, str] = field(default_factory=dict)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    letters: dict[Position, Any] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bootstrap = self.stack.settings.kafka_bootstrap_servers
        self._letters = Followed(bootstrap, DEAD_LETTERS)
        self._answers = Followed(bootstrap, LEAD_DECISIONS)
        self._database = connect(self.stack.settings.database_url)

    def close(self) -> None:
        """Close the connections."""
        self._letters.close()
        self._answers.close()
        self._database.dispose()

    def send(self, cases: Mapping[str, Case]) -> None:
        """Send each case followed by a good lead, then a marker record to every partition; wait for all outcomes."""
        earlier = set(self.sent)
        for name, case in cases.items():
            try:
                self.sent[name] = case(self.clients, name)
            except Exception as error:  # noqa: BLE001  # a client's failure belongs to its case, whose test reports it
                self.failed[name] = error
            good = f"behind {name}"
            self.clients.librdkafka.send(LEAD_ARRIVALS, [Record(lead(good), key=name.encode())])
            self.control_leads[name] = id_of(good)
        self._mark(f"mark {len(self.sent)}")
        self.wait([*self.sent.keys() - earlier])

    def _mark(self, mark: str) -> None:
        """Send a record that is refused to each partition.

        When it is a dead letter, all records before it were handled.
        """
        for topic in INBOUND:
            for partition in self.clients.ends(topic):
                record = Record(b"x", key=key_of(topic, mark))
                positions = self.clients.librdkafka.send(topic, [record], partition=partition)
                marked = self.sent[f"{mark} in {topic} {partition}"] = Sent(positions=positions, letters=1)
                if topic == LEAD_ACTIONS:
                    action = {"action_id": f"{mark} {partition}", "type": "claim", "rep_id": "rep-1"}
                    value = json.dumps({**action, "lead_id": id_of(f"mark {partition}")}).encode()
                    self.clients.librdkafka.send(topic, [Record(value)], partition=partition)
                    marked.answered = [f"{mark} {partition}"]

    def wait(self, names: Collection[str]) -> None:
        """Wait until nothing of these cases is missing, or nothing more comes."""
        give_up = time.monotonic() + STALL_SECONDS
        count = -1
        while time.monotonic() < give_up:
            self.read_state()
            if not any(self._missing(self.sent[name]) or name in self.missing_leads() for name in names):
                return
            now_count = len(self.letters) + len(self.rows) + len(self.answers)
            if now_count != count:
                count, give_up = now_count, time.monotonic() + STALL_SECONDS
            time.sleep(EVERY_SECONDS)  # the data is in another process, which sends no event

    def read_state(self) -> None:
        """Read the current state."""
        for record in self._letters.read():
            headers = dict(record.headers() or [])
            source = (headers.get(f"source-{part}") or b"" for part in ("topic", "partition", "offset"))
            topic, partition, offset = (text.decode() for text in source)
            self.letters[topic, int(partition), int(offset)] = record
        for record in self._answers.read():
            with contextlib.suppress(ValueError):
                answer = json.loads(record.value())
                self.answers[answer["action_id"]] = answer
        with self._database.connect() as connection:
            rows = connection.execute(select(LeadTable.lead_id, LeadTable.created_at)).all()
        self.rows = {row.lead_id: row.created_at for row in rows}

    def missing_leads(self) -> dict[str, str]:
        """Return the good leads between the cases that did not arrive."""
        return {name: lead_id for name, lead_id in self.control_leads.items() if lead_id not in self.rows}

    def letters_of(self, sent: Sent) -> list[Any]:
        """Return the dead letters of a case."""
        return [self.letters[position] for position in sent.positions if position in self.letters]

    def _missing(self, sent: Sent) -> list[str]:
        problems = [f"lead {lead} did not arrive" for lead in sent.leads if lead not in self.rows]
        problems += [
            f"action {action_id} is not answered"
            for action_id in sent.answered
            if action_id not in self.answers
        ]
        letters = self.letters_of(sent)
        if sent.letters is not None and len(letters) < sent.letters:
            problems.append(f"{len(letters)} dead letters of {sent.letters} for {sent.positions}")
        return problems

    def differences(self, name: str) -> list[str]:
        """Return the differences from the expected outcome."""
        if name in self.failed:
            return [f"could not be sent: {self.failed[name]!r}"]
        sent = self.sent[name]
        problems = self._missing(sent)
        letters = self.letters_of(sent)
        if sent.letters is not None and len(letters) > sent.letters:
            problems.append(f"{len(letters)} dead letters, {sent.letters} expected")
        for letter in letters:
            headers = dict(letter.headers())
            kind = headers["error-class"].decode()
            if sent.classes and kind not in sent.classes:
                problems.append(
                    f"class {kind}, expected one of {sorted(sent.classes)}: {headers['reason']!r}"
                )
            cut = headers.get("value-cut-from")
            # A value that the fetch layer did not inflate cannot be cut.
            original_length = sent.cut_from or len(letter.value() or b"")
            if (
                len(letter.value() or b"") not in {0, original_length}
                and cut != str(original_length).encode()
            ):
                problems.append(f"value-cut-from is {cut!r}, the value had {sent.cut_from} bytes")
        problems += [f"lead {lead_id} arrived" for lead_id in sent.absent if lead_id in self.rows]
        problems += [
            f"action {action_id} is answered" for action_id in sent.unanswered if action_id in self.answers
        ]
        for action_id in sent.answered:
            if action_id in self.answers and self.answers[action_id]["result"] != "refused":
                problems.append(f"action {action_id} is not refused: {self.answers[action_id]}")
        latest = datetime.now(UTC) + CLOCKS
        problems += [
            f"lead {lead_id} was created {self.rows[lead_id]}, not when it arrived"
            for lead_id in sent.fresh
            if lead_id in self.rows and not self.began - CLOCKS < self.rows[lead_id] < latest
        ]
        return problems
