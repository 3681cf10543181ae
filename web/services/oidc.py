"""Signs people in with company accounts: OpenID Connect, authorization code flow with PKCE (RFC 7636).

The provider confirms a subject and, at the first sign-in, a verified address. The console's own accounts map it to a
rep of an org. Needs `firstclaim[oidc]`.
"""

import base64
import hashlib
import secrets
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from models.errors import ConfigError, PermanentError, RetryableError
from web.settings import ROLES, WebSettings, safe_address
from web.store.addresses import spelled_plainly

SCOPES: Final = "openid email"
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
"""The accepted signature algorithms: only those with a key of the provider, never the client secret, never `none`."""
MAX_BYTES: Final = 1024 * 1024
"""The most bytes of a response of the provider."""
SUBJECT_LENGTH: Final = 255
MAX_TEAMS: Final = 100
_PATIENCE_SECONDS: Final = 10.0


class PendingSignIn(msgspec.Struct, frozen=True):
    """The state that a browser keeps while the person is at the provider.

    `next`: the page that the person requested. `again`: the provider was asked to authenticate the person again.
    """

    state: str
    nonce: str
    verifier: str
    next: str
    again: bool = False


class VerifiedIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The identity that the provider confirms. `email` None: the provider does not say that the address is verified.

    `role`, `teams`: from the claims that the settings name; None if the settings name no claim. `proved_at`: when the
    person authenticated at the provider, None if the provider does not say.
    """

    issuer: str
    subject: str
    email: str | None
    role: str | None = None
    teams: tuple[str, ...] | None = None
    proved_at: datetime | None = None


class Provider:
    """The provider of the settings. Raises `ConfigError` if there is none or its library is missing."""

    def __init__(self, web: WebSettings) -> None:
        if web.oidc_issuer is None or web.oidc_client_id is None or web.oidc_client_secret is None:
            raise ConfigError("FIRSTCLAIM_OIDC_ISSUER", "is not set; people sign in by password")
        self._web = web
        self._issuer = web.oidc_issuer
        self._client_id = web.oidc_client_id
        self._secret = web.oidc_client_secret.get_secret_value()
        self._back = f"{web.public_url.rstrip('/')}/sign-in/oidc/callback"

    async def begin(self, following: str, *, again: bool = False) -> tuple[str, PendingSignIn]:
        """Return the address to redirect a browser to, and the state it keeps.

        Raises `RetryableError` if the provider is unavailable. `again`: ask the provider for a new authentication,
        even if it has a session for the browser.
        """
        begun = PendingSignIn(
            secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), following, again
        )
        digest = hashlib.sha256(begun.verifier.encode()).digest()
        parameters = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._back,
            "scope": SCOPES,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        if again:
            parameters |= {"prompt": "login", "max_age": "0"}
        endpoint = _endpoint(await self._discovered(), "authorization_endpoint")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}", begun

    async def finish(self, begun: PendingSignIn, *, state: str, code: str) -> VerifiedIdentity:
        """Exchange the code for a token and return the identity it confirms.

        Raises `PermanentError` if the state does not match this browser's request or the token is invalid;
        `RetryableError` if the provider is unavailable.
        """
        if not secrets.compare_digest(state.encode(), begun.state.encode()):
            raise PermanentError(
                "oidc", "the provider's answer belongs to another sign-in; sign in once more"
            )
        metadata = await self._discovered()
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": begun.verifier,
        }
        tokens = await self._get(_endpoint(metadata, "token_endpoint"), sent)
        keys = await self._get(_endpoint(metadata, "jwks_uri"))
        claims = self._checked(str(tokens.get("id_token", "")), keys, begun.nonce)
        return self.vouched(claims)

    def vouched(self, claims: dict[str, Any]) -> VerifiedIdentity:
        """Read the claims of a valid token. Raises `PermanentError` with the claim and the reason."""
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_LENGTH:
            raise PermanentError("oidc", f"sub: must be text of 1 to {SUBJECT_LENGTH} characters")
        audience, party = claims.get("aud"), claims.get("azp")
        several = isinstance(audience, list) and len(audience) > 1
        if (several or party is not None) and party != self._client_id:
            raise PermanentError("oidc", "azp: the token was made for another client")
        email = claims.get("email")
        # Only the value true counts. If the claim is missing, "false" or 0, the provider has not verified the address.
        verified = claims.get("email_verified") is True and isinstance(email, str) and spelled_plainly(email)
        at = claims.get("auth_time")
        return VerifiedIdentity(
            issuer=self._issuer,
            subject=subject,
            email=email if verified else None,
            role=self._role(claims),
            teams=self._teams(claims),
            proved_at=datetime.fromtimestamp(at, UTC) if isinstance(at, int) and 0 < at < 2**32 else None,
        )

    def _role(self, claims: dict[str, Any]) -> str | None:
        """Return the highest role that the configured claim names. Raises `PermanentError` if it names none."""
        name = self._web.oidc_role_claim
        if name is None:
            return None
        role_of = self._web.roles_of_claims
        roles = {role_of[value] for value in _texts(claims.get(name)) if value in role_of}
        if not roles:
            raise PermanentError("oidc", f"{name}: does not name a role of firstclaim")
        return max(roles, key=ROLES.index)

    def _teams(self, claims: dict[str, Any]) -> tuple[str, ...] | None:
        name = self._web.oidc_teams_claim
        return None if name is None else tuple(dict.fromkeys(_texts(claims.get(name))))[:MAX_TEAMS]

    def _checked(self, token: str, keys: dict[str, Any], nonce: str) -> dict[str, Any]:
        from joserfc import jwt  # noqa: PLC0415  # the extra is optional
        from joserfc.errors import JoseError  # noqa: PLC0415  # the extra is optional
        from joserfc.jwk import KeySet  # noqa: PLC0415  # the extra is optional

        registry = jwt.JWTClaimsRegistry(
            leeway=30,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._client_id},
            nonce={"essential": True, "value": nonce},
            exp={"essential": True},
        )
        try:
            decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(ALGORITHMS))  # type: ignore[arg-type]  # a key set as JSON
            registry.validate(decoded.claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise PermanentError("oidc", f"the provider's token is not valid: {error}") from error
        return decoded.claims

    async def _discovered(self) -> dict[str, Any]:
        metadata = await self._get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if metadata.get("issuer") != self._issuer:
            raise PermanentError(
                "oidc", f"the provider says it is {metadata.get('issuer')}, not {self._issuer}"
            )
        return metadata

    async def _get(self, address: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        """Return the response of one of the provider's addresses. A form is posted with the client secret."""
        try:
            import httpx  # noqa: PLC0415  # the extra is optional
        except ImportError as error:
            raise ConfigError(
                "FIRSTCLAIM_OIDC_ISSUER", "needs the extra: install firstclaim[oidc]"
            ) from error
        auth = None if form is None else httpx.BasicAuth(self._client_id, self._secret)
        body = bytearray()
        try:
            async with (
                httpx.AsyncClient(timeout=_PATIENCE_SECONDS) as client,
                client.stream("GET" if form is None else "POST", address, data=form, auth=auth) as answer,
            ):
                answer.raise_for_status()
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > MAX_BYTES:
                        raise PermanentError("oidc", f"the provider answers more than {MAX_BYTES} bytes")
            document = msgspec.json.decode(bytes(body))
        except httpx.HTTPStatusError as error:
            raise PermanentError(
                "oidc", f"the provider refused the request: {error.response.status_code}"
            ) from error
        except (httpx.HTTPError, ValueError) as error:
            raise RetryableError("OIDC provider", f"{type(error).__name__}: {error}") from error
        if not isinstance(document, dict):
            raise PermanentError("oidc", "the provider's answer is not a JSON object")
        return document


def _endpoint(metadata: dict[str, Any], name: str) -> str:
    """Return an endpoint of the provider. Raises `PermanentError` if others could answer in its place."""
    address = metadata.get(name)
    if not isinstance(address, str) or not safe_address(address):
        raise PermanentError("oidc", f"{name}: the provider has no https address for it")
    return address


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [item.strip() for item in values if isinstance(item, str) and item.strip()]
