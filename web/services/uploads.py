"""Reads an uploaded file of leads, says what would become of each row, and sends it (V1, V4).

The file is kept in a temporary folder for as long as one request takes, and nowhere else: it is full of personal data.
"""

import asyncio
import json
import tempfile
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

import msgspec
from aiokafka.errors import KafkaError

from application.importing.file_reading import Format, format_of, read_leads
from application.importing.forecast import KINDS
from application.importing.import_rows import ImportRow, refused_row
from application.importing.mapping import Mapping
from application.importing.progress import Progress
from application.importing.trial import Trial, try_file
from models.directory import OrgSettings
from models.errors import InvalidInput, RuntimeFailure
from streams.topics import LEAD_ARRIVALS
from web.console_services import Services
from web.errors import HttpProblem
from web.services.upload_answers import Answers, FateDecider, Lines, arrival_of
from web.services.upload_report import HEADER, csv_of, report_line, value_of

MAX_BYTES: Final = 20 * 1024 * 1024
MAX_ROWS: Final = 20_000
"""The most rows of an uploaded file. `firstclaim send` takes any number."""
CHUNK: Final = 500
"""How many rows are looked up, decided and sent at a time."""
SHOWN_ROWS: Final = 100
"""How many rows the trial shows, of each fate the first ones."""
LEADS_SHOWN: Final = 5
CHUNKS_WAITING: Final = 4
"""How many chunks may wait for the engine's answers while further ones are sent."""
SENT_BEFORE: Final = "sent before"
_SUFFIXES: Final = frozenset({".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".xlsx", ".xml", ".adf"})


class Fates(msgspec.Struct):
    """How many rows have each fate, and the first rows of each with their reasons."""

    counts: dict[str, int]
    rows: list[dict[str, Any]]


class UploadTrial(msgspec.Struct):
    """What a file would become. `mapping_from`: `choices`, `kept`, `names`, or `none` if no column is known by name.

    `note`: why the vendor's kept mapping or the names were not used. `sent_before`: how many rows an earlier upload of
    the same file brought to Kafka.
    """

    format: Format
    takes_mapping: bool
    mapping: dict[str, Any] | None
    mapping_from: str
    note: str | None
    trial: Trial
    fates: Fates
    sent_before: int


class Upload:
    """One uploaded file and the names that apply where a row has none. Use it as a context manager."""

    def __init__(self, parts: Services, org: str, vendor: str, campaign: str | None) -> None:
        self.parts, self.org, self.vendor, self.campaign = parts, org, vendor, campaign
        self._folder = tempfile.TemporaryDirectory(prefix="firstclaim-upload-")
        self.path = Path(self._folder.name) / "file"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Delete the file."""
        self._folder.cleanup()

    def take(self, file: BinaryIO, name: str) -> None:
        """Copy the file. Its format follows from the end of its name. Raises 413 if it is too large."""
        suffix = Path(name).suffix.lower()
        self.path = Path(self._folder.name) / f"file{suffix if suffix in _SUFFIXES else ''}"
        bytes_left = MAX_BYTES
        with self.path.open("wb") as copy:
            while piece := file.read(1 << 20):
                bytes_left -= len(piece)
                if bytes_left < 0:
                    raise _too_large(f"has more than {MAX_BYTES // 1024 // 1024} MB")
                copy.write(piece)

    def try_it(self, choices: dict[str, str] | None) -> UploadTrial:
        """Read the file and say what would become of its rows. Blocking.

        Raises `InvalidInput` for a file or choices that cannot be used, 413 for too many rows.
        """
        kind = format_of(self.path)
        stored = self.parts.file_mappings.find(self.org, self.vendor)
        note: str | None = None
        mappings: list[tuple[str, dict[str, Any] | None]]
        if kind == "adf":
            mappings = [("names", None)]
        elif choices is not None:
            mappings = [("choices", value_of(choices, self.vendor, stored))]
        else:
            unmapped: list[tuple[str, dict[str, Any] | None]] = [("names", None)]
            mappings = [
                *([("kept", stored)] if stored else []),
                *unmapped,
                ("none", {"vendor": {"constant": self.vendor}}),
            ]
        for index, (source, value) in enumerate(mappings):
            try:
                trial, fates = self._try_mapping(None if value is None else Mapping(value))
            except InvalidInput as error:
                if index + 1 == len(mappings):
                    raise
                note = note or str(error.problems[0])
                continue
            return UploadTrial(
                format=kind,
                takes_mapping=kind != "adf",
                mapping=value,
                mapping_from=source,
                note=note,
                trial=trial,
                fates=fates,
                sent_before=self.progress(value).rows,
            )
        raise AssertionError("the last mapping that is tried raises")

    def progress(self, mapping: dict[str, Any] | None) -> Progress:
        """Return how many rows of the file an earlier upload with this mapping brought to Kafka."""
        beside = Path(self._folder.name) / "mapping"
        beside.write_bytes(json.dumps(mapping, sort_keys=True).encode())
        names = ("console", self.org, self.vendor, self.campaign or "")
        return Progress.of(self.parts.settings.state_dir, self.path, beside, names)

    def _try_mapping(self, mapping: Mapping | None) -> tuple[Trial, Fates]:
        counts: Counter[str] = Counter()
        rows: list[dict[str, Any]] = []
        waiting: list[ImportRow] = []
        decider = FateDecider(self.org, self.settings, self.parts.crm)

        def decide() -> None:
            if counts.total() + len(waiting) > MAX_ROWS:
                raise _too_many_rows()
            for row, fate in decider.fates(waiting):
                counts[fate.kind] += 1
                if counts[fate.kind] <= SHOWN_ROWS // len(KINDS):
                    rows.append({"line": row.line, **msgspec.to_builtins(fate)})
            waiting.clear()

        def on_row(row: ImportRow) -> None:
            waiting.append(within_org(row, self.org))
            if len(waiting) == CHUNK:
                decide()

        trial = try_file(
            self.path,
            mapping,
            self.vendor,
            campaign=self.campaign,
            org=self.org,
            leads=LEADS_SHOWN,
            settings=self.settings,
            on_row=on_row,
        )
        decide()
        shown = sorted(rows, key=lambda row: row["line"])
        return trial, Fates({kind: counts[kind] for kind in KINDS}, shown)

    @property
    def settings(self) -> OrgSettings:
        """The org's settings."""
        return self.parts.directory.org(self.org).settings

    def rows(self, mapping: Mapping | None) -> Iterator[ImportRow]:
        """Yield the rows of the file."""
        for row in read_leads(self.path, mapping, self.vendor, self.campaign, self.org, self.settings):
            yield within_org(row, self.org)


class UploadProgress(msgspec.Struct):
    """A line of the answer: how many rows so far have each fate. `csv`: the next part of the report.

    `skipped`: rows that were sent before. `error`: why sending ended early; what was counted is in Kafka.
    """

    rows: int = 0
    fates: dict[str, int] = {}
    skipped: int = 0
    csv: str = ""
    error: str | None = None
    finished: bool = False


async def send(
    upload: Upload, mapping: dict[str, Any] | None, *, resume: bool, count: Callable[[int], None]
) -> AsyncIterator[bytes]:
    """Send a file and yield the progress as JSON lines. `count`: gets the number of rows that Kafka has.

    A row's fate is what the engine makes of it as the org is when it is sent. Its line of the report follows once the
    CRM database has the engine's answer, or when the answers have taken `ANSWERS_S` in total.
    """
    parts, progress = upload.parts, upload.progress(mapping)
    skip = progress.rows if resume else 0
    progress.rows = skip
    rows = upload.rows(None if mapping is None else Mapping(mapping))
    counts: Counter[str] = Counter()
    report = UploadProgress(csv=csv_of([HEADER]))
    decider = FateDecider(upload.org, upload.settings, parts.crm)
    answers, waiting = Answers(upload.org, parts.crm), deque[Lines]()
    try:
        yield _line(report)
        while chunk := await asyncio.to_thread(lambda: list(islice(rows, CHUNK))):
            if report.rows + len(chunk) > MAX_ROWS:
                raise _too_many_rows()
            decided = await asyncio.to_thread(decider.fates, chunk)
            lines: Lines = []
            sending = []
            for row, fate in decided:
                if fate.kind == "refused" and row.refusal is not None:
                    counts["refused"] += 1
                    lines.append(((*report_line(row, fate), ""), None))
                elif report.skipped < skip:
                    report.skipped += 1
                    line = report_line(row, msgspec.structs.replace(fate, why=SENT_BEFORE), SENT_BEFORE)
                    lines.append((line, arrival_of(row, fate)))
                else:
                    # The rows of one person have one key, so that they arrive in the order of the file.
                    key = (fate.lead_id or row.lead_id).encode()
                    sending.append(await parts.engine_client.put(LEAD_ARRIVALS, row.value, key=key))
                    counts[fate.kind] += 1
                    lines.append((report_line(row, fate), arrival_of(row, fate)))
            for future in sending:
                await future
                progress.rows += 1
            await asyncio.to_thread(progress.save)
            report.rows += len(chunk)
            waiting.append(lines)
            report.fates, report.csv = dict(counts), await answers.next_part(waiting, leave=CHUNKS_WAITING)
            count(report.rows)
            yield _line(report)
        while waiting:
            report.csv = await answers.next_part(waiting, leave=0)
            yield _line(report)
        report.csv, report.finished = "", True
    except (KafkaError, RuntimeFailure) as error:
        report.csv, report.error = "", f"{error}; upload the file again to send the rest"
    except (InvalidInput, HttpProblem) as error:
        report.csv, report.error = "", str(error)
    finally:
        upload.close()
    yield _line(report)


def within_org(row: ImportRow, org: str) -> ImportRow:
    """Refuse a row that names another org."""
    if row.facts is None or row.facts.org == org:
        return row
    return refused_row(row.line, "org", f"is {row.facts.org!r}, and the file is uploaded to {org!r}")


def _line(report: UploadProgress) -> bytes:
    return msgspec.json.encode(report) + b"\n"


def _too_large(reason: str) -> HttpProblem:
    detail = f"file: {reason}; firstclaim send takes files of any size"
    return HttpProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail)


def _too_many_rows() -> HttpProblem:
    return _too_large(f"has more than {MAX_ROWS:,} rows")
