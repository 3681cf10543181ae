"""Writes `docs/contracts/` from the models: `python -m tools.contracts`. A test compares the two.

There is one JSON Schema (2020-12) for each topic, and for each kind of `directory` object, and an AsyncAPI document of
all topics (`tools.asyncapi`). The schema of an inbound
message describes what is always accepted; intake accepts more (docs/contracts/README.md).
"""

import json
from collections.abc import Callable
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from models import public
from models.audit import AUDIT, AuditRecord
from models.facts import Facts
from models.inbound import Action, Arrival, Listing
from models.publication import KINDS
from tools import asyncapi, field_tables

if TYPE_CHECKING:
    from pydantic import BaseModel

FOLDER: Final = Path(__file__).parent.parent / "docs" / "contracts"
FIELDS: Final = Path(__file__).parent.parent / "docs/contracts/fields.md"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """Return every schema by its file name without `.schema.json`."""
    inbound: dict[str, type[BaseModel]] = {
        "lead-arrivals": Arrival,
        "lead-actions": Action,
        "do-not-contact": Listing,
    }
    for kind, (model, _) in KINDS.items():
        inbound[f"directory-{kind}"] = model
    by_name = {name: model.model_json_schema(mode="validation") for name, model in inbound.items()}
    outbound: dict[str, tuple[type[msgspec.Struct], ...]] = {
        public.LEAD_DECISIONS: (public.LeadDecision,),
        public.ASSIGNMENTS: (public.Assignment,),
        public.LEAD_EXCEPTIONS: (public.LeadException,),
        public.QUEUE_CHANGES: (public.QueueChange, public.QueueDefinition),
        public.NOTIFICATIONS: (public.Notification,),
        public.DELIVERIES: (public.Delivery,),
        public.CALLS: (public.Call,),
        public.VENDOR_REPORTS: (public.VendorReport,),
        AUDIT: (AuditRecord,),
        f"{public.DEAD_LETTERS}-headers": (public.DeadLetterHeaders,),
    }
    by_name |= {name: _of_structs(*structs) for name, structs in outbound.items()}
    facts = _of_structs(Facts)
    by_name[public.ASSIGNMENTS]["properties"]["lead"] = {
        **facts,
        "description": "The arrival's facts, normalised.",
        "required": sorted(facts["properties"]),
    }
    return {name: {"$schema": DIALECT, **schema, "title": name} for name, schema in sorted(by_name.items())}


def _of_structs(*structs: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the schema of a message that is one of these structs."""
    _, definitions = msgspec.json.schema_components(structs, ref_template="#/$defs/{name}")
    for definition in definitions.values():
        definition["description"] = cleandoc(definition.get("description", ""))
        for name, schema in definition.get("properties", {}).items():
            if name.endswith(("_at", "-at")):
                (schema["anyOf"][0] if "anyOf" in schema else schema)["format"] = "date-time"
    tops = [definitions.pop(struct.__name__) for struct in structs]
    top: dict[str, Any] = tops[0] if len(tops) == 1 else {"anyOf": tops}
    return {**top, "$defs": definitions} if definitions else top


def schema_files() -> dict[Path, str]:
    """Return the file of every schema and its required text."""
    return {FOLDER / f"{name}.schema.json": _text(schema) for name, schema in schemas().items()}


def files() -> dict[Path, str]:
    """Return every committed file and its required text."""
    return {
        **schema_files(),
        FOLDER / "asyncapi.json": _text(asyncapi.document()),
        FIELDS: field_tables.page(schemas()),
    }


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(report: Callable[[str], None]) -> None:
    """Write files that differ, remove schemas that no longer exist, and report each."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    expected = files()
    for path in sorted({*expected, *FOLDER.glob("*.schema.json")}):
        if path not in expected:
            path.unlink()
            report(f"removed {path.name}")
        elif not path.exists() or path.read_text(encoding="utf-8") != expected[path]:
            path.write_text(expected[path], encoding="utf-8")
            report(f"wrote {path.name}")


if __name__ == "__main__":
    write(print)
