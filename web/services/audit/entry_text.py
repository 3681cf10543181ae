"""Says in one sentence what an entry of the audit is about: "Ann Lee opened the lead Jeremy Jones."."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from models.audit import AuditRecord
from rules.queues.rule_book import OrgRules
from web.auth import SCOPES
from web.services.audit.change_text import changes_text
from web.services.audit.value_words import readable
from web.services.names import Names
from web.services.rule_words import field_label, rule_text, value_text

ACT_LABELS: Final = {
    "signed_in": "signed in",
    "sign_in_failed": "failed to sign in",
    "signed_out": "signed out",
    "session_ended": "ended sessions",
    "password_changed": "changed a password",
    "second_factor_set_up": "set up a second factor",
    "second_factor_removed": "removed a second factor",
    "second_factor_reset": "reset a second factor",
    "account_added": "added an account",
    "account_invited": "invited a person",
    "password_link_mailed": "asked for a link to set a password",
    "account_disabled": "disabled an account",
    "account_unbound": "released an account from its provider",
    "token_made": "made a token",
    "token_revoked": "revoked a token",
    "vendor_key_made": "made a vendor's key",
    "vendor_key_revoked": "revoked a vendor's key",
    "vendor_mapping_changed": "changed a vendor's mapping",
    "leads_uploaded": "uploaded a file of leads",
    "published": "published",
    "removed": "removed from the directory",
    "exported": "exported leads",
    "lead_opened": "opened a lead",
    "lead_assigned": "assigned leads",
    "lead_reassigned": "reassigned leads",
    "lead_unassigned": "took leads from their owner",
    "lead_redistributed": "distributed leads again",
    "lead_reopened": "reopened leads",
    "lead_corrected": "corrected facts of leads",
    "lead_merged": "merged leads",
    "lead_split": "split a lead",
    "consent_recorded": "recorded consent",
    "erased": "erased a person",
    "dead_letter_replayed": "sent a dead letter again",
    "dead_letter_skipped": "skipped a dead letter",
    "do_not_contact_added": "added to the do-not-contact list",
    "do_not_contact_removed": "removed from the do-not-contact list",
    "audit_exported": "exported the audit",
    "state_exported": "exported everything that Kafka has",
    "state_imported": "imported everything from another Kafka",
}
"""Act -> its label in the filter."""
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_UNKNOWN: Final = " It may not have happened: it was interrupted, or no answer came."


class EntryNames(msgspec.Struct, frozen=True):
    """The names of what entries are about. `leads`, `tokens`: id -> name. `former`: removed object -> its last name."""

    rules: OrgRules
    leads: Mapping[str, str] = {}
    tokens: Mapping[str, str] = {}
    former: Mapping[str, str] = {}

    @property
    def names(self) -> Names:
        """The names of the org's objects, also of removed ones."""
        return Names(self.rules, self.former)

    def rep(self, rep_id: str) -> str:
        """Return a rep's name."""
        return self.names.rep(rep_id) if rep_id else rep_id

    def who(self, record: AuditRecord) -> str:
        """Return who acted."""
        if not record.actor or record.act == "sign_in_failed":
            return "Somebody"  # the actor is the account that was tried
        name = self.rep(record.actor)
        if record.actor_kind == "token":
            return f"The token {self.tokens.get(record.token_id or '', 'of a program')} of {name}"
        if record.actor_kind == "process" and record.from_host:
            return f"{name}, by a command,"
        return name[:1].upper() + name[1:]

    def object(self, object_name: str, *, actor: str = "") -> str:
        """Return what an act is about. `actor`: who acted, for an act on one's own account."""
        kind, _, name = object_name.partition("/")
        match kind:
            case "account":
                return "their own account" if name == actor else f"the account of {self.rep(name)}"
            case "lead":
                return (
                    f"the lead {self.leads[name]}"
                    if name in self.leads
                    else "a lead that is not known any more"
                )
            case "token":
                return f"the token {self.tokens.get(name, name)}"
            case "rep":
                return f"the rep {self.rep(name)}"
            case "settings":
                return "the settings"
            case "queue" | "group" | "campaign":
                published = self.rules.objects.get((kind, name))
                value = published.value if published else None
                return f"the {kind} {(value or {}).get('name') or self.former.get(object_name) or name}"
            case "dead-letter":
                return f"the dead letter {name}"
        return f"{kind.replace('-', ' ')} {name}".strip()


def is_removed(rules: OrgRules, object_name: str) -> bool:
    """Say whether an entry is about an object of the directory that the org no longer has. `object_name`: kind, id."""
    kind, _, name = object_name.partition("/")
    published = rules.objects.get((kind, name))
    return kind in ("rep", "queue", "group", "campaign") and (published is None or published.value is None)


