"""Rejects requests whose address or JSON body holds values that cannot be stored, with field and reason.

Python's JSON parser accepts more than RFC 8259 allows: NaN, Infinity, lone surrogates, duplicate names, and integers
and nesting of any size. Such values can fail later, in a database or in a response, where the field is no longer known.
This middleware rejects them before a route handles the request.
"""

import json
import math
import re
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import InvalidInput
from models.errors import Problem as QueueProblem
from models.inbound import MAX_DEPTH
from web.errors import HttpProblem, answer, invalid
from web.store.vendor_keys import RESERVED

MAX_VALUES: Final = 200_000
"""The most values in one body. The largest requests name about 10,000 leads."""
MAX_PARAMETERS: Final = 1_000
"""The most parameters in one address."""
_INTEGERS: Final = range(-(2**63), 2**63)
"""The integers that every supported database can store."""
_MAX_DIGITS: Final = 400
"""The most digits of an integer that are parsed. A longer integer is treated as infinite."""
_NAMED: Final = 60
"""The most characters of a name that an error message repeats."""
_JSON: Final = "json"
_VENDOR_POST: Final = re.compile(r"/api/v1/leads/([^/]+)(?:/webhook)?")
_NOT_ENCODED: Final = frozenset({"", "identity"})
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class StrictRequests:
    """Answers 422 to an invalid address or to rejected JSON. It reads JSON bodies completely before the route runs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request and pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            check_address(scope.get("raw_path") or scope["path"].encode(), scope["query_string"])
            headers = Headers(scope=scope)
            check_encoding(headers)
            if (
                scope["method"] not in _WITHOUT_BODY
                and not _is_vendor_post(scope["path"])
                and _JSON in headers.get("content-type", "").lower()
            ):
                body = await Request(scope, receive).body()
                check_json(body)
                receive = _repeated(body, receive)
        except ClientDisconnect:
            return
        except InvalidInput as error:
            await answer(Request(scope), invalid(error))(scope, receive, send)
            return
        except HttpProblem as encoded:
            await answer(Request(scope), encoded)(scope, receive, send)
            return
        except HTTPException as error:  # the body is too long
            problem = HttpProblem(
                error.status_code, "too-large", str(error.detail), headers=dict(error.headers or {})
            )
            await answer(Request(scope), problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def check_encoding(headers: Headers) -> None:
    """Raise 415 for a body that is compressed: it would be read as bytes that are no text.

    Several headers are one list (RFC 9110, section 5.3).
    """
    codings = ", ".join(headers.getlist("content-encoding")).lower()
    coding = ", ".join(name for name in map(str.strip, codings.split(",")) if name not in _NOT_ENCODED)
    if coding:
        raise HttpProblem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported-encoding",
            f"Content-Encoding: is {coding[:_NAMED]}; send the body as it is, without an encoding",
            headers={"Accept-Encoding": "identity"},
        )


def _is_vendor_post(path: str) -> bool:
    """Say whether a request is a vendor's post. Its body is read as leads are: a bad value costs itself alone (B8)."""
    match = _VENDOR_POST.fullmatch(path)
    return match is not None and match[1] not in RESERVED


def _repeated(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that yields the body again after it was read, and then continues with `receive`."""
    first = True

    async def receive_again() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return receive_again


def check_address(raw_path: bytes, query: bytes) -> None:
    """Raise `InvalidInput` if the path or a parameter is not UTF-8 or contains NUL, or for too many parameters."""
    if reason := _unreadable(raw_path):
        raise _refused("path", reason)
    pairs = query.split(b"&")
    if len(pairs) > MAX_PARAMETERS:
        raise _refused("query", f"has more than {MAX_PARAMETERS} parameters")
    for pair in pairs:
        if reason := _unreadable(pair):
            name = unquote_to_bytes(pair.partition(b"=")[0]).decode(errors="replace").replace("\0", "")
            raise _refused(name[:_NAMED] or "query", reason)


def _unreadable(escaped: bytes) -> str | None:
    text = unquote_to_bytes(escaped)
    if b"\0" in text:
        return "contains the character NUL"
    try:
        text.decode()
    except UnicodeDecodeError:
        return "is not UTF-8"
    return None


def check_json(body: bytes) -> None:
    """Raise `InvalidInput` with path and reason for rejected JSON. Text that is not JSON is left to the route."""
    if not body:
        return
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused("body", f"is not UTF-8 at byte {error.start}") from error
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_int=_integer)
    except json.JSONDecodeError:
        return
    except RecursionError as error:
        raise _refused("body", f"is nested deeper than {MAX_DEPTH}") from error
    _Checked().check(document, "", MAX_DEPTH)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    by_name = dict(pairs)
    if len(by_name) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in by_name if names.count(name) > 1)
        raise _refused(_shown(twice), "occurs twice")
    return by_name


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else math.inf


class _Checked:
    """Checks every value of one document and counts the values."""

    def __init__(self) -> None:
        self._values_left = MAX_VALUES

    def check(self, value: Any, path: str, depth: int) -> None:
        self._values_left -= 1
        if self._values_left < 0:
            raise _refused("body", f"has more than {MAX_VALUES} values")
        match value:
            case str():
                self._text(value, path)
            case bool() | None:
                pass
            case float() if not math.isfinite(value):
                raise _refused(path, "must be a finite number")
            case int() if value not in _INTEGERS:
                raise _refused(path, "is a whole number of more than 64 bits")
            case dict() | list():
                if depth == 0:
                    raise _refused(path, f"is nested deeper than {MAX_DEPTH}")
                self._check_children(value, path, depth - 1)

    def _check_children(self, value: dict[str, Any] | list[Any], path: str, depth: int) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                self._text(name, path)
                self.check(inner, f"{path}.{_shown(name)}" if path else _shown(name), depth)
        else:
            for at, inner in enumerate(value):
                self.check(inner, f"{path}[{at}]", depth)

    def _text(self, text: str, path: str) -> None:
        if "\0" in text:
            raise _refused(path, "contains the character NUL")
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise _refused(path, "contains half of a surrogate pair, which is not a character") from error


def _shown(name: str) -> str:
    """Return a name shortened and cleaned, so that an error message can contain it."""
    return name[:_NAMED].encode(errors="replace").decode().replace("\0", "")


def _refused(path: str, reason: str) -> InvalidInput:
    return InvalidInput((QueueProblem(path=path or "body", reason=reason),))
