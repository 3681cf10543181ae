"""Says in words what a record of a topic means. It never raises: the text says if a record cannot be read."""

from typing import Any

import msgspec

from streams.topics import (
    ASSIGNMENTS,
    CALLS,
    DEAD_LETTERS,
    DELIVERIES,
    DIRECTORY,
    DO_NOT_CONTACT,
    LEAD_ACTIONS,
    LEAD_ARRIVALS,
    LEAD_DECISIONS,
    LEAD_EXCEPTIONS,
    LEAD_JOURNAL,
    LEAD_LOG,
    NOTIFICATIONS,
    ORG_JOURNAL,
    ORG_LOG,
    QUEUE_CHANGES,
)


def record_text(record: Any) -> str:
    """Return one line about a record of aiokafka."""
    if record.topic == DEAD_LETTERS:
        return _dead_letter(record)
    if record.value is None:
        return "removed"
    try:
        value = msgspec.json.decode(record.value)
        return _TEXTS[record.topic](value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, LookupError, TypeError, AttributeError):
        return f"{len(record.value)} bytes that cannot be read"


def _dead_letter(record: Any) -> str:
    headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers or ()}
    return f"could not be handled ({headers.get('error-class', '?')}): {headers.get('reason', '?')}"


def _in_words(name: Any) -> str:
    return str(name).replace("_", " ")


def _listed(names: list[str]) -> str:
    """Return words in order, each once: `queue left, owner changed`."""
    return ", ".join(dict.fromkeys(_in_words(name) for name in names)) or "nothing changed"


def _arrival(value: dict[str, Any]) -> str:
    data = value.get("data")
    sent = data if isinstance(data, dict) and "specversion" in value else value
    return f"{sent.get('vendor') or 'somebody'} sent a lead"


def _action(value: dict[str, Any]) -> str:
    data = value.get("data")
    sent = data if isinstance(data, dict) and "specversion" in value else value
    return f"{sent.get('rep_id') or 'somebody'} asked: {_in_words(sent.get('type', '?'))}"


def _log_event(value: dict[str, Any]) -> str:
    if value["type"] == "action_requested":
        return f"{value['rep_id']} asks: {_in_words(value['action'])}"
    if value["type"] == "deadline_passed":
        return f"a deadline passed: {_in_words(value['kind'])}"
    return _in_words(value["type"])


def _journal_row(value: dict[str, Any]) -> str:
    if value["row"] == "directory":
        return f"the {_in_words(value['kind'])} {value['object_id']} was published"
    names = [_in_words(decision["type"]) for decision in value.get("decisions", ())]
    phase = f"; it is {value['lead']['phase']}" if value.get("lead") else ""
    return f"version {value['seq']}: {_listed(names)}{phase}"


def _org_record(value: dict[str, Any]) -> str:
    if value["row"] != "org_step":
        return "a row of the org was kept"
    return f"the org decided: {_listed([decision['type'] for decision in value.get('decisions', ())])}"


def _decision(value: dict[str, Any]) -> str:
    reason = f" ({_in_words(value['reason'])})" if value.get("reason") else ""
    return f"the answer to {value['rep_id']}: {_in_words(value['type'])} {value['result']}{reason}"


def _assignment(value: dict[str, Any]) -> str:
    sentence = f"{value['rep_id']} has it" if value["rep_id"] else "nobody has it"
    return f"{sentence} (by {_in_words(value['how'])})"


def _exception(value: dict[str, Any]) -> str:
    reason = f": {_in_words(value['reason'])}" if value.get("reason") else ""
    return f"the exception is {value['status']}{reason}"


def _change(value: dict[str, Any]) -> str:
    kind, _, rep_id = str(value["queue_id"]).partition("/")
    queue = f"the own queue of {rep_id}" if kind == "rep" and rep_id else f"queue {value['queue_id']}"
    return f"{value['change']} {queue}"


def _notice(value: dict[str, Any]) -> str:
    sentence = f"{_in_words(value['kind'])} to {value['rep_id']}: {_in_words(value['template'])}"
    return f"{sentence} is withdrawn" if value.get("withdrawn") else sentence


def _fate(value: dict[str, Any]) -> str:
    detail = f" ({value['detail']})" if value.get("detail") else ""
    return f"{_in_words(value['channel'])} to {value['rep_id']}: {value['status']}{detail}"


def _call(value: dict[str, Any]) -> str:
    return f"the telephone of the {value['leg']}: {_in_words(value['event'])}"


_TEXTS = {
    LEAD_ARRIVALS: _arrival,
    LEAD_ACTIONS: _action,
    DIRECTORY: lambda _: "an object was published",
    DO_NOT_CONTACT: lambda _: "a phone or mail address was listed",
    ORG_LOG: lambda value: _in_words(value["type"]),
    ORG_JOURNAL: _org_record,
    LEAD_LOG: _log_event,
    LEAD_JOURNAL: _journal_row,
    LEAD_DECISIONS: _decision,
    ASSIGNMENTS: _assignment,
    LEAD_EXCEPTIONS: _exception,
    QUEUE_CHANGES: _change,
    NOTIFICATIONS: _notice,
    DELIVERIES: _fate,
    CALLS: _call,
}
