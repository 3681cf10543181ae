"""Translates database errors into `RetryableError` (try again) or `PermanentError` (the record cannot be stored).

PermanentError is raised only where the database refuses the values themselves. Every other error (unreachable,
locked, full, not migrated, no permission) is no fault of the record, and to lose the record would be worse than to
wait.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import exc

from models.errors import PermanentError, RetryableError

_REFUSED_VALUES: Final = ("22", "23", "54")
"""SQLSTATE classes: data exception, integrity violation, program limit (an indexed text is too long)."""
_AWAY: Final = ("08", "57P")
"""SQLSTATE classes: connection exception, and the server stops, restarts or starts."""
_READ_ONLY: Final = "25006"
_LONGEST_REASON: Final = 500
IS_AWAY: Final = "is away"
IS_READ_ONLY: Final = "is read-only now"
"""How the reason of a RetryableError begins while a Postgres restarts or fails over."""


@contextmanager
def translated_errors(database: str) -> Iterator[None]:
    """Raise the driver's errors as RetryableError or PermanentError. `database` names the database in the message."""
    try:
        yield
    except (exc.DataError, exc.IntegrityError) as error:
        raise PermanentError(type(error.orig or error).__name__, reason_of(error)) from error
    except exc.DBAPIError as error:
        if str(getattr(error.orig, "sqlstate", None) or "")[:2] in _REFUSED_VALUES:
            raise PermanentError(type(error.orig).__name__, reason_of(error)) from error
        # SQLite's driver has no exception class of its own for a value it cannot bind.
        if str(error.orig).startswith("Error binding parameter"):
            raise PermanentError(type(error.orig).__name__, reason_of(error)) from error
        raise RetryableError(database, _why_later(error)) from error
    except exc.StatementError as error:  # a column's type refused a value before the database saw it
        raise PermanentError(type(error.orig or error).__name__, reason_of(error)) from error
    except exc.SQLAlchemyError as error:  # for example the pool's timeout
        raise RetryableError(database, reason_of(error)) from error
    except (ValueError, OverflowError) as error:  # bare from sqlite3: surrogates, integers beyond 64 bit
        raise PermanentError(type(error).__name__, reason_of(error)) from error
    except OSError as error:
        raise RetryableError(database, reason_of(error)) from error


def _why_later(error: exc.DBAPIError) -> str:
    """Return the reason of an error that may be gone later, in words if a Postgres restarts or fails over."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if state == _READ_ONLY:
        return f"{IS_READ_ONLY}, as a standby is before its promotion: {reason_of(error)}"
    unconnected = (
        not state and isinstance(error, exc.OperationalError) and "psycopg" in type(error.orig).__module__
    )
    if state.startswith(_AWAY) or unconnected:
        return f"{IS_AWAY}: {reason_of(error)}"
    return reason_of(error)


def reason_of(error: BaseException) -> str:
    """Return a one-line reason without the statement and its values, which may hold personal data."""
    origin = error.orig if isinstance(error, exc.StatementError) and error.orig else error
    lines = str(origin).strip().splitlines()
    return (lines[0] if lines else type(origin).__name__)[:_LONGEST_REASON]