def entry_text(record: AuditRecord, entry_names: EntryNames) -> str:
    """Return an entry as one sentence."""
    used = {difference.path: difference.new for difference in record.difference}
    say = _SAY.get(record.act)
    text = (
        f"{ACT_LABELS[record.act]}: {entry_names.object(record.object)}"
        if say is None
        else say(record, used, entry_names)
    )
    return f"{entry_names.who(record)} {text}." + (_UNKNOWN if record.outcome == "unknown" else "")


_Said = Callable[[AuditRecord, Mapping[str, Any], EntryNames], str]


def _signed_in(_: AuditRecord, used: Mapping[str, Any], __: EntryNames) -> str:
    method = "the company's account" if used.get("method") == "oidc" else "password"
    return f"signed in by {method} with {used.get('browser') or 'an unknown browser'}"


def _failed(record: AuditRecord, _: Mapping[str, Any], entry_names: EntryNames) -> str:
    name = record.object.partition("/")[2]
    return (
        f"failed to sign in as {entry_names.rep(name)}"
        if name
        else "failed to sign in with an unknown address"
    )


def _published(record: AuditRecord, _: Mapping[str, Any], entry_names: EntryNames) -> str:
    is_new = any(
        difference.old is None and difference.path in ("name", "rep_id") for difference in record.difference
    )
    changes = changes_text(record.difference, is_new=is_new, names=entry_names.names)
    new = "new " if is_new else ""
    subject = entry_names.object(record.object).replace("the ", f"the {new}", 1)
    return f"published {subject}" + (f": {changes}" if changes else "")


def _token_made(_: AuditRecord, used: Mapping[str, Any], entry_names: EntryNames) -> str:
    may = ", ".join(SCOPES.get(scope, scope) for scope in used.get("scopes") or ())
    until = str(used.get("expires_at") or "")[:10]
    rep_name = entry_names.rep(str(used.get("rep_id")))
    return f"made the token {used.get('name')} for {rep_name}, until {until}: it may {may}"


def _token_revoked(_: AuditRecord, used: Mapping[str, Any], entry_names: EntryNames) -> str:
    return f"revoked the token {used.get('name')} of {entry_names.rep(str(used.get('rep_id')))}"


def _exported(_: AuditRecord, used: Mapping[str, Any], entry_names: EntryNames) -> str:
    rows = used.get("rows")
    names = entry_names.names
    narrowed = [
        f"{_filter_label(name)} {_filter_value(name, value, names)}"
        for name, value in used.items()
        if name not in ("rows", "columns", "sort")
    ]
    count = "leads" if rows is None else "1 lead" if rows == 1 else f"{rows:,} leads"
    return f"exported {count}" + (f" with {'; '.join(narrowed)}" if narrowed else ", without a filter")


def _filter_label(name: str) -> str:
    base, _, side = name.partition(".")
    return f"{field_label(base).lower()} {side}".strip()


def _filter_value(name: str, value: Any, names: Names) -> str:
    if isinstance(value, dict):
        return rule_text(value, names=names)
    return value_text(readable(name.partition(".")[0], value, names))


def _moved(record: AuditRecord, used: Mapping[str, Any], entry_names: EntryNames) -> str:
    verb = {
        "lead_assigned": "assigned",
        "lead_reassigned": "reassigned",
        "lead_unassigned": "took from its owner",
        "lead_redistributed": "distributed again",
        "lead_reopened": "reopened",
        "lead_merged": "merged",
        "lead_split": "split",
    }[record.act]
    subject = entry_names.object(record.object)
    if record.object == "leads":
        subject = f"{used.get('done', 0):,} of {used.get('leads', 0):,} leads"
    to = used.get("to_rep_id")
    names = ", ".join(entry_names.rep(rep_id) for rep_id in ([to] if isinstance(to, str) else to or ()))
    into = (
        f" into {entry_names.object('lead/' + str(used['into_lead_id']))}" if "into_lead_id" in used else ""
    )
    return f"{verb} {subject}{into}" + (f" to {names}" if names else "")


def _corrected(record: AuditRecord, used: Mapping[str, Any], entry_names: EntryNames) -> str:
    fields = ", ".join(str(name).replace("_", " ") for name in used.get("facts") or ())
    return f"corrected {fields} of {entry_names.object(record.object)}"


