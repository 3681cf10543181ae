"""Defines commands for API tokens: issue, list, revoke."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from cli.common import AsJson, finish, say
from cli.console_store import open_console_store, recorded_act

token = typer.Typer(help="Tokens of programs that use the API: issue, list, revoke.", no_args_is_help=True)
Org = Annotated[str, typer.Option(help="The org.")]


@token.command("issue")
def token_issue(
    rep: Annotated[str, typer.Option(help="The rep that the token acts as.")],
    name: Annotated[str, typer.Option(help="The purpose of the token.")],
    scope: Annotated[
        list[str], typer.Option(help="A scope of the token. Give it several times for several scopes.")
    ],
    org: Org = "default",
    days: Annotated[
        float | None,
        typer.Option(
            min=0.001, help="How many days it is valid. Default: FIRSTCLAIM_TOKEN_DAYS, which is 90."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create an API token. It is shown only this once.

    Example: firstclaim token issue --rep crm --name "the CRM" --scope queues:read --scope leads:act
    """
    from web.auth import TOKEN_SCOPES
    from web.settings import WebSettings
    from web.store.tokens import Tokens

    for scope_name in scope:
        if scope_name not in TOKEN_SCOPES:
            raise typer.BadParameter(
                f"{scope_name} is not one of {', '.join(TOKEN_SCOPES)}", param_hint="--scope"
            )
    web = WebSettings.read()
    lasts = web.token_days if days is None else days
    if lasts > web.token_most_days:
        raise typer.BadParameter(f"at most {web.token_most_days:g} are allowed", param_hint="--days")
    expires_at = datetime.now(UTC) + timedelta(days=lasts)
    with open_console_store() as store, recorded_act(store, org, "token_made", "token") as entry:
        secret, token = Tokens(store).issue(org, rep, name, scope, by="command line", expires_at=expires_at)
        entry.object = f"token/{token.token_id}"
        for path, value in (("name", name), ("rep_id", rep), ("scopes", sorted(token.scopes))):
            entry.add(path, value)
        entry.add("expires_at", expires_at)
    say(f"token {token.token_id} is valid until {expires_at:%Y-%m-%d %H:%M} UTC")
    typer.echo(secret)
    finish({"token_id": token.token_id, "secret": secret, "expires_at": expires_at}, as_json=as_json)


@token.command("list")
def token_list(
    org: Org = "default",
    rep: Annotated[str | None, typer.Option(help="Only tokens that act as this rep.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the tokens that work, with their scopes, last use and end. Their secrets are not stored.

    Example: firstclaim token list --org default
    """
    from web.store.tokens import Tokens

    now = datetime.now(UTC)
    with open_console_store() as store:
        tokens = Tokens(store).all(org, rep)
    lines: list[dict[str, Any]] = []
    for token in tokens:
        over = token.expires_at is not None and token.expires_at <= now
        used = "never used" if token.used_at is None else f"last used {token.used_at:%Y-%m-%d %H:%M} UTC"
        end = (
            "no end"
            if token.expires_at is None
            else f"{'ended' if over else 'ends'} {token.expires_at:%Y-%m-%d}"
        )
        typer.echo(f"{token.token_id}  {token.rep_id}  {token.name}")
        typer.echo(f"    {', '.join(sorted(token.scopes))}; made by {token.created_by}; {used}; {end}")
        lines.append(
            {
                "token_id": token.token_id,
                "rep_id": token.rep_id,
                "name": token.name,
                "scopes": sorted(token.scopes),
                "created_by": token.created_by,
                "created_at": token.created_at,
                "expires_at": token.expires_at,
                "used_at": token.used_at,
            }
        )
    typer.echo(f"{len(tokens):,} tokens of {org}")
    finish({"tokens": lines}, as_json=as_json)


@token.command("revoke")
def token_revoke(
    token_id: Annotated[str, typer.Argument(help="The token's id, as `token list` prints it.")],
    org: Org = "default",
    as_json: AsJson = False,
) -> None:
    """Revoke a token. It stops working with its next request. Exit 1 if there is no such token.

    Example: firstclaim token revoke 3f9a1c0b7d2e4f58
    """
    from web.store.tokens import Tokens

    with (
        open_console_store() as store,
        recorded_act(store, org, "token_revoked", f"token/{token_id[:100]}") as entry,
    ):
        token = Tokens(store).revoke(org, token_id)
        entry.is_void = token is None
        if token is not None:
            entry.add("name", token.name)
            entry.add("rep_id", token.rep_id)
    say(
        f"{org} has no token {token_id}"
        if token is None
        else f"the token {token.name} of {token.rep_id} is revoked"
    )
    finish({"token_id": token_id, "revoked": token is not None}, as_json=as_json, ok=token is not None)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(token, name="token")
