"""Defines commands for Kafka access: the ACLs of each principal, the topics an operator creates, and signing keys."""

import asyncio
from typing import Annotated

import typer

from cli.common import AsJson, finish, unchecked_settings
from models.errors import ConfigError


def acls(  # each parameter is an option
    name: Annotated[
        str | None,
        typer.Argument(help="The name of the vendor, CRM or sender; with --for process, the process."),
    ] = None,
    whose: Annotated[
        str | None,
        typer.Option(
            "--for",
            help="Who signs in: vendor, crm, sender, process, or one process such as worker or relay.",
        ),
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", help="The user name in Kafka, if it is not the default.")
    ] = None,
    commands: Annotated[
        bool, typer.Option("--commands", help="Print commands of kafka-acls.sh instead.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="With --commands: print the commands that remove the ACLs.")
    ] = False,
    apply: Annotated[
        bool,
        typer.Option("--apply", help="Create the ACLs now. Existing ACLs stay. Needs a superuser of Kafka."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print exactly the ACLs that a principal needs. Without --for, print the ACLs of every process.

    Example: firstclaim acls --for vendor acme

    Example: firstclaim acls --for crm sales --commands

    Example: firstclaim acls --for worker --json
    """
    from application.kafka_access import acl_admin
    from application.kafka_access import commands as forms
    from application.kafka_access.access_table import PROCESSES, principal_of, processes

    if whose is None:
        if name or user:
            raise ConfigError("--for", "is missing: name the principal")
        principals = processes()
    elif whose in PROCESSES:
        if name:
            raise ConfigError("NAME", f"{whose} is a process and takes no name; --user names its user")
        principals = [principal_of("process", whose, user=user)]
    else:
        principals = [principal_of(whose, name or "", user=user)]
    if remove and not commands:
        raise ConfigError("--remove", "goes with --commands")
    settings = unchecked_settings()
    if apply:
        count = asyncio.run(acl_admin.allow(settings, principals))
        typer.echo(f"{count} ACLs of {len(principals)} principals exist")
    elif not as_json:
        for principal in principals:
            shown = (
                forms.shell(principal, bootstrap=settings.kafka_bootstrap_servers, remove=remove)
                if commands
                else forms.lines(principal)
            )
            for line in shown:
                typer.echo(line)
    finish({"principals": [forms.principal_as_json(principal) for principal in principals]}, as_json=as_json)


def topics(as_json: AsJson = False) -> None:
    """Create missing topics and check existing ones.

    Processes also create them if they are allowed to. On a cluster with ACLs the operator creates them.

    Example: firstclaim topics
    """
    from streams.topics import TOPICS, partitions_of, provision

    settings = asyncio.run(provision(unchecked_settings()))
    counts = {topic.name: partitions_of(topic.name, settings) for topic in TOPICS}
    if not as_json:
        for topic, count in counts.items():
            typer.echo(f"{topic}  {count} {'partition' if count == 1 else 'partitions'}")
    finish({"topics": counts}, as_json=as_json)


def signing_key(
    key_id: Annotated[str, typer.Argument(help="The key's id, like acme-2026-11.")],
    add: Annotated[
        bool, typer.Option("--add", help="Also append it to the file that FIRSTCLAIM_SIGNING_KEYS names.")
    ] = False,
) -> None:
    """Create a signing key for a vendor, a CRM or the console, and print its line for the key file.

    Send the secret to the signer over a private channel, and enter the key's id in the org's settings.

    Example: firstclaim signing-key acme-2026-11 --add
    """
    import secrets

    from streams.signing import append_key, check_key_id

    check_key_id(key_id)
    line = f"{key_id} {secrets.token_urlsafe(32)}"
    if add:
        append_key(unchecked_settings(), line)
    typer.echo(line)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(acls)
    app.command()(topics)
    app.command("signing-key")(signing_key)
