"""Defines commands about vendors: what their files become, their keys, and how their posts are read."""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import msgspec
import typer

from cli.common import AsJson, finish, running, say
from cli.console_store import open_console_store, recorded_act

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from application.importing.trial import ValueSample
    from models.directory import OrgSettings
    from web.store.vendor_keys import VendorKeys

vendor = typer.Typer(
    help="Vendors: try their files, their keys and mappings of the HTTP door.", no_args_is_help=True
)
key = typer.Typer(help="Keys with which vendors post leads: issue, list, revoke.", no_args_is_help=True)
mapping = typer.Typer(help="How vendors' posts are read: set, show, remove.", no_args_is_help=True)
Org = Annotated[str, typer.Option(help="The org.")]
MAX_STDIN_BYTES: Final = 256 << 20
"""The most bytes that are read from stdin. A larger file is given by its name."""
_CHUNK: Final = 1 << 20


@vendor.command("try")
def vendor_try(
    file: Annotated[str, typer.Argument(help="The file as `send` takes it, or - for stdin.")],
    using: Annotated[
        Path | None,
        typer.Option(
            "--mapping", exists=True, dir_okay=False, help="The mapping of columns to fields (YAML)."
        ),
    ] = None,
    name: Annotated[str, typer.Option("--vendor", help="The vendor of the leads.")] = "vendor",
    org: Org = "default",
    leads: Annotated[int, typer.Option(min=0, max=1_000, help="How many leads to show.")] = 3,
    as_published: Annotated[
        bool,
        typer.Option(
            "--as-published", help="Read times and attributes by the org's published settings. Asks Kafka."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a file's columns become, with samples, and the leads as they would be read. Nothing is sent.

    Exit 1 if a column is unread: `send --strict` refuses such a file.

    Example: firstclaim vendor try leads.csv --mapping mapping.yaml
    """
    from application.importing.import_rows import AS_SENT
    from application.importing.mapping import load
    from application.importing.trial import try_file

    terms = _published(org) if as_published else AS_SENT
    with _as_file(file) as path:
        trial = try_file(path, load(using) if using else None, name, org=org, leads=leads, settings=terms)
    for title, becomes in (("Fields", "field"), ("Kept under attributes", "attribute"), ("Unread", "unread")):
        columns = [column for column in trial.columns.values() if column.becomes == becomes]
        if columns:
            typer.echo(f"{title}:")
        for column in columns:
            to = f" -> {column.field}" if column.field else ""
            unreadable = f", {column.unreadable:,} unreadable" if column.unreadable else ""
            typer.echo(
                f"  {column.column}{to}  ({column.rows:,} {'row' if column.rows == 1 else 'rows'}{unreadable})"
            )
            for sample in column.samples:
                typer.echo(f"      {sample.sent!r}{_as_read(sample)}")
    if trial.more_columns:
        typer.echo(f"Further columns are not reported: {trial.more_columns:,} values.")
    for lead in trial.leads:
        facts = ", ".join(
            f"{key} {value!r}"
            for key, value in lead.items()
            if key not in ("line", "lead_id", "attributes", "vendor", "org") and value is not False
        )
        typer.echo(f"line {lead['line']}: lead {lead['lead_id']}: {facts}")
        if lead.get("attributes"):
            typer.echo(f"    attributes: {lead['attributes']}")
    for refusal in trial.refusals:
        typer.echo(f"line {refusal.line}: refused: {refusal.sentence}")
    if trial.refused > len(trial.refusals):
        typer.echo(f"and {trial.refused - len(trial.refusals):,} more refused rows")
    typer.echo(
        f"Would be accepted: {trial.accepted:,}. Would be refused: {trial.refused:,}. Nothing was sent."
    )
    report: dict[str, Any] = trial.report()
    finish(report, as_json=as_json, ok=not trial.unread)


def _published(org: str) -> "OrgSettings":
    from application.directory.publish import read_org_settings

    return asyncio.run(read_org_settings(running(), org))


def _as_read(sample: "ValueSample") -> str:
    if str(sample.read) == sample.sent:
        return ""
    return " cannot be read" if sample.read is None else f" is read as {sample.read!r}"


@key.command("issue")
def key_issue(
    name: Annotated[str, typer.Argument(metavar="VENDOR", help="The vendor's name, as in its leads.")],
    purpose: Annotated[str, typer.Option("--name", help="The purpose of the key.")],
    org: Org = "default",
    signing_secret: Annotated[
        str | None,
        typer.Option(
            envvar="FIRSTCLAIM_SIGNING_SECRET",
            help="Posts must have the HMAC-SHA256 of their body by this secret. `new` makes one.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a key with which a vendor posts leads. It is shown only this once.

    Example: firstclaim vendor key issue acme --name "acme's server"
    """
    import secrets

    from web.store.vendor_keys import vendor_of

    vendor_name = vendor_of(name)
    shared = secrets.token_urlsafe(32) if signing_secret == "new" else signing_secret  # noqa: S105  # a word
    with open_console_store() as store, recorded_act(store, org, "vendor_key_made", "vendor-key") as entry:
        secret, issued = _keys(store).issue(
            org, vendor_name, purpose, by="command line", signing_secret=shared
        )
        entry.object = f"vendor-key/{issued.key_id}"
        for path, value in (("vendor", vendor_name), ("name", purpose), ("signs", issued.signs)):
            entry.add(path, value)
    say(f"key {issued.key_id} posts leads of {vendor_name} to {org}: POST /api/v1/leads/{quote(vendor_name)}")
    typer.echo(secret)
    if signing_secret == "new":  # noqa: S105  # a word
        say(f"signing secret: {shared}")
    finish(
        {"key_id": issued.key_id, "secret": secret, "signing_secret": shared if issued.signs else None},
        as_json=as_json,
    )


@key.command("list")
def key_list(org: Org = "default", as_json: AsJson = False) -> None:
    """List the vendors' keys that work, with their last use and how many leads they posted.

    Example: firstclaim vendor key list
    """
    with open_console_store() as store:
        keys = _keys(store).all(org)
    for issued in keys:
        used = "never used" if issued.used_at is None else f"last used {issued.used_at:%Y-%m-%d %H:%M} UTC"
        signs = ", signed" if issued.signs else ""
        typer.echo(f"{issued.key_id}  {issued.vendor}  {issued.name}{signs}")
        typer.echo(
            f"    {issued.accepted:,} accepted, {issued.refused:,} refused; made by {issued.created_by}; {used}"
        )
    typer.echo(f"{len(keys):,} keys of {org}")
    finish({"keys": [msgspec.to_builtins(issued) for issued in keys]}, as_json=as_json)


@key.command("revoke")
def key_revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `vendor key list` prints it.")],
    org: Org = "default",
    as_json: AsJson = False,
) -> None:
    """Revoke a vendor's key. It stops working with its next post. Exit 1 if there is no such key.

    Example: firstclaim vendor key revoke 3f9a1c0b7d2e4f58
    """
    with (
        open_console_store() as store,
        recorded_act(store, org, "vendor_key_revoked", f"vendor-key/{key_id[:100]}") as entry,
    ):
        revoked = _keys(store).revoke(org, key_id)
        entry.is_void = revoked is None
        if revoked is not None:
            entry.add("vendor", revoked.vendor)
            entry.add("name", revoked.name)
    say(
        f"{org} has no key {key_id}"
        if revoked is None
        else f"the key {revoked.name} of {revoked.vendor} is revoked"
    )
    finish({"key_id": key_id, "revoked": revoked is not None}, as_json=as_json, ok=revoked is not None)


@mapping.command("set")
def mapping_set(
    name: Annotated[str, typer.Argument(metavar="VENDOR", help="The vendor's name.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The mapping (YAML).")],
    org: Org = "default",
    as_json: AsJson = False,
) -> None:
    """Say how a vendor's posts are read from now on. Each mistake is named by key and reason.

    Example: firstclaim vendor mapping set meta docs/examples/vendors/meta.yaml
    """
    from application.importing.mapping import Mapping, read_yaml
    from web.store.vendor_keys import vendor_of
    from web.store.vendor_posts import Mappings

    vendor_name, value = vendor_of(name), read_yaml(file)
    Mapping(value)
    object_name = f"vendor-mapping/{vendor_name[:100]}"
    with (
        open_console_store() as store,
        recorded_act(store, org, "vendor_mapping_changed", object_name) as entry,
    ):
        Mappings(store).put(org, vendor_name, value, by="command line")
        entry.add("mapping", value)
    say(f"posts of {vendor_name} to {org} are read by {file}")
    finish({"vendor": vendor_name, "mapping": value}, as_json=as_json)


@mapping.command("show")
def mapping_show(
    name: Annotated[str, typer.Argument(metavar="VENDOR", help="The vendor's name.")],
    org: Org = "default",
    as_json: AsJson = False,
) -> None:
    """Print a vendor's mapping. Exit 1 if it has none.

    Example: firstclaim vendor mapping show meta
    """
    import yaml

    from web.store.vendor_keys import vendor_of
    from web.store.vendor_posts import Mappings

    with open_console_store() as store:
        value = Mappings(store).find(org, vendor_of(name))
    if value is None:
        say(f"{name} has no mapping in {org}: fields are read by their names")
    else:
        typer.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), nl=False)
    finish({"vendor": name, "mapping": value}, as_json=as_json, ok=value is not None)


