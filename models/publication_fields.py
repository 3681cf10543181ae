"""Defines the fields that objects of the directory have in common: ids, names, times, weeks."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from models import moments, normalize
from models.geography import STATE_CODES, state_code
from models.handles import read_joining_handle

MAX_DESCRIPTION: Final = 2_000
MAX_COLUMNS: Final = 50
MAX_ENTRIES: Final = 1_000
"""The maximum number of teams, outcomes, states, absences or spans of one object."""
MAX_ATTRIBUTE_TYPES: Final = 200
"""The maximum number of attributes that an org gives types (C4)."""
MAX_LABEL: Final = 80
"""The longest label of an outcome, in characters: it stands on a button."""
MAX_MEMBERS: Final = 10_000
MAX_PROTECTION_MINUTES: Final = 60 * 24 * 365
"""The longest time for which a fresh assignment is protected from claims, in minutes."""
MAX_LOCK_MINUTES: Final = 30 * 24 * 60
MAX_COUNT: Final = 1_000_000
MAX_RETENTION_DAYS: Final = 36_500
MAX_LOCKS: Final = 1_000
MAX_CLAIMS_PER_MINUTE: Final = 100_000
DAY_SECONDS: Final = 86_400
WEEK_SECONDS: Final = 7 * DAY_SECONDS


def _identifier(value: str) -> str:
    if not normalize.identifier(value):
        raise ValueError("is empty")
    return value


def _label(value: str) -> str:
    if not value or value != value.strip():
        raise ValueError("must be text without spaces at its beginning and end")
    return value


def _zone(value: str) -> str:
    if not normalize.zone(value):
        raise ValueError("is empty")
    return value


def _instant(value: str) -> str:
    if not moments.instant(value):
        raise ValueError("is empty")
    return value


def _handle(value: str) -> str:
    read_joining_handle(value)
    return value


def _state(value: str) -> str:
    if value not in STATE_CODES:
        suggestion = state_code(value)
        raise ValueError(
            "is not a state's code" + (f", did you mean {suggestion}?" if suggestion else " like RI")
        )
    return value


Id = Annotated[str, AfterValidator(_identifier)]
Name = Annotated[str, StringConstraints(max_length=normalize.NAME_LENGTH)]
Description = Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION)]
Label = Annotated[str, StringConstraints(max_length=MAX_LABEL), AfterValidator(_label)]
"""Words that people read for a value, without space around them."""
State = Annotated[str, AfterValidator(_state)]
Zone = Annotated[str, AfterValidator(_zone)]
Handle = Annotated[str, AfterValidator(_handle)]
"""A phone number or mail address, written in any way that is read on `lead-arrivals`."""
Instant = Annotated[str, AfterValidator(_instant)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Ids = Annotated[list[Id], Field(max_length=MAX_ENTRIES)]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time of day, `00:00` to `23:59`."""
EndClock = Annotated[str, StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
"""The time of day at which something ends. `24:00` is the end of the day."""
Kind = Literal["call", "email", "sms", "note", "call_log", "todo", "drip_plan", "bulk_email"]
"""A kind of activity (`models.activities.ActivityKind`)."""
Rules = dict[str, Any]
"""A rule tree as sent."""


class Published(BaseModel):
    """The base of published objects: unknown fields are kept, and values are not converted."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


class WeekSpan(Published):
    """Hours on some days of the week, in the owner's time zone. If `to` is before `from`, they run past midnight."""

    days: Annotated[
        list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]], Field(min_length=1, max_length=7)
    ]
    from_: Clock = Field(alias="from")
    to: EndClock

    @model_validator(mode="after")
    def _has_length(self) -> "WeekSpan":
        if self.from_ == self.to:
            raise ValueError("from and to are the same: for a whole day write 00:00 to 24:00")
        return self


Week = Annotated[list[WeekSpan], Field(max_length=MAX_ENTRIES)]
