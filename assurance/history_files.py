"""Writes the history of a run in two formats that checkers of others read (docs/testing.md).

`operations.jsonl` has the operations on two registers of each lead, as Porcupine (Go) wants them. `list-append.edn` has
transactions, as Elle (Clojure) wants them: each lead is a list, and each action that changed its owner appended its id.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, Final

import msgspec

from assurance.linearizability import Operation
from assurance.load.client import RequestedAction
from models.results import Result
from streams.settings import Settings
from streams.topic_reader import read_topic
from streams.topics import ASSIGNMENTS

OPERATIONS: Final = "operations.jsonl"
TRANSACTIONS: Final = "list-append.edn"
MAY_TAKE: Final = frozenset(
    {"claim", "claim_now", "accept", "press_one", "assign", "reassign", "unassign", "redistribute"}
)
"""The actions whose answers say for sure whether they took effect on the lead's owner."""
_TOOK: Final = frozenset({Result.WON, Result.DONE})
_NANOSECONDS: Final = 1_000_000_000


class OwnerChange(msgspec.Struct, frozen=True):
    """A change of a lead's owner: the version that it made, what caused it (an action's id, for one), the new owner."""

    version: int
    cause: str
    rep_id: str | None


Owners = Mapping[str, Sequence[OwnerChange]]
"""lead id -> the changes of its owner, by version."""


async def owners_of(settings: Settings) -> dict[str, list[OwnerChange]]:
    """Read all changes of owners from `assignments`. Raises RetryableError where Kafka is unreachable."""
    by_lead: dict[str, dict[int, OwnerChange]] = {}
    decoder = msgspec.json.Decoder(OwnerChange)
    async with aclosing(read_topic(settings, ASSIGNMENTS)) as records:
        async for record in records:
            if record.value is not None:
                change = decoder.decode(record.value)
                by_lead.setdefault(record.key.decode(), {})[change.version] = change
    return {lead: [changes[version] for version in sorted(changes)] for lead, changes in by_lead.items()}


