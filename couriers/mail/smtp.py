"""Sends mails over a few reused SMTP connections, and says what each refusal means (N1, N2)."""

import asyncio
from contextlib import suppress
from email.message import EmailMessage
from typing import Final

import aiosmtplib
from aiosmtplib import SMTP

from couriers.mail.settings import MailSettings
from couriers.port import BouncedError, DeliveryError, LaterError, ProviderDownError, UndeliverableError
from models.contacts import with_ascii_domain

STEP_SECONDS: Final = 8.0
"""How long the server may take for one step of the dialogue."""
MAILS_PER_CONNECTION: Final = 100
"""After so many mails a connection is opened anew, because servers limit them."""
IDLE_SECONDS: Final = 30.0
"""A connection that was idle for longer is opened anew, because servers close idle ones."""
PERMANENT: Final = 500
SERVICE_CLOSING: Final = 421


class _Connection:
    """One connection, opened when it is needed."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._client: SMTP | None = None
        self._sent = 0
        self._last = 0.0

    async def send(self, mail: EmailMessage, sender: str, recipient: str) -> str:
        """Send a mail and return the server's answer. Raises DeliveryError."""
        client = await self._connected()
        try:
            _, answer = await client.send_message(mail, sender=sender, recipients=[recipient])
        except aiosmtplib.SMTPException as error:
            await self.close()
            raise self._meaning(error) from error
        except BaseException:
            self._abandon()  # the dialogue stopped somewhere, so this connection is of no use
            raise
        self._sent += 1
        self._last = asyncio.get_running_loop().time()
        return answer

    async def open(self) -> str:
        """Connect and sign in. Return the version of TLS, or "without encryption"."""
        client = await self._connected()
        tls = client.get_transport_info("ssl_object")
        return f"encrypted by {tls.version()}" if tls is not None else "without encryption"

    async def close(self) -> None:
        """Close the connection, politely if the server answers."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await client.quit(timeout=1.0)
            client.close()

    def _abandon(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def _connected(self) -> SMTP:
        now = asyncio.get_running_loop().time()
        if self._client is not None and (
            not self._client.is_connected
            or self._sent >= MAILS_PER_CONNECTION
            or now - self._last > IDLE_SECONDS
        ):
            await self.close()
        if self._client is None:
            self._client, self._sent, self._last = await self._opened(), 0, now
        return self._client

    async def _opened(self) -> SMTP:
        settings = self._settings
        client = SMTP(
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=settings.tls(),
            timeout=STEP_SECONDS,
        )
        try:
            await client.connect()
            if settings.username is not None:
                await client.login(settings.username, settings.secret or "")
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise ProviderDownError(self.provider, _error_text(error)) from error
        except BaseException:
            client.close()
            raise
        return client

    @property
    def provider(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    def _meaning(self, error: aiosmtplib.SMTPException) -> DeliveryError:
        """Return what a failure means: the address, this mail, or the server."""
        text = _error_text(error)
        if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
            codes = [refusal.code for refusal in error.recipients]
            kind = BouncedError if codes and min(codes) >= PERMANENT else LaterError
            return kind(self.provider, text)
        if isinstance(error, aiosmtplib.SMTPResponseException):
            if error.code == SERVICE_CLOSING or error.code < 0:
                return ProviderDownError(self.provider, text)
            return (UndeliverableError if error.code >= PERMANENT else LaterError)(self.provider, text)
        if isinstance(error, aiosmtplib.SMTPNotSupported):
            # Signing in is over by then, so it is about this mail alone: other mails have plain addresses.
            return UndeliverableError(self.provider, f"{text}: the address has letters beyond ASCII")
        return ProviderDownError(self.provider, text)


class SmtpPool:
    """Sends mails over at most `settings.connections` connections. Close it at the end."""

    def __init__(self, settings: MailSettings) -> None:
        self.provider = f"{settings.host}:{settings.port}"
        self._all = [_Connection(settings) for _ in range(settings.connections)]
        self._free: asyncio.LifoQueue[_Connection] = asyncio.LifoQueue()
        for connection in self._all:
            self._free.put_nowait(connection)

    async def send(self, mail: EmailMessage, sender: str, recipient: str) -> str:
        """Send a mail to one recipient, and return the server's answer. Sets the mail's `To`.

        Raises BouncedError for an address that is refused for good, UndeliverableError for a mail that is, LaterError
        for an answer that begins with 4, and ProviderDownError if the server does not answer.
        """
        recipient = with_ascii_domain(recipient) or recipient
        del mail["To"]  # of the attempt before
        mail["To"] = recipient
        connection = await self._free.get()
        try:
            return await connection.send(mail, sender, recipient)
        finally:
            self._free.put_nowait(connection)

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(connection.close() for connection in self._all))


async def sign_in(settings: MailSettings) -> str:
    """Connect, sign in and quit, as for a mail but without one. Return how the connection was encrypted.

    Raises ProviderDownError with the server's words, and ConfigError.
    """
    connection = _Connection(settings)
    encryption = await connection.open()
    await connection.close()
    return encryption


def _error_text(error: BaseException) -> str:
    """Return the server's words, or else what happened."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return "; ".join(f"{refusal.code} {refusal.message}" for refusal in error.recipients)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error) or repr(error)
