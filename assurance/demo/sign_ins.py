"""Creates three accounts of the demo's lender that can sign in to its console while the demo runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from assurance.demo.directory import YOURS
from sink.database_engine import connect
from web.store.account import Account
from web.store.accounts import Accounts
from web.store.migrate import upgrade

PASSWORD: Final = "demo lender only"  # noqa: S105  # not secret: it opens a demo on this machine
CONSOLE_PORT: Final = 8000


class SignIn(NamedTuple):
    """One account, and what its user can do."""

    email: str
    rep_id: str
    role: str
    to_do: str


SIGN_INS: Final = (
    SignIn(
        "rep@demo.example",
        YOURS,
        "rep",
        "find a lead in a green queue, claim it, work it; press 1 when the bar rings",
    ),
    SignIn("manager@demo.example", "manager-1", "manager", "see every lead, the exceptions, the operations"),
    SignIn("admin@demo.example", "admin-1", "admin", "all of that, and the directory"),
)


@contextmanager
def signed_up(database_url: str, org: str = "default") -> Iterator[None]:
    """Enable the three accounts with the demo's password, and disable them when the demo is over."""
    upgrade(database_url)
    engine = connect(database_url)
    accounts = Accounts(engine)
    try:
        for sign_in in SIGN_INS:
            account = Account(email=sign_in.email, org=org, rep_id=sign_in.rep_id, role=sign_in.role)
            accounts.put(account, PASSWORD)
        try:
            yield
        finally:
            for sign_in in SIGN_INS:
                accounts.disable(sign_in.email)
    finally:
        engine.dispose()


def close_left_over(database_url: str) -> None:
    """Close the accounts of a demo that was killed, because everybody knows their password."""
    upgrade(database_url)
    engine = connect(database_url)
    accounts = Accounts(engine)
    try:
        for sign_in in SIGN_INS:
            if accounts.check(sign_in.email, PASSWORD) is not None:
                accounts.disable(sign_in.email)
    finally:
        engine.dispose()


def invitation(port: int, mailbox: str | None = None) -> str:
    """Return the console's address, the accounts and the mailbox's address, as lines for people."""
    wide = max(len(sign_in.email) for sign_in in SIGN_INS)
    people = [
        f"  {sign_in.email:<{wide}}  {PASSWORD}  {sign_in.role}: {sign_in.to_do}" for sign_in in SIGN_INS
    ]
    return "\n".join(
        (
            f"Open the console:  http://127.0.0.1:{port}",
            *people,
            "  (email, password; they work in this demo only, and only while it runs)",
            *([] if mailbox is None else [f"Read the reps' mails:  {mailbox}"]),
        )
    )