def _letter(record: AuditRecord, used: Mapping[str, Any], _: EntryNames) -> str:
    if position := used.get("passed_over"):
        return f"passed over the message at {_position(str(position))}"
    if "letters" in used:
        count = used["letters"]
        subject = "1 dead letter" if count == 1 else f"{count:,} dead letters"
    else:
        failure = _CAMEL.sub(" ", str(used.get("error_class") or "unknown failure")).lower()
        source = _position(str(used.get("source") or "an unknown position"))
        subject = f"the dead letter of the message at {source} ({failure})"
    return f"sent {subject} again" if record.act == "dead_letter_replayed" else f"skipped {subject}"


def _position(source: str) -> str:
    """Return where a message is: "lead-arrivals, partition 2, offset 7"."""
    topic, *rest = source.split(":")
    return f"{topic}, partition {rest[0]}, offset {rest[1]}" if len(rest) == 2 else source  # noqa: PLR2004


def _vendor_key(record: AuditRecord, used: Mapping[str, Any], _: EntryNames) -> str:
    verb = "made" if record.act == "vendor_key_made" else "revoked"
    return f"{verb} the key {used.get('name') or 'without a name'} of the vendor {used.get('vendor') or 'unknown'}"


def _vendor_mapping(record: AuditRecord, _: Mapping[str, Any], __: EntryNames) -> str:
    kind, vendor = record.object.partition("/")[::2]
    messages = "files" if kind == "vendor-file-mapping" else "posts"
    return f"changed how {messages} of the vendor {vendor} are read"


def _erased(_: AuditRecord, used: Mapping[str, Any], entry_names: EntryNames) -> str:
    leads = used.get("leads")
    count = len(leads) if isinstance(leads, list) else int(leads or 0)
    by = used.get("by")
    text = f"erased a person with {count:,} {'lead' if count == 1 else 'leads'}"
    return f"{text} for {entry_names.rep(str(by))}" if by else text


def _sessions(_: AuditRecord, used: Mapping[str, Any], __: EntryNames) -> str:
    ended = used.get("sessions")
    if not ended:
        return "found no other session to end" if ended == 0 else "ended sessions"
    return "ended 1 of their sessions" if ended == 1 else f"ended {ended:,} of their sessions"


_USED: Final = ("email", "handles", "entries", "rows", "vendor", "records", "partitions")


def _plain(template: str) -> _Said:
    def say(record: AuditRecord, used: Mapping[str, Any], entry_names: EntryNames) -> str:
        subject = entry_names.object(record.object, actor=record.actor)
        return template.format(
            of=subject,
            whose=subject.replace("the account of ", "").replace("their own account", "their own"),
            **{name: value_text(used.get(name)) for name in _USED},
        )

    return say


_SAY: Final[Mapping[str, _Said]] = {
    "signed_in": _signed_in,
    "sign_in_failed": _failed,
    "signed_out": _plain("signed out"),
    "session_ended": _sessions,
    "password_changed": _plain("changed the password of {of}"),
    "second_factor_set_up": _plain("set up a second factor for {of}"),
    "second_factor_removed": _plain("removed the second factor of {of}"),
    "second_factor_reset": _plain("reset the second factor of {of}"),
    "account_added": _plain("added {of}, or changed its password"),
    "account_invited": _plain("invited {whose} as {email}"),
    "password_link_mailed": _plain("asked for a link to set the password of {of}"),
    "account_disabled": _plain("disabled {of}"),
    "account_unbound": _plain("released {of} from the sign-in provider"),
    "token_made": _token_made,
    "token_revoked": _token_revoked,
    "leads_uploaded": _plain("uploaded {rows} rows of leads of {vendor}"),
    "published": _published,
    "removed": _plain("removed {of}"),
    "vendor_key_made": _vendor_key,
    "vendor_key_revoked": _vendor_key,
    "vendor_mapping_changed": _vendor_mapping,
    "erased": _erased,
    "exported": _exported,
    "lead_opened": _plain("opened {of}"),
    **dict.fromkeys(
        (
            "lead_assigned",
            "lead_reassigned",
            "lead_unassigned",
            "lead_redistributed",
            "lead_reopened",
            "lead_merged",
            "lead_split",
        ),
        _moved,
    ),
    "lead_corrected": _corrected,
    "consent_recorded": _plain("recorded consent to be contacted for {of}"),
    "dead_letter_replayed": _letter,
    "dead_letter_skipped": _letter,
    "do_not_contact_added": _plain("added {handles} entries to the do-not-contact list"),
    "do_not_contact_removed": _plain("removed {handles} entries from the do-not-contact list"),
    "audit_exported": _plain("exported {entries} entries of the audit"),
    "state_exported": _plain(
        "exported everything that Kafka has: {records} records from {partitions} partitions"
    ),
    "state_imported": _plain(
        "imported everything from another Kafka: {records} records into {partitions} partitions"
    ),
}
