"""Authenticates requests and checks access. Every route declares its access; a route without one is unreachable.

Role, teams and active state come from the directory at the time of the request, not from the sign-in. A rep who is
deactivated loses access with the next request.
"""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
import structlog
from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from application.audit.entry import Actor
from rules.queues.rule_book import OVERSEERS, OrgRules
from web.console_services import Services
from web.errors import HttpProblem, forbidden
from web.store.account import Account
from web.store.sessions import OIDC, Session
from web.store.tokens import Token

log = structlog.get_logger(__name__)

CSRF_HEADER: Final = "x-csrf-token"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
ANYONE: Final = frozenset({"rep", "manager", "admin"})
MANAGERS: Final = frozenset({"manager", "admin"})
ADMINS: Final = frozenset({"admin"})

SCOPES: Final = {
    "queues:read": "see queues and the leads in them",
    "views:write": "make, change and remove views of one's own leads",
    "leads:read": "see leads and their history",
    "leads:act": "claim, open, work, assign and ignore leads",
    "exceptions:read": "see the exceptions desk",
    "directory:read": "see reps, groups, campaigns and settings",
    "directory:write": "change queues, reps, groups, campaigns and settings",
    "operations:read": "see the state of the system",
    "operations:write": "replay dead letters",
    "preferences:read": "see how one's pages are set up",
    "preferences:write": "change how one's pages are set up",
    "account:read": "see one's own account",
    "account:write": "change one's own password, second factor and sessions",
    "tokens:read": "see tokens",
    "tokens:write": "make and revoke tokens",
    "vendors:read": "see vendors' keys and mappings",
    "vendors:write": "make and revoke vendors' keys, and change their mappings",
    "audit:read": "see who did what",
    "erasures:read": "see receipts of erased persons",
    "erasures:write": "erase persons",
}
"""The scopes of the routes. A token never has more rights than the rep it acts as."""
PERSONAL: Final = frozenset(
    {"account:write", "directory:write", "erasures:write", "tokens:write", "vendors:write"}
)
"""Scopes for which a person must be signed in. With one of them, a stolen token could give itself more rights, or
destroy what cannot be restored."""
TOKEN_SCOPES: Final = {scope: says for scope, says in SCOPES.items() if scope not in PERSONAL}
"""The scopes that a token may have."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """The caller: a rep of an org with a role and teams. `csrf`, `session` None: a program with a token.

    `host`: the address of the client. `token_id`: the program's token.
    """

    org: str
    rep_id: str
    name: str
    role: str
    teams: frozenset[str]
    email: str | None = None
    csrf: str | None = None
    scopes: frozenset[str] = frozenset(SCOPES)
    session: Session | None = None
    host: str | None = None
    token_id: str | None = None

    @property
    def as_actor(self) -> Actor:
        """The caller as the actor of a record of the audit."""
        return Actor(
            org=self.org,
            actor=self.rep_id,
            kind="person" if self.token_id is None else "token",
            from_host=self.host,
            token_id=self.token_id,
        )

    @property
    def oversees(self) -> bool:
        """Whether this is a manager or an admin."""
        return self.role in OVERSEERS

    def may_see(self, rules: OrgRules, queue_id: str) -> bool:
        """Say whether this person may see a queue (Q4)."""
        return queue_id in rules.queues if rules.is_open else rules.may_see(self.rep_id, queue_id)


def get_parts(request: Request) -> Services:
    """Return the services that the routes use."""
    services: Services = request.app.state.parts
    return services


PartsOf = Annotated[Services, Depends(get_parts)]

_COOKIE = APIKeyCookie(
    name="firstclaim_session",
    auto_error=False,
    description="A signed-in browser's session; with https its name begins with __Host-",
)
_BEARER = HTTPBearer(auto_error=False, description="An API token")


class Access:
    """A dependency that admits callers with one of the roles and, for a token, the scope. It returns the person.

    A token is refused where a person must be signed in (`PERSONAL`). `proved`: a signed-in person must have entered
    password or code in the last minutes. `enrolling`: also admits a person who must set a second factor or a password
    of one's own first.
    """

    def __init__(
        self,
        scope: str,
        roles: frozenset[str] = ANYONE,
        *,
        proved: bool = False,
        enrolling: bool = False,
    ) -> None:
        if scope not in SCOPES:
            raise ValueError(f"there is no scope {scope}")
        self.scope, self.roles, self.proved, self.enrolling = scope, roles, proved, enrolling

    async def __call__(
        self,
        request: Request,
        parts: PartsOf,
        _: Annotated[str | None, Depends(_COOKIE)],
        bearer: Annotated[object | None, Depends(_BEARER)],
    ) -> Person:
        """Return the caller. Raises 401 if there is none, 403 if the caller has no access."""
        person = await identify(request, parts, getattr(bearer, "credentials", None))
        try:
            self._admit(parts, person)
        except HttpProblem as problem:
            route = getattr(request.scope.get("route"), "path", "")
            log.warning(
                "access refused",
                org=person.org,
                rep_id=person.rep_id,
                token_id=person.token_id,
                method=request.method,
                route=route,
                host=person.host,
                reason=problem.kind,
            )
            raise
        request.state.person = person
        return person

    def _admit(self, parts: Services, person: Person) -> None:
        """Raise 403 if the caller has no access."""
        if self.scope in PERSONAL and person.session is None:
            raise HttpProblem(
                HTTPStatus.FORBIDDEN, "person-needed", f"{self.scope}: a person must be signed in for this"
            )
        if self.scope not in person.scopes:
            raise forbidden(f"the token lacks the scope {self.scope}")
        if person.role not in self.roles:
            raise forbidden(f"this is for {' and '.join(sorted(self.roles))}s; you are a {person.role}")
        if not self.enrolling and has_invitation_password(person):
            raise HttpProblem(
                HTTPStatus.FORBIDDEN,
                "password-of-invitation",
                "choose a password of your own first, on your account's page: PUT /api/v1/me/password",
            )
        if not self.enrolling and lacks_second_factor(parts, person):
            raise HttpProblem(
                HTTPStatus.FORBIDDEN,
                "second-factor-missing",
                f"{person.role}s need a second factor here: set it up on your account's page",
            )
        if self.proved and not has_proved(parts, person):
            raise HttpProblem(
                HTTPStatus.FORBIDDEN,
                "prove-yourself",
                "this needs your password or code once more: POST /api/v1/me/proof",
            )


def lacks_second_factor(parts: Services, person: Person) -> bool:
    """Say whether a person who signed in by password must have a second factor and has none."""
    session = person.session
    if session is None or session.method == OIDC or session.account.has_second_factor:
        return False
    return person.role in parts.web.second_factor_for


def has_invitation_password(person: Person) -> bool:
    """Say whether the person signed in with the password of an invitation, which must be changed first."""
    session = person.session
    return session is not None and session.method != OIDC and session.account.invited


def has_proved(parts: Services, person: Person) -> bool:
    """Say whether the person proved their identity recently. A program's token counts as proof."""
    if person.session is None:
        return True
    return datetime.now(UTC) - person.session.proved_at < timedelta(minutes=parts.web.prove_minutes)


