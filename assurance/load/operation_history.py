"""Turns the reps' actions into operations on two registers of each lead: its owner, and who has it open.

Only this module translates our answers, so that the checker need not know them. Only an answer with a certain meaning
becomes an operation: `refused`, for most reasons, says nothing about either register.
"""

from collections import Counter
from typing import Final

from assurance.linearizability import Operation
from assurance.load.client import RequestedAction
from models.results import Reason, Result

CLOCKS_SECONDS: Final = 0.05
"""How much earlier a lock may expire by the broker's clock, which counts whole milliseconds, than by ours."""

_OWNS: Final = frozenset({"claim", "claim_now", "accept", "press_one"})
_ENDS_LOCK: Final = frozenset({"outcome", "callback", "claim_now"})
_WITHIN_WINDOW: Final = frozenset({"note", "activity"})
_TAKES_BACK: Final = frozenset({"unassign", "redistribute"})
"""The moves after which nobody owns the lead and nobody has it open (M1)."""
_NOT_MINE: Final = frozenset({Reason.NOT_LOCKED, Reason.LOCKED_BY_OTHER, Reason.LOCK_EXPIRED})


class OperationHistory:
    """The operations of one run. `unknown` counts the actions with unknown outcome.

    `offered`: the leads that their group distributes. `lock_seconds`: after so long an open lead's lock may have
    expired (D2). `keeps`: also keep every action with its answer, in `requested`.
    """

    def __init__(
        self,
        *,
        lock_seconds: float = 3600.0,
        auto_claim_on_timed_callback: bool = True,
        keeps: bool = False,
    ) -> None:
        self._keeps = keeps
        self.requested: list[RequestedAction] = []
        self.ops: list[Operation] = []
        self.offered: set[str] = set()
        self.actions = 0
        self.unknown = 0
        self._leavings: list[tuple[str, float]] = []
        self._assignees: dict[str, str] = {}
        self._lock_seconds = lock_seconds
        self._auto_claim = auto_claim_on_timed_callback

    def record(self, request: RequestedAction) -> None:
        """Add one action and its answer."""
        self.actions += 1
        self.unknown += request.answer is None
        if self._keeps:
            self.requested.append(request)
        self._owner(request)
        self._opened(request)

    def arrived(self, lead_id: str, rep_id: str, at: float) -> None:
        """Record that a lead may have come with an owner (R5), at any time after `at`, monotonic seconds.

        The rep may get it again when it is distributed again (M1).
        """
        self._assignees[lead_id] = rep_id
        self.ops.append(
            Operation(process="vendor", op="assign", lead=f"{lead_id} owner", invoked_at=at, to=rep_id)
        )

    def left(self, rep_id: str, at: float) -> None:
        """Record that a rep left at `at`. Each lead it has or opens by then may be released at any time after (X2)."""
        self._leavings.append((rep_id, at))

    def all(self) -> list[Operation]:
        """Return every operation, including those without an action.

        A rep can lose a lead by leaving at most as often as it got it. So each lead has as many expiries as it has
        operations of the rep, and the earliest ones, which allow everything that later ones allow.
        """
        leavings: dict[str, list[float]] = {}
        for rep_id, at in sorted(self._leavings, key=lambda leaving: leaving[1]):
            leavings.setdefault(rep_id, []).append(at)
        holdings = Counter(
            (rep_id, op.lead) for op in self.ops for rep_id in leavings if rep_id in (op.process, op.to)
        )
        expiries = [
            Operation(process=rep_id, op="expire", lead=lead, invoked_at=at)
            for (rep_id, lead), count in holdings.items()
            for at in leavings[rep_id][:count]
        ]
        return [*self.ops, *expiries]

    def _owner(self, request: RequestedAction) -> None:
        """Add what the action says of the owner's register (Q8, D3, D4, D6)."""
        action, answer = request.action, request.answer
        action_type, rep_id = action["type"], action["rep_id"]
        if action_type == "callback" and action.get("at") and self._auto_claim:
            # If it was done, the rep has the lead: by this callback, or from before.
            if answer is None or answer.result is Result.DONE:
                self._add(request, "claim", "won", "owner")
        elif action_type in _OWNS and (answer is None or answer.result in (Result.WON, Result.LOST)):
            self._add(request, "claim", "won" if request.result is Result.WON else "lost", "owner")
        elif action_type in _WITHIN_WINDOW and action["lead_id"] in self.offered:
            # Within the window a note or another activity is a claim. Later only the owner may write one;
            # everybody else is refused.
            if answer is None or answer.result is Result.DONE:
                self._add(request, "claim", "won", "owner")
        elif action_type == "assign" and (answer is None or answer.result in (Result.DONE, Result.LOST)):
            is_done = request.result is Result.DONE
            self._add(request, "assign", "done" if is_done else "lost", "owner", process=rep_id)

        elif action_type == "reassign":
            self._moved(request)
        elif action_type in _TAKES_BACK and (answer is None or answer.result is Result.DONE):
            self._add(request, "free", "done", "owner")
            if (assignee := self._assignees.get(action["lead_id"])) is not None:
                self.arrived(action["lead_id"], assignee, request.invoked_at)
        elif action_type in ("merge", "split") and (answer is None or answer.result is Result.DONE):
            self._joined(request)

    def _joined(self, request: RequestedAction) -> None:
        """Add that a merge or split may distribute leads again, to the reps whom they may have come with (K5).

        The lead that takes the other in gets its campaign, and a lead that is taken out its own. Neither changes who
        owns a lead that has an owner.
        """
        action = request.action
        lead = action["into_lead_id"] if action["type"] == "merge" else action["inquiry_id"]
        leads = {lead, action["lead_id"]} if action["type"] == "merge" else {lead}
        for rep_id in {self._assignees[lead_id] for lead_id in leads if lead_id in self._assignees}:
            self.arrived(lead, rep_id, request.invoked_at)

    def _moved(self, request: RequestedAction) -> None:
        """Add what a reassignment says of the owner's register: it had an owner, or, if it was refused so, none (M1).

        The answer to a rep who has the lead already is done too.
        """
        answer = request.answer
        if answer is None or answer.result is Result.DONE:
            self._add(request, "move", "done", "owner")
        elif answer.reason is Reason.NOT_OWNED and "from_rep_id" not in request.action:
            self._add(request, "move", "refused", "owner")

    def _opened(self, request: RequestedAction) -> None:
        """Add what the action says of the register of who has the lead open (D1, D2)."""
        action, answer = request.action, request.answer
        action_type, result = action["type"], request.result
        if action["lead_id"] in self.offered:
            return  # opening an offer locks nothing (R2), and nobody else opens an owner's lead
        reason = answer.reason if answer else None
        if action_type == "view" and not action.get("view_only"):
            if answer is None or result is Result.DONE:
                self._add(request, "claim", "won", "open")
                self._add(request, "expire", None, "open")
            elif reason is Reason.LOCKED_BY_OTHER:
                self._add(request, "claim", "lost", "open")
        elif action_type == "release":
            if answer is None or result is Result.DONE:
                self._add(request, "release", "done", "open")
            elif reason in _NOT_MINE:
                self._add(request, "release", "refused", "open")
        elif action_type in ("reassign", *_TAKES_BACK) and (answer is None or result is Result.DONE):
            self._add(request, "free", "done", "open")  # whom it is given already keeps it open
        elif action_type in _ENDS_LOCK and (answer is None or result in (Result.DONE, Result.WON)):
            self._add(request, "leave", "done", "open")

    def _add(
        self,
        request: RequestedAction,
        kind: str,
        result: str | None,
        register: str,
        *,
        process: str | None = None,
    ) -> None:
        action, is_known = request.action, request.answer is not None and kind != "expire"
        lost_to = (
            request.answer.owner if request.answer and register == "owner" and result == "lost" else None
        )
        wait = self._lock_seconds - CLOCKS_SECONDS if kind == "expire" else 0.0
        self.ops.append(
            Operation(
                process=process or action["rep_id"],
                op=kind,  # type: ignore[arg-type]  # these are the checker's words
                lead=f"{action['lead_id']} {register}",
                invoked_at=request.invoked_at + wait,
                returned_at=request.returned_at if is_known else None,
                result=result if is_known else None,  # type: ignore[arg-type]  # likewise
                owner=lost_to,
                to=action.get("to_rep_id"),
            )
        )
