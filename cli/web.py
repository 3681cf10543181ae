"""Defines commands of the web console: its process, and the accounts that sign in to it."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.common import AsJson, finish, running, say
from cli.console_store import open_console_store, recorded_act
from models.errors import ConfigError
from streams.ports import check_port
from streams.settings import Settings

if TYPE_CHECKING:
    from models.audit import Act

Org = Annotated[str, typer.Option(help="The org.")]


def console(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port of the console; 0 takes any free one.")
    ] = 8000,
    status_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65_535,
            help="A second port with /health, /ready and /metrics only, for a collector on another machine. "
            "FIRSTCLAIM_STATUS_HOST is its address.",
        ),
    ] = None,
) -> None:
    """Run the web console. Behind a TLS proxy, set FIRSTCLAIM_PUBLIC_URL=https://….

    Example: firstclaim console --port 8000 --status-port 8800
    """
    check_port(port, "--port", host)
    from runtime import find_running
    from web import process
    from web.settings import WebSettings

    settings = Settings.read()
    if status_port is not None:
        if status_port == port != 0:
            raise ConfigError("--status-port", f"{port} is the console's own port; choose another one")
        check_port(status_port, "--status-port", settings.status_host)
    process.run(find_running(settings), WebSettings.read(), host=host, port=port, status_port=status_port)


def account_add(
    email: Annotated[str, typer.Argument(help="The mail address to sign in with.")],
    rep: Annotated[str, typer.Option(help="The rep's id in the directory.")],
    role: Annotated[
        str,
        typer.Option(
            help="The role while the org has published no rep: admin, manager or rep. See --keep-open."
        ),
    ] = "rep",
    org: Org = "default",
    name: Annotated[
        str | None, typer.Option(help="The name people see, where the rep is published too.")
    ] = None,
    keep_open: Annotated[
        bool,
        typer.Option(
            "--keep-open",
            help="Publish nobody. Without it, --role admin publishes the rep as admin if the org has none.",
        ),
    ] = False,
    password: Annotated[
        str | None,
        typer.Option(envvar="FIRSTCLAIM_PASSWORD", help="The password. It is asked for if it is not given."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add an account for the console, or change its password.

    The first admin of an org is also published in its directory. From then on, only reps in the directory may act.

    Example: firstclaim account add mia@lender.example --rep mia --role admin
    """
    import asyncio

    from application.directory.first_admin import ensure_admin
    from web.store.account import Account
    from web.store.accounts import Accounts

    if role not in ("admin", "manager", "rep"):
        raise typer.BadParameter("must be admin, manager or rep", param_hint="--role")
    if password is None:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    with open_console_store() as store, recorded_act(store, org, "account_added", f"account/{rep}") as entry:
        entry.add("email", email)
        Accounts(store).put(Account(email=email, org=org, rep_id=rep, role=role), password)
    say(f"{email} may sign in as {rep} of {org}")
    published = False
    if role == "admin" and not keep_open:
        # The admin is published after the account is stored. If the command is interrupted, run it again to complete.
        published = asyncio.run(ensure_admin(running(), org, rep, name=name or rep, email=email))
        if published:
            say(f"{rep} is published as the admin of {org}: only reps of its directory may sign in and act")
    finish({"email": email, "org": org, "rep_id": rep, "published": published}, as_json=as_json)


def account_list(org: Org = "default", as_json: AsJson = False) -> None:
    """List the accounts that may sign in.

    Example: firstclaim account list
    """
    from web.store.accounts import Accounts

    with open_console_store() as store:
        rows = [
            {"email": account.email, "rep_id": account.rep_id, "role": account.role}
            for account in Accounts(store).accounts(org)
        ]
    for row in rows:
        typer.echo(f"{row['email']}  {row['rep_id']}  {row['role']}")
    finish({"accounts": rows}, as_json=as_json)


def account_disable(email: str, as_json: AsJson = False) -> None:
    """Disable an account. Its sessions and tokens end with their next request.

    Example: firstclaim account disable mia@lender.example
    """
    from web.store.accounts import Accounts

    with open_console_store() as store:
        accounts = Accounts(store)
        account = accounts.find(email)
        is_disabled = False
        if account is not None:
            with recorded_act(store, account.org, "account_disabled", f"account/{account.rep_id}") as entry:
                is_disabled = accounts.disable(email)
                entry.is_void = not is_disabled
    say(f"{email} may not sign in any more" if is_disabled else f"There is no account {email}")
    finish({"email": email, "disabled": is_disabled}, as_json=as_json, ok=is_disabled)


def account_reset(
    email: str,
    provider: Annotated[
        bool, typer.Option("--provider", help="Forget which account of the company's provider it belongs to.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove the second factor of a person who has lost the device. With --provider, remove the OIDC binding instead.

    Example: firstclaim account reset mia@lender.example
    """
    from web.store.accounts import Accounts
    from web.store.second_factors import remove
    from web.store.store import Store

    with open_console_store() as store:
        accounts, subject = Accounts(store), "binding to the provider" if provider else "second factor"
        account = accounts.find(email)
        if account is None:
            is_reset = False
        else:
            act: Act = "account_unbound" if provider else "second_factor_reset"
            with recorded_act(store, account.org, act, f"account/{account.rep_id}") as entry:
                is_reset = (
                    accounts.unbind(email) if provider else remove(Store(store), account.org, account.rep_id)
                )
                entry.is_void = not is_reset
    say(f"the {subject} of {email} is removed" if is_reset else f"{email} has no {subject}")
    finish({"email": email, "reset": is_reset}, as_json=as_json, ok=is_reset)


def console_key(as_json: AsJson = False) -> None:
    """Make a key that encrypts secrets in the console's database, and print it. Nothing is stored.

    To replace a key, name the new one first and the old one after it, and restart the console.

    Example: firstclaim console-key

    Example: export FIRSTCLAIM_CONSOLE_KEYS="$(firstclaim console-key),$FIRSTCLAIM_CONSOLE_KEYS"
    """
    from web.store.sealing import new_key

    key = new_key()
    if not as_json:
        typer.echo(key)
    finish({"key": key}, as_json=as_json)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(console)
    app.command("console-key")(console_key)
    account = typer.Typer(help="Accounts that may sign in to the console.", no_args_is_help=True)
    account.command("add")(account_add)
    account.command("list")(account_list)
    account.command("disable")(account_disable)
    account.command("reset")(account_reset)
    app.add_typer(account, name="account")
