"""Defines the error classes of this project. Each error says what is wrong and why.

::

    FirstclaimError
    ├── ConfigError          a setting is missing, contradicts another, or cannot be read (field, reason)
    ├── PermanentError       one record can never be processed; it becomes a dead letter (error_class, reason)
    │   └── Refused          a message from outside that cannot become an event (its field, too)
    ├── InvalidInput         an input cannot be accepted; `problems` has every reason at once
    │   ├── RuleErrors       a rule tree, or an object that carries one
    │   └── PublicationErrors  an object of the directory
    ├── PublishedMeanwhile   another publication arrived between reading and publishing (org, offset)
    └── RuntimeFailure       a dependency of this process failed (what, reason)
        ├── RetryableError   a temporary failure, not an error of the record; the same work is retried
        ├── StartFailed      a local server or a child process did not become ready
        ├── StateInUse       another process uses the same state folder
        └── DownloadRefused  a downloaded file is not the pinned one
"""

from __future__ import annotations

import msgspec


class FirstclaimError(Exception):
    """The base of every error this project raises on purpose."""


class ConfigError(FirstclaimError):
    """A setting cannot be used. `field` is its environment variable, `reason` a sentence."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class PermanentError(FirstclaimError):
    """One record can never be processed, now or later. `error_class` names the cause, `reason` is a sentence."""

    def __init__(self, error_class: str, reason: str) -> None:
        super().__init__(f"{error_class}: {reason}")
        self.error_class = error_class
        self.reason = reason


class Refused(PermanentError):  # noqa: N818  # the name states the result for callers
    """A message from outside cannot become an event. The three arguments become headers of its dead letter.

    `error_class`: a short stable word for counting and searching. `field`: the field or envelope attribute; empty if
    the whole message is meant. `reason`: what is wrong with it, worded to follow the field's name.
    """

    def __init__(self, error_class: str, field: str, reason: str) -> None:
        super().__init__(error_class, reason)
        self.field = field

    def __str__(self) -> str:
        return f"{self.error_class}: {self.field + ': ' if self.field else ''}{self.reason}"


class PublicationConflictError(FirstclaimError):  # the name states the event
    """Another publication for the same org arrived between reading and publishing. Nothing was published.

    `offset`: the highest offset of the topic that the caller has not seen. The caller must read up to it before a new
    attempt.
    """

    def __init__(self, org: str, offset: int) -> None:
        super().__init__(f"somebody published for {org} meanwhile, at {offset}")
        self.org = org
        self.offset = offset


class RuntimeFailure(FirstclaimError):  # noqa: N818  # the name states the failure for callers
    """A dependency failed. `what` names it; `reason` says how it failed, with its log output if known."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.what = what
        self.reason = reason


class RetryableError(RuntimeFailure):
    """A service we write to is down, busy or not set up. Nothing is lost; the same work is retried."""


class StartFailed(RuntimeFailure):
    """A local server or a child process exited, or did not become ready in time."""


class StateInUse(RuntimeFailure):
    """Another running process holds the lock of the same state folder."""


class DownloadRefused(RuntimeFailure):
    """A downloaded file is missing, or its SHA-256 is not the pinned one. The file is not used."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One problem of an input: its path (such as `inclusion.rules[2]`), its field and operator, and the reason."""

    path: str
    reason: str
    field: str | None = None
    operator: str | None = None

    def __str__(self) -> str:
        field_name = self.field if self.field and not self.path.endswith(self.field) else None
        about = " ".join(part for part in (field_name, self.operator) if part)
        return f"{self.path or 'value'}: {about + ': ' if about else ''}{self.reason}"


class InvalidInput(FirstclaimError):  # noqa: N818  # the name describes the caller's input
    """An input cannot be accepted. `problems` has every reason and is never empty."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class RuleErrors(InvalidInput):
    """A rule tree is invalid (Q6).

    It has an unknown field, an operator of another type or an unusable value, or it is too large.
    """


class PublicationErrors(InvalidInput):
    """An object of the directory does not match docs/contracts (Q6)."""