async def identify(request: Request, parts: Services, bearer: str | None, *, used: bool = True) -> Person:
    """Return the caller, by token or by session. Raises 401, and 403 for a write that another site may have sent.

    `used`: whether the request counts as use of the session, which restarts its idle timeout.
    """
    if bearer:
        token = await asyncio.to_thread(parts.tokens.find, bearer)
        if token is None:
            raise _unauthorized("the token is unknown, revoked or expired")
        return _by_token(parts, token, host_of(request))
    cookie = request.cookies.get(parts.web.session_cookie)
    session = await asyncio.to_thread(lambda: parts.sessions.find(cookie, used=used)) if cookie else None
    if session is None:
        raise _unauthorized("sign in first")
    if request.method not in SAFE:
        same_origin(request)
        csrf = request.headers.get(CSRF_HEADER, "")
        if not secrets.compare_digest(csrf.encode(), session.csrf.encode()):
            raise forbidden(f"the header {CSRF_HEADER} is missing or not this session's")
    return msgspec.structs.replace(person_of(parts, session.account, session), host=host_of(request))


def host_of(request: Request) -> str:
    """Return the address of the client."""
    return request.client.host if request.client else ""


def same_origin(request: Request) -> None:
    """Reject a browser's write request that comes from another site."""
    origin = request.headers.get("origin")
    if origin is not None and _host_of(origin) != request.headers.get("host"):
        raise forbidden(f"the request comes from {origin}")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise forbidden("the request comes from another site")


def _host_of(origin: str) -> str | None:
    """Return the host and port of an origin, None if it is not a valid origin."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def person_of(parts: Services, account: Account, session: Session | None = None) -> Person:
    """Return the account's current person in its org. Raises 401 if the rep is inactive or does not exist."""
    csrf = None if session is None else session.csrf
    rules = parts.directory.org(account.org)
    if rules.is_open:
        return Person(
            org=account.org,
            rep_id=account.rep_id,
            name=account.rep_id,
            role=account.role,
            teams=frozenset(),
            email=account.email,
            csrf=csrf,
            session=session,
        )
    rep = rules.reps.get(account.rep_id)
    if rep is None or not rep.active:
        raise _unauthorized(f"{account.rep_id} is no active rep of {account.org}")
    return Person(
        org=account.org,
        rep_id=rep.rep_id,
        name=rep.name or rep.rep_id,
        role=rep.role,
        teams=frozenset(rep.teams),
        email=account.email,
        csrf=csrf,
        session=session,
    )


def _by_token(parts: Services, token: Token, host: str) -> Person:
    account = Account(email="", org=token.org, rep_id=token.rep_id, role="rep")
    return msgspec.structs.replace(
        person_of(parts, account),
        email=None,
        scopes=token.scopes & TOKEN_SCOPES.keys(),
        host=host,
        token_id=token.token_id,
    )


def _unauthorized(reason: str) -> HttpProblem:
    return HttpProblem(
        HTTPStatus.UNAUTHORIZED, "unauthorized", reason, headers={"WWW-Authenticate": "Bearer"}
    )