def write_histories(
    folder: Path, operations: Sequence[Operation], requested: Sequence[RequestedAction], owners: Owners
) -> None:
    """Write both files into `folder`, which is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (
        (OPERATIONS, operation_lines(operations)),
        (TRANSACTIONS, transaction_lines(requested, owners)),
    ):
        with (folder / name).open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)


def operation_lines(operations: Sequence[Operation]) -> Iterator[str]:
    """Yield one JSON object for each operation, with times in nanoseconds, in order of the calls.

    Keys: `client_id`, `call`, `return`, `input` (`op`, `process`, `key`, `to`) and `output` (`result`, `owner`). The
    result `unknown` has the last time of the history as its return: it may have taken effect at any time, or never.
    """
    ordered = sorted(operations, key=lambda op: op.invoked_at)
    last = max((max(op.invoked_at, op.returned_at or 0.0) for op in ordered), default=0.0)
    clients: dict[str, int] = {}
    for op in ordered:
        yield msgspec.json.encode(
            {
                "client_id": clients.setdefault(op.process, len(clients)),
                "call": _nanoseconds(op.invoked_at),
                "return": _nanoseconds(last if op.returned_at is None else op.returned_at),
                "input": {"op": op.op, "process": op.process, "key": op.lead, "to": op.to},
                "output": {"result": op.result or "unknown", "owner": op.owner},
            }
        ).decode()


class _Transaction(msgspec.Struct, frozen=True):
    """One transaction of one micro-operation. `returned_at` None: its outcome is unknown."""

    invoked_at: float
    returned_at: float | None
    outcome: str
    operation: str
    result: str


def transaction_lines(requested: Iterable[RequestedAction], owners: Owners) -> Iterator[str]:
    """Yield Jepsen's operations as EDN maps in order of time. `:info`, an unknown outcome, is at the end.

    An action that took effect appended its id; one that was refused did not. An answer that names the version of the
    lead without a change of its owner has read the list up to that version. At the end each list is read as a whole.
    Changes of owner that no action caused, such as deadlines, are appended by processes that never learn the outcome.
    """
    transactions, action_keys = [], set()
    last = 0.0
    for request in requested:
        last = max(last, request.invoked_at, request.returned_at or 0.0)
        lead = request.action["lead_id"]
        transaction = _transaction(request, owners.get(lead, ()))
        if transaction is not None:
            transactions.append(transaction)
            action_keys.add((lead, request.action["action_id"]))
    for lead, changes in owners.items():
        transactions += [
            _Transaction(0.0, None, "info", append, append)
            for change in changes
            if (lead, change.cause) not in action_keys
            for append in (_append(lead, change.cause),)
        ]
    transactions += [
        _Transaction(last + 1, last + 2, "ok", _read(lead, None), _read(lead, changes))
        for lead, changes in owners.items()
    ]
    return _events(transactions)


def _transaction(request: RequestedAction, changes: Sequence[OwnerChange]) -> _Transaction | None:
    """Return what an action did to the list of its lead; None if its answer says nothing of it."""
    action, answer = request.action, request.answer
    took = any(change.cause == action["action_id"] for change in changes)
    append = _append(action["lead_id"], action["action_id"])
    if answer is None:
        outcome = "info"
    elif answer.merged_into is not None or (action["type"] not in MAY_TAKE and not took):
        return None
    elif took:
        outcome = "ok" if answer.result in _TOOK else "fail"
    else:
        earlier = [change for change in changes if change.version <= answer.version]
        owner = earlier[-1].rep_id if earlier else None
        expected = {"won": action["rep_id"], "lost": answer.owner or owner}.get(str(answer.result), owner)
        if owner == expected:
            read = _read(action["lead_id"], None), _read(action["lead_id"], earlier)
            return _Transaction(request.invoked_at, request.returned_at, "ok", *read)
        outcome = "ok" if answer.result in _TOOK else "fail"
    return _Transaction(request.invoked_at, request.returned_at, outcome, append, append)


def _events(transactions: list[_Transaction]) -> Iterator[str]:
    """Yield the maps in order of time. A process has one transaction at a time, and none after an unknown outcome."""
    moments: list[tuple[float, int, int]] = []
    end = (
        max(
            (max(transaction.invoked_at, transaction.returned_at or 0.0) for transaction in transactions),
            default=0.0,
        )
        + 1
    )
    for n, transaction in enumerate(transactions):
        heappush(moments, (transaction.invoked_at, 1, n))
        if transaction.returned_at is None:
            heappush(moments, (end, 2, n))  # a reader ignores what has no end
        else:
            heappush(
                moments,
                (transaction.returned_at, 0 if transaction.returned_at > transaction.invoked_at else 2, n),
            )
    free_processes: list[int] = []
    process_of: dict[int, int] = {}
    processes = index = 0
    while moments:
        at, phase, n = heappop(moments)
        transaction = transactions[n]
        if phase == 1:
            if free_processes:
                process_of[n] = heappop(free_processes)
            else:
                process_of[n], processes = processes, processes + 1
            kind, value = "invoke", transaction.operation
        else:
            if transaction.returned_at is not None:
                heappush(free_processes, process_of[n])
            kind, value = transaction.outcome, transaction.result
        yield (
            f"{{:index {index}, :time {_nanoseconds(at)}, :type :{kind}, :process {process_of[n]},"
            f" :f :txn, :value [{value}]}}"
        )
        index += 1


def _append(lead: str, element: str) -> str:
    return f"[:append {_text(lead)} {_text(element)}]"


def _read(lead: str, changes: Sequence[OwnerChange] | None) -> str:
    value = "nil" if changes is None else f"[{' '.join(_text(change.cause) for change in changes)}]"
    return f"[:r {_text(lead)} {value}]"


def _text(value: Any) -> str:
    """Return a string as EDN, which quotes strings as JSON does."""
    return msgspec.json.encode(str(value)).decode()


def _nanoseconds(seconds: float) -> int:
    return round(seconds * _NANOSECONDS)
