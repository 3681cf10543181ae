"""The mailbox of the demo: what was mailed can be read at its address, and nothing else of the folder."""

from __future__ import annotations

import smtplib
import urllib.error
import urllib.request
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

from runtime.mailbox import Mailbox
from tests.fixtures.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from pathlib import Path


def _page(url: str) -> tuple[str, str]:
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310  # an address of our own
        return answer.read().decode(), str(answer.headers["Content-Security-Policy"])


def test_mails_can_be_read_at_the_mailboxs_address(tmp_path: Path) -> None:
    (tmp_path / "outside.html").write_text("nothing to be seen")
    box = Mailbox(tmp_path / "mailbox")
    box.start()
    try:
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = "A <lead>", "leads@x.example", "ann@x.example"
        mail.set_content("text")
        mail.add_alternative("<h1>New Lead</h1>", subtype="html")
        with smtplib.SMTP("127.0.0.1", box.port) as client:
            client.send_message(mail)
        index, policy = _page(box.url)
        assert "A &lt;lead&gt;</a> to ann@x.example" in index
        assert policy.startswith("default-src 'none'")
        assert "<h1>New Lead</h1>" in _page(f"{box.url}000001.html")[0]
        for path in ("..%2Foutside.html", "../outside.html"):
            with pytest.raises(urllib.error.HTTPError):
                _page(box.url + path)
    finally:
        box.stop()
    assert box.url.startswith("file://"), "it is served only while it runs"
