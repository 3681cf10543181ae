"""Translates database errors: `RetryableError`, try the same work again; `PermanentError`, the record cannot be kept.

PermanentError is raised only where the values themselves are refused. Everything else (away, locked, full, not
migrated, no permission) says nothing against the record, and losing it would be worse than waiting.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import exc

from models.errors import PermanentError, RetryableError

_REFUSED_VALUES: Final = ("22", "23", "54")
"""SQLSTATE classes: data exception, integrity violation, program limit (an indexed text too long)."""
_LONGEST_REASON: Final = 500


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn what the database driver raises inside into RetryableError or PermanentError; `what` names the database."""
    try:
        yield
    except (exc.DataError, exc.IntegrityError) as error:
        raise PermanentError(type(error.orig or error).__name__, reason_of(error)) from error
    except exc.DBAPIError as error:
        if str(getattr(error.orig, "sqlstate", None) or "")[:2] in _REFUSED_VALUES:
            raise PermanentError(type(error.orig).__name__, reason_of(error)) from error
        # SQLite's driver has no class of its own for a value it cannot bind.
        if str(error.orig).startswith("Error binding parameter"):
            raise PermanentError(type(error.orig).__name__, reason_of(error)) from error
        raise RetryableError(what, reason_of(error)) from error
    except exc.StatementError as error:  # a value that a column's type refused before the database saw it
        raise PermanentError(type(error.orig or error).__name__, reason_of(error)) from error
    except exc.SQLAlchemyError as error:  # the pool's timeout and the like
        raise RetryableError(what, reason_of(error)) from error
    except (ValueError, OverflowError) as error:  # bare from sqlite3: surrogates, integers beyond 64 bit
        raise PermanentError(type(error).__name__, reason_of(error)) from error
    except OSError as error:
        raise RetryableError(what, reason_of(error)) from error


def reason_of(error: BaseException) -> str:
    """Return one line that says why, without the statement and its values, which may hold personal data."""
    origin = error.orig if isinstance(error, exc.StatementError) and error.orig else error
    lines = str(origin).strip().splitlines()
    return (lines[0] if lines else type(origin).__name__)[:_LONGEST_REASON]
