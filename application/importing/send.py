"""Sends a file of leads to `lead-arrivals`. Accepted rows are durable in Kafka; refused rows are named by their lines.

Sending a file twice does no harm, because a resend is the same lead. If an import is interrupted, send the file
again; with `resume` only the rows are sent that Kafka does not have yet.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec
from aiokafka.errors import KafkaError

from application.importing.file_reading import read_leads
from application.importing.import_rows import ImportRow, RowRefusal
from application.importing.mapping import load
from application.importing.person_keys import PersonKeys
from application.importing.progress import Progress
from application.importing.trial import require_read
from models.errors import InvalidInput, Problem, RuntimeFailure
from streams import clients
from streams.clients import Producer
from streams.settings import Settings
from streams.signing import Signer
from streams.topics import LEAD_ARRIVALS

IN_FLIGHT: Final = 5_000
"""The most messages that Kafka has not acknowledged yet. Reading of the file pauses at this number."""
LINGER_MS: Final = 10
"""How long a batch waits to fill up. Nobody waits for the first row of a file."""
PROGRESS_EVERY: Final = 10_000
YIELD_EVERY: Final = 100
MAX_SHOWN: Final = 100
"""How many refused lines are shown. All of them go to a file where one is given."""

Say = Callable[[str], None]


async def send_file(
    settings: Settings,
    path: Path,
    *,
    mapping: Path | None,
    vendor: str,
    campaign: str | None = None,
    org: str | None = None,
    refusals: Path | None = None,
    strict: bool = False,
    resume: bool = False,
    say: Say,
) -> dict[str, Any]:
    """Send a file of leads (CSV, JSON lines, ADF XML); `vendor`, `campaign`, `org` where a row names none.

    `strict`: refuses a file with columns whose values would be lost. `resume`: skips the rows that an earlier `send` of
    the same file, with the same mapping and names, brought to Kafka.

    Returns `accepted`, `refused` and `skipped` (rows), `refusals` ({reason: rows}) and `doubts` ({field: rows}: fields
    that will be kept under `attributes.invalid`). Refused lines go to `refusals` as JSON lines, else to `say`.

    Raises `InvalidInput` before anything is sent where the file or the mapping cannot be used. Raises
    `RuntimeFailure` where Kafka does not accept the messages.
    """
    signer = Signer(settings)
    using = load(mapping) if mapping else None
    if strict:
        require_read(path, using, vendor, org=org)
    rows = read_leads(path, using, vendor, campaign, org)
    first = [row for row in (next(rows, None),) if row is not None]
    with ExitStack() as stack:
        refusals_file = _opened(refusals, stack)
        cluster = await _require_topic(settings)
        progress = Progress.of(
            settings.state_dir, path, mapping, (cluster, vendor, campaign or "", org or "")
        )
        tally = _Tally(say, refusals_file, progress, skip=progress.rows if resume else 0)
        producer = clients.producer(settings, linger_ms=LINGER_MS)
        try:
            await producer.start()
            try:
                await _send(producer, chain(first, rows), tally, signer)
            finally:
                progress.save()
                await clients.stop_producer(producer)
        except KafkaError as error:
            reason = f"{error!r} after {tally.accepted} rows; send the file again with --resume"
            raise RuntimeFailure("Kafka", reason) from error
    return tally.result()


async def _send(producer: Producer, rows: Iterator[ImportRow], tally: "_Tally", signer: Signer) -> None:
    waiting: deque[asyncio.Future[Any]] = deque()
    keys = PersonKeys()
    for number, row in enumerate(rows, start=1):
        if row.refusal is not None:
            tally.refuse(row.refusal)
        else:
            key = keys.key_of(row)  # also of a row that is skipped, so that a later one has the same key
            if tally.must_skip():
                continue
            value = row.value
            signed = signer.headers(LEAD_ARRIVALS, value)
            waiting.append(await producer.send(LEAD_ARRIVALS, value, key=key, headers=signed))
            tally.doubts.update(row.doubts)
        while waiting and (waiting[0].done() or len(waiting) > IN_FLIGHT):
            await clients.durable([waiting.popleft()])
            tally.accept()
        if number % PROGRESS_EVERY == 0:
            tally.say(f"{number} rows read, {tally.accepted} accepted, {tally.refused} refused")
        if number % YIELD_EVERY == 0:
            await asyncio.sleep(0)
    while waiting:
        await clients.durable([waiting.popleft()])
        tally.accept()


async def _require_topic(settings: Settings) -> str:
    """Return the id of the cluster.

    Raises `RuntimeFailure` if `lead-arrivals` does not exist. A broker would create it with wrong settings.
    """
    admin = clients.admin(settings)
    try:
        await admin.start()
        if LEAD_ARRIVALS not in await admin.list_topics():
            reason = f"there is no topic {LEAD_ARRIVALS} at {settings.kafka_bootstrap_servers}; is a worker running?"
            raise RuntimeFailure("Kafka", reason)
        return str((await admin.describe_cluster())["cluster_id"])
    except KafkaError as error:
        raise RuntimeFailure("Kafka", f"{settings.kafka_bootstrap_servers}: {error}") from error
    finally:
        await admin.close()


def _opened(refusals: Path | None, stack: ExitStack) -> TextIO | None:
    try:
        return stack.enter_context(refusals.open("w", encoding="utf-8")) if refusals else None
    except OSError as error:
        problem = Problem(path=str(refusals), reason=f"cannot be written: {error.strerror}")
        raise InvalidInput((problem,)) from error


class _Tally:
    """Counts the rows so far by result."""

    def __init__(self, say: Say, file: TextIO | None, progress: Progress, *, skip: int) -> None:
        self.say = say
        self.accepted = 0
        self.skipped = 0
        self._skip = skip
        self._progress = progress
        progress.rows = skip
        self.refused = 0
        self.reasons: Counter[str] = Counter()
        self.doubts: Counter[str] = Counter()
        self._file = file

    def accept(self) -> None:
        """Count a row that is durable. Rows become durable in the order of the file."""
        self.accepted += 1
        self._progress.advance()

    def must_skip(self) -> bool:
        """Say whether an earlier `send` brought this row to Kafka, and count it."""
        if self.skipped >= self._skip:
            return False
        self.skipped += 1
        return True

    def refuse(self, refusal: RowRefusal) -> None:
        self.refused += 1
        self.reasons[refusal.sentence] += 1
        if self._file is not None:
            fields = msgspec.to_builtins(refusal)
            self._file.write(json.dumps(fields, ensure_ascii=False) + "\n")
        elif self.refused <= MAX_SHOWN:
            self.say(f"line {refusal.line}: {refusal.sentence}")

    def result(self) -> dict[str, Any]:
        if self._file is None and self.refused > MAX_SHOWN:
            self.say(f"and {self.refused - MAX_SHOWN} more; --refusals FILE keeps them all")
        return {
            "accepted": self.accepted,
            "refused": self.refused,
            "skipped": self.skipped,
            "refusals": dict(self.reasons.most_common()),
            "doubts": dict(self.doubts.most_common()),
        }