@mapping.command("remove")
def mapping_remove(
    name: Annotated[str, typer.Argument(metavar="VENDOR", help="The vendor's name.")],
    org: Org = "default",
    as_json: AsJson = False,
) -> None:
    """Remove a vendor's mapping, so that its posts are read by the names of their fields. Exit 1 if it has none.

    Example: firstclaim vendor mapping remove meta
    """
    from web.store.vendor_keys import vendor_of
    from web.store.vendor_posts import Mappings

    vendor_name = vendor_of(name)
    object_name = f"vendor-mapping/{vendor_name[:100]}"
    with (
        open_console_store() as store,
        recorded_act(store, org, "vendor_mapping_changed", object_name) as entry,
    ):
        is_removed = Mappings(store).remove(org, vendor_name)
        entry.is_void = not is_removed
    say(
        f"the mapping of {vendor_name} is removed" if is_removed else f"{vendor_name} has no mapping in {org}"
    )
    finish({"vendor": vendor_name, "removed": is_removed}, as_json=as_json, ok=is_removed)


def _keys(store: "Engine") -> "VendorKeys":
    from web.settings import WebSettings
    from web.store.sealing import vault
    from web.store.vendor_keys import VendorKeys

    return VendorKeys(store, vault(WebSettings.read()))


@contextmanager
def _as_file(name: str) -> Iterator[Path]:
    """Yield the path of a file; stdin becomes a temporary file. Raises `typer.BadParameter`."""
    if name != "-":
        path = Path(name)
        if not path.is_file():
            raise typer.BadParameter(f"there is no file {name}", param_hint="FILE")
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="firstclaim-try-") as file:
        size = 0
        while piece := sys.stdin.buffer.read(_CHUNK):
            size += len(piece)
            if size > MAX_STDIN_BYTES:
                raise typer.BadParameter(f"stdin has more than {MAX_STDIN_BYTES:,} bytes", param_hint="FILE")
            file.write(piece)
        file.flush()
        yield Path(file.name)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    vendor.add_typer(key, name="key")
    vendor.add_typer(mapping, name="mapping")
    app.add_typer(vendor, name="vendor")
