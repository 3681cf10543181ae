"""An event loop without a clock that takes one step at a time, knows whose step it is, and can kill a process.

A step is what a process does between two awaits. Requests to the broker and to the database take steps of their own, on
behalf of the process that asked. So a process can be killed before its request arrives, after it arrived, and after
its answer was read. Steps come in the order in which they became ready, which is the same in every run.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, NamedTuple, TypeVar, cast

T = TypeVar("T")

MAX_STEPS = 200_000
"""No history needs so many steps. If this many are taken, something never comes to rest."""
MAX_WAITS = 20
"""The most awaits in the cleanup of one coroutine."""


class Owner(NamedTuple):
    """Whose step it is. `life`: how often the process was started. `served`: the step is another's, for the process."""

    process: str
    life: int
    served: bool = False


NOBODY = Owner("", 0)
_owner: ContextVar[Owner] = ContextVar("owner", default=NOBODY)


class KilledError(BaseException):
    """Ends the step of a process that is killed within it, between two statements of a transaction."""


class StepLoop(asyncio.BaseEventLoop):
    """The loop. `steps`: how many were taken. `failures`: what processes raised.

    `after_step` is called after each step with its owner, and may kill.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self.failures: list[str] = []
        self.after_step: Callable[[Owner], None] = lambda _owner: None
        self._dead: set[Owner] = set()
        self._tasks: list[asyncio.Task[Any]] = []
        self.set_exception_handler(self._failed)

    def time(self) -> float:
        """Return the same instant always: a history has no waiting time, and no patience ends."""
        return 0.0

    def start(self, process: str, life: int, work: Coroutine[Any, Any, None]) -> None:
        """Start a task of a process."""
        context = copy_context()
        context.run(_owner.set, Owner(process, life))
        self._keep(context.run(self.create_task, work))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Start one more task of the process that runs now."""
        self._keep(self.create_task(work))

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.append(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if (error := task.exception()) is not None and not isinstance(error, KilledError):
            self.failures.append(repr(error))

    def serve(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Let a server do some work for the process that asks, in a step of its own; return the future answer."""
        asks = _owner.get()
        answer: asyncio.Future[T] = self.create_future()

        def step() -> None:
            try:
                result = work()
            except Exception as error:  # noqa: BLE001  # it is the answer
                answer.set_exception(error)
            else:
                answer.set_result(result)

        context: Context = copy_context()
        context.run(_owner.set, asks._replace(served=True))
        self.call_soon(step, context=context)
        return answer

    def kill(self, process: str, life: int, *, with_requests: bool) -> None:
        """End a process without another step. Its requests that have not arrived are lost, or else arrive later."""
        self._dead.add(Owner(process, life))
        if with_requests:
            self._dead.add(Owner(process, life, served=True))

    def has_ready(self, owner: Owner) -> bool:
        """Tell whether the owner has a step to take now."""
        return any(_owner_of(handle) == owner for handle in self._ready)  # type: ignore[attr-defined]

    def is_dead(self, owner: Owner) -> bool:
        """Tell whether the process was killed."""
        return owner in self._dead

    def step(self) -> bool:
        """Take the next step; return False if there is none."""
        ready = self._ready  # type: ignore[attr-defined]
        while ready:
            handle = ready.popleft()
            owner = _owner_of(handle)
            if handle.cancelled() or owner in self._dead:
                continue
            handle._run()
            self.count(owner)
            return True
        return False

    def count(self, owner: Owner) -> None:
        """Count a step. A transaction counts each of its statements by this."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise AssertionError(f"no rest after {MAX_STEPS} steps")
        self.after_step(owner)

    def run_until_quiet(self) -> None:
        """Take steps until every process waits for something that does not come by itself."""
        asyncio._set_running_loop(self)
        try:
            while self.step():
                pass
        finally:
            asyncio._set_running_loop(None)

    def end(self) -> None:
        """End what was killed or still waits. Nothing of it has an effect any more."""
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            _unwind(cast("Coroutine[Any, Any, None]", task.get_coro()))
        self.close()

    def _check_closed(self) -> None:
        """Let generators that are collected after the end ask for steps that nobody takes."""

    def _failed(self, _loop: Any, context: dict[str, Any]) -> None:
        self.failures.append(repr(context.get("exception") or context["message"]))


def _unwind(work: Coroutine[Any, Any, None]) -> None:
    """End a coroutine, whatever its own cleanup waits for."""
    for _ in range(MAX_WAITS):
        try:
            work.throw(KilledError())
        except BaseException:  # noqa: BLE001  # whatever it ends with, it has ended
            return


def now_running() -> Owner:
    """Return whose step is running."""
    return _owner.get()


def _owner_of(handle: Any) -> Owner:
    owner: Owner = handle._context.get(_owner, NOBODY)
    return owner


def loop_now() -> StepLoop:
    """Return the loop of the running step."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, StepLoop)
    return loop
