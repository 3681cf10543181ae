"""A policy says what is retried, how often and for how long. The last error is raised unchanged."""

from __future__ import annotations

import ast
import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Final

import pytest
import structlog

from streams import retries
from streams.retries import RetryPolicy
from tests.streams.test_clients import product

if TYPE_CHECKING:
    from collections.abc import Iterator

    from structlog.typing import EventDict

QUICK: Final = RetryPolicy(first_seconds=0.001, longest_seconds=0.002)
POLICIES: Final = {name: policy for name, policy in vars(retries).items() if isinstance(policy, RetryPolicy)}
RANDOM_BACKOFF: Final = frozenset({"stamina", "tenacity", "backoff"})


class Work:
    """Fails with the given errors, one after the other, and then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def blocking(self) -> int:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.calls

    async def __call__(self) -> int:
        return self.blocking()


@pytest.fixture
def log_events() -> Iterator[list[EventDict]]:
    """Yield the log records from now on."""
    events: list[EventDict] = []

    def keep(_: object, __: str, event: EventDict) -> EventDict:
        events.append(dict(event))
        raise structlog.DropEvent

    before = structlog.get_config()["processors"]
    structlog.configure(processors=[keep])
    yield events
    structlog.configure(processors=before)


async def test_what_fails_is_done_again_and_logged_by_its_name(log_events: list[EventDict]) -> None:
    work = Work(OSError("first"), OSError("second"))
    assert await QUICK.run(OSError, "ask the broker", work) == 3
    assert [(event["what"], event["failures"], event["reason"]) for event in log_events] == [
        ("ask the broker", 1, "OSError('first')"),
        ("ask the broker", 2, "OSError('second')"),
    ]


async def test_another_error_and_one_that_never_passes_are_raised_at_once() -> None:
    for error, never in ((ValueError("no"), ()), (ConnectionRefusedError("no"), ConnectionRefusedError)):
        work = Work(error)
        with pytest.raises(type(error), match="no"):
            await QUICK.run(OSError, "work", work, never=never)
        assert work.calls == 1


def test_after_the_last_attempt_the_last_error_is_raised() -> None:
    work = Work(OSError("first"), OSError("second"), OSError("third"))
    bounded = RetryPolicy(first_seconds=0.001, longest_seconds=0.001, most_attempts=2)
    with pytest.raises(OSError, match="second"):
        bounded.run_blocking(OSError, "work", work.blocking)
    assert work.calls == 2


async def test_after_its_time_the_last_error_is_raised() -> None:
    work = Work(*(OSError(str(n)) for n in range(1000)))
    with pytest.raises(OSError, match=r"\d+"):
        await RetryPolicy(first_seconds=0.001, longest_seconds=0.001, timeout_seconds=0.05).run(
            OSError, "work", work
        )
    assert 1 < work.calls < 1000


async def test_work_that_is_cancelled_ends() -> None:
    policy = RetryPolicy(first_seconds=3600, longest_seconds=3600)
    work = Work(OSError("away"))
    task = asyncio.create_task(policy.run(OSError, "work", work))
    while not work.calls:  # it has started
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_pauses_grow_to_the_longest() -> None:
    policy = RetryPolicy(first_seconds=0.1, longest_seconds=0.5)
    assert list(islice(policy.pauses(), 5)) == [0.1, 0.2, 0.4, 0.5, 0.5]


OF_PROVIDERS = {"DELIVER": 60, "PROVIDER_DOWN": 30, "SEND_ACCOUNT_MAIL": 15}
"""The policies for servers of others, which are asked less often: their longest pause in seconds."""


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_each_policy_of_the_product_states_its_bounds(name: str) -> None:
    policy = POLICIES[name]
    most = OF_PROVIDERS.get(name, 5)
    assert 0 < policy.first_seconds <= policy.longest_seconds <= most
    assert policy.timeout_seconds is None or policy.timeout_seconds > policy.longest_seconds


def test_the_library_is_used_in_one_module_and_all_policies_are_there() -> None:
    users, makers = [], []
    for path, tree in product():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                modules = {getattr(node, "module", None), *(alias.name for alias in node.names)}
                if {str(module).split(".")[0] for module in modules} & RANDOM_BACKOFF:
                    users.append(path)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "RetryPolicy":
                makers.append(path)
    assert set(users) == set(makers) == {"streams/retries.py"}
