"""A real SMTP server for tests (aiosmtpd): TLS, sign-in, and every way to refuse a mail."""

from __future__ import annotations

import ssl
from collections import Counter
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any, Final

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from runtime.process import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage
    from pathlib import Path

from contextlib import contextmanager

USER: Final = "courier"
PASSWORD: Final = "a-secret-of-the-mail-server"  # noqa: S105  # of the test's own server


class MailServer:
    """Keeps what it accepted. `refuse` decides at RCPT, `refuse_data` after the mail's content.

    Both get the recipient and the number of the attempt for it, from 1, and return the refusal; None accepts.
    """

    def __init__(self, folder: Path, *, tls: bool, sign_in: bool) -> None:
        self.accepted: list[EmailMessage] = []
        self.sign_ins: list[bool] = []
        self.encrypted: set[bool] = set()
        self.sessions: set[int] = set()
        self.tried: Counter[str] = Counter()
        self.refuse: Callable[[str, int], str | None] = lambda *_: None
        self.refuse_data: Callable[[str, int], str | None] = lambda *_: None
        self.on_accepted: Callable[[EmailMessage], None] = lambda _: None
        self.unicode = True
        """Whether it takes addresses with letters beyond ASCII (SMTPUTF8), from its next start on."""
        authority = trustme.CA()
        self.cafile = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.cafile))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        self._options: dict[str, Any] = {
            "tls_context": context if tls else None,
            "require_starttls": tls,
            "auth_required": sign_in,
            "authenticator": self._authenticate,
            "auth_require_tls": True,
        }
        self._tls, self._sign_in = tls, sign_in
        self._controller: Controller | None = None
        self.port = 0

    def start(self) -> None:
        """Listen; at the port of the last time, if there was one."""
        self._controller = Controller(
            self, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=self.unicode, **self._options
        )
        if self.port == 0:
            self._controller.port = free_port()
        self._controller.start()
        self.port = self._controller.port

    def stop(self) -> None:
        """Stop listening."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def environment(self) -> dict[str, str]:
        """Return the settings with which a courier reaches it."""
        variables = {
            "FIRSTCLAIM_SMTP_HOST": "127.0.0.1",
            "FIRSTCLAIM_SMTP_PORT": str(self.port),
            "FIRSTCLAIM_SMTP_SECURITY": "starttls" if self._tls else "none",
            "FIRSTCLAIM_SMTP_SENDER": "leads@lender.example",
            "FIRSTCLAIM_PUBLIC_URL": "https://console.lender.example",
        }
        if self._tls:
            variables["FIRSTCLAIM_SMTP_CAFILE"] = str(self.cafile)
        if self._sign_in:
            variables |= {"FIRSTCLAIM_SMTP_USERNAME": USER, "FIRSTCLAIM_SMTP_PASSWORD": PASSWORD}
        return variables

    def for_rep(self, address: str) -> list[EmailMessage]:
        """Return the accepted mails for one address."""
        return [mail for mail in self.accepted if mail["To"] == address]

    def _authenticate(
        self, server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any
    ) -> AuthResult:
        del server, session, envelope, mechanism
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (
            USER.encode(),
            PASSWORD.encode(),
        )
        self.sign_ins.append(right)
        return AuthResult(success=right, handled=right)

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Accept or refuse a recipient."""
        del server, options
        self.tried[address] += 1
        self.encrypted.add(session.ssl is not None)
        refusal = self.refuse(address, self.tried[address])
        if refusal is not None:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        """Accept or refuse a mail."""
        del server
        refusal = self.refuse_data(envelope.rcpt_tos[0], self.tried[envelope.rcpt_tos[0]])
        if refusal is not None:
            return refusal
        self.sessions.add(id(session))
        mail: Any = message_from_bytes(envelope.original_content, policy=default)
        self.accepted.append(mail)
        self.on_accepted(mail)
        return f"250 Queued as {len(self.accepted)}"


@contextmanager
def mail_server(folder: Path, *, tls: bool = True, sign_in: bool = True) -> Iterator[MailServer]:
    """Yield a running mail server."""
    server = MailServer(folder, tls=tls, sign_in=sign_in)
    server.start()
    try:
        yield server
    finally:
        server.stop()
