"""Signing in with the company's own accounts: OpenID Connect, authorization code flow with PKCE (RFC 7636).

The provider vouches for an address; who that is in an org, the console's own accounts say. Needs `firstclaim[oidc]`.
"""

import base64
import hashlib
import secrets
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from models.errors import ConfigError, PermanentError, RetryableError
from web.settings import WebSettings

SCOPES: Final = "openid email"
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures by a key of the provider's only: never by our own secret, never none."""
_PATIENCE_SECONDS: Final = 10.0


class Begun(msgspec.Struct, frozen=True):
    """What a browser keeps while its person is at the provider. `next`: where they wanted to go."""

    state: str
    nonce: str
    verifier: str
    next: str


class Provider:
    """The provider of the settings. Raises `ConfigError` where there is none, or its library is missing."""

    def __init__(self, web: WebSettings) -> None:
        if web.oidc_issuer is None or web.oidc_client_id is None or web.oidc_client_secret is None:
            raise ConfigError("FIRSTCLAIM_OIDC_ISSUER", "is not set: one signs in by password here")
        self._issuer = web.oidc_issuer
        self._client_id = web.oidc_client_id
        self._secret = web.oidc_client_secret.get_secret_value()
        self._back = f"{web.public_url.rstrip('/')}/sign-in/oidc/callback"

    async def begin(self, following: str) -> tuple[str, Begun]:
        """Return where to send a browser and what it keeps; raises `RetryableError` where the provider is away."""
        begun = Begun(
            secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), following
        )
        digest = hashlib.sha256(begun.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._back,
            "scope": SCOPES,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        endpoint = (await self._discovered())["authorization_endpoint"]
        return f"{endpoint}?{urlencode(asked)}", begun

    async def finish(self, begun: Begun, *, state: str, code: str) -> str:
        """Return the address the provider vouches for.

        Raises `PermanentError` where the answer is not to this browser's question, or vouches for nobody;
        `RetryableError` where the provider is away.
        """
        if not secrets.compare_digest(state.encode(), begun.state.encode()):
            raise PermanentError("oidc", "the answer is to another question: sign in once more")
        found = await self._discovered()
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": begun.verifier,
        }
        tokens = await self._get(found["token_endpoint"], sent)
        keys = await self._get(found["jwks_uri"])
        claims = self._checked(tokens.get("id_token", ""), keys, begun.nonce)
        if not claims.get("email") or claims.get("email_verified") is False:
            raise PermanentError("oidc", "the provider vouches for no address")
        return str(claims["email"])

    def _checked(self, token: str, keys: dict[str, Any], nonce: str) -> dict[str, Any]:
        from joserfc import jwt  # noqa: PLC0415  # only with the extra
        from joserfc.errors import JoseError  # noqa: PLC0415  # likewise
        from joserfc.jwk import KeySet  # noqa: PLC0415  # likewise

        wanted = jwt.JWTClaimsRegistry(
            leeway=30,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._client_id},
            nonce={"essential": True, "value": nonce},
            exp={"essential": True},
        )
        try:
            decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(ALGORITHMS))  # type: ignore[arg-type]  # a key set as JSON
            wanted.validate(decoded.claims)
        except (JoseError, ValueError) as error:
            raise PermanentError("oidc", f"the provider's token does not hold: {error}") from error
        return decoded.claims

    async def _discovered(self) -> dict[str, Any]:
        found = await self._get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self._issuer:
            raise PermanentError("oidc", f"the provider says it is {found.get('issuer')}, not {self._issuer}")
        return found

    async def _get(self, address: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        """Return what an address of the provider's answers; a form is sent to it with our secret."""
        try:
            import httpx  # noqa: PLC0415  # only with the extra
        except ImportError as error:
            raise ConfigError(
                "FIRSTCLAIM_OIDC_ISSUER", "needs the extra: install firstclaim[oidc]"
            ) from error
        try:
            async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS) as client:
                if form is None:
                    answer = await client.get(address)
                else:
                    answer = await client.post(address, data=form, auth=(self._client_id, self._secret))
                answer.raise_for_status()
                found: dict[str, Any] = answer.json()
        except httpx.HTTPStatusError as error:
            raise PermanentError("oidc", f"the provider refuses it: {error.response.status_code}") from error
        except (httpx.HTTPError, ValueError) as error:
            raise RetryableError("OIDC provider", f"{type(error).__name__}: {error}") from error
        return found
