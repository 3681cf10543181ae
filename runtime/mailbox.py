"""Runs a small SMTP server that delivers nowhere: it keeps the newest mails as pages in a folder, and serves them.

`firstclaim demo` sends its mails to it, and chaos lets it refuse a part of them. It listens on 127.0.0.1 only.
"""

from __future__ import annotations

import html
import random
import threading
from collections import Counter, deque
from email import message_from_bytes
from email.policy import default
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from aiosmtpd.controller import Controller

from runtime.process import free_port
from streams.file_permissions import private_folder

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

MAX_MAILS: Final = 200
"""How many mails are kept. For each further one, the oldest is removed."""
REMEMBERED: Final = 200_000
"""How many Message-IDs are remembered, to count repeats."""
MAX_BYTES: Final = 1024 * 1024
INDEX: Final = "index.html"
REFRESH_SECONDS: Final = 5
"""How often the page that lists the mails loads itself anew."""


class Mailbox:
    """Keeps mails in `folder`. `refuses`: the share of recipients that are refused for now, from 0 to 1.

    `accepted`: how many mails were accepted; `repeats`: how many of them have the Message-ID of an earlier one;
    `refused`: how many recipients were refused.
    """

    def __init__(self, folder: Path, *, refuses: float = 0.0, seed: int = 0) -> None:
        self.folder = folder
        self.accepted = 0
        self.refused = 0
        self._refuses = refuses
        self._source = random.Random(seed)  # noqa: S311  # the same seed refuses the same attempts
        self._attempts: Counter[str] = Counter()
        self._mails: deque[tuple[str, str, str]] = deque()
        self._controller: Controller | None = None
        self._pages: ThreadingHTTPServer | None = None
        self.port = 0

    @property
    def repeats(self) -> int:
        """How many accepted mails have the Message-ID of an earlier one."""
        return sum(count - 1 for count in self._attempts.values())

    @property
    def page(self) -> Path:
        """The page that lists the mails."""
        return self.folder / INDEX

    @property
    def url(self) -> str:
        """The address of the page that lists the mails, while it is served."""
        return f"http://127.0.0.1:{self._pages.server_port}/" if self._pages else self.page.as_uri()

    def start(self) -> None:
        """Listen on a free port, and serve the pages at another one."""
        private_folder(self.folder)
        self._write_index()
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, data_size_limit=MAX_BYTES)
        self._controller.start()
        self._pages = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Pages, directory=str(self.folder)))
        self._pages.daemon_threads = True
        threading.Thread(target=self._pages.serve_forever, name="mailbox pages", daemon=True).start()

    def stop(self) -> None:
        """Stop listening. The pages stay."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None
        if self._pages is not None:
            self._pages.shutdown()
            self._pages.server_close()
            self._pages = None

    def environment(self) -> dict[str, str]:
        """Return the settings with which a courier sends its mails here."""
        return {
            "FIRSTCLAIM_SMTP_HOST": "127.0.0.1",
            "FIRSTCLAIM_SMTP_PORT": str(self.port),
            "FIRSTCLAIM_SMTP_SECURITY": "none",
        }

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or refuse it for now."""
        del server, session, options
        if self._source.random() < self._refuses:
            self.refused += 1
            return "451 4.3.0 Try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        """Keep a mail."""
        del server, session
        mail: Any = message_from_bytes(envelope.original_content, policy=default)
        self.accepted += 1
        if len(self._attempts) < REMEMBERED:
            self._attempts[str(mail["Message-ID"])] += 1
        self._keep(mail)
        return f"250 Kept as {self.accepted}"

    def _keep(self, mail: EmailMessage) -> None:
        name = f"{self.accepted:06d}.html"
        body: Any = mail.get_body(("html", "plain"))
        (self.folder / name).write_text("" if body is None else body.get_content(), encoding="utf-8")
        self._mails.appendleft((name, str(mail["To"]), f"{mail['Date']}: {mail['Subject']}"))
        while len(self._mails) > MAX_MAILS:
            oldest, _, _ = self._mails.pop()
            (self.folder / oldest).unlink(missing_ok=True)
        self._write_index()

    def _write_index(self) -> None:
        rows = "".join(
            f'<li><a href="{name}">{html.escape(subject)}</a> to {html.escape(to)}</li>\n'
            for name, to, subject in self._mails
        )
        self.page.write_text(
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Mailbox</title>'
            f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}"></head>\n'
            f"<body><h1>Mailbox</h1>\n<p>{self.accepted} mails; the newest {len(self._mails)} are listed.</p>\n"
            f"<ol>\n{rows}</ol></body></html>\n",
            encoding="utf-8",
        )


class _Pages(SimpleHTTPRequestHandler):
    """Serves the mails. They may show pictures and have styles, and run nothing."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def end_headers(self) -> None:
        self.send_header(
            "Content-Security-Policy", "default-src 'none'; img-src *; style-src 'unsafe-inline'"
        )
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def list_directory(self, path: Any) -> None:
        del path
        self.send_error(404)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name of the base class
        del format, args
