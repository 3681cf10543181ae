"""A directory file is read completely or refused completely, and a written file reads as the same directory."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from application.directory.directory_file import read_directory, write_directory
from application.directory.objects import SETTINGS, ordered
from application.directory.references import missing_references
from models.errors import PublicationErrors
from models.events import DirectoryPublished
from rules.org.directory import OrgDirectory
from rules.queues.rule_book import RuleBook

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


def read_objects(text: str) -> dict[tuple[str, str], dict[str, Any] | None]:
    """Return the objects of a file that is accepted."""
    return read_directory(text.encode(), "file.yaml")[1]


REFUSED = {
    "no YAML": ("reps: [", ["file.yaml: cannot be read"]),
    "no UTF-8": (b"org: \xff", ["file.yaml: cannot be read"]),
    "a tag that does not fit": ("reps: !!int seven", ["file.yaml: cannot be read"]),
    "nothing": ("", ["file.yaml: must be an object of sections"]),
    "a list": ("- reps", ["file.yaml: must be an object of sections"]),
    "a key twice": ("reps:\n  rep-1: {}\n  rep-1: {}\n", ["rep-1 occurs twice", "line 3"]),
    "an id twice, spelled otherwise": ("reps: {7: {}, '7': {}}", ["7 occurs twice"]),
    "an id that is no text": ("reps: {null: {}}", ["reps.None: the id must be text"]),
    "an id nobody can type": ('reps: {"a\\nb": {}}', ["contains control characters"]),
    "an unknown section": ("rep: {}", ["rep: is not a section; the sections are org, settings, reps"]),
    "an org nobody can have": ("org: a/b\nreps: {}", ["org: must be 1 to 64 letters"]),
    "a section that is a list": ("reps: []", ["reps: must be an object that maps ids to definitions"]),
    "settings": ("settings: {lock_minutes: 0}", ["settings.lock_minutes: must be greater than 0"]),
    "an object that is none": ("queues: {new: 7}", ["queues.new: must be an object"]),
    "an id beside its key": ("reps: {a: {rep_id: b}}", ["reps.a.rep_id: is not the id a"]),
    "a weight": (
        "groups: {west: {method: roster, members: [{rep_id: a}, {rep_id: b}, {rep_id: c, weight: 0}]}}",
        ["groups.west.members[2].weight: must be greater than or equal to 1"],
    ),
    "a member twice": (
        "groups: {west: {method: roster, members: [{rep_id: a}, {rep_id: a}]}}",
        ["groups.west: a is on the roster twice"],
    ),
    "a method": ("groups: {west: {method: lottery}}", ["groups.west.method: must be"]),
    "a campaign": ("campaigns: {web: {group_id: [west]}}", ["campaigns.web.group_id: must be"]),
    "rules": (
        "groups: {west: {method: queue, filter: {rules: [{field: stat, operator: '='}]}}}",
        ["groups.west.filter.rules[0]: stat =: there is no such field"],
    ),
    "too much for one message": (f"reps: {{a: {{note: {'x' * 300_000}}}}}", ["reps.a: ", "are allowed"]),
    "itself inside itself": ("reps: {a: &a {note: *a}}", ["an alias contains itself"]),
    "everything that is wrong at once": (
        "reps: {a: {role: boss}}\nqueues: {b: {columns: [x]}}\ncampaigns: {c: 1}",
        ["reps.a.role", "queues.b.columns[0]", "campaigns.c: must be an object"],
    ),
}


@pytest.mark.parametrize(("content", "expected"), REFUSED.values(), ids=REFUSED)
def test_q6_a_wrong_file_is_refused_with_every_path_and_reason(
    content: str | bytes, expected: list[str]
) -> None:
    """Q6: every error in a file is named with its path, all at once."""
    with pytest.raises(PublicationErrors) as refused:
        read_directory(content if isinstance(content, bytes) else content.encode(), "file.yaml")
    problems = "\n".join(map(str, refused.value.problems))
    for message in expected:
        assert message in problems


READ = {
    "times without quotes": (
        "reps: {a: {hours: [{days: [mon], from: 09:30, to: 20:00}]}}",
        ("rep", "a"),
        {"rep_id": "a", "hours": [{"days": ["mon"], "from": "09:30", "to": "20:00"}]},
    ),
    "instants without quotes": (
        "reps: {a: {absences: [{from: 2026-12-21T00:00:00-06:00, to: 2027-01-04T00:00:00-06:00}]}}",
        ("rep", "a"),
        {
            "rep_id": "a",
            "absences": [{"from": "2026-12-21T00:00:00-06:00", "to": "2027-01-04T00:00:00-06:00"}],
        },
    ),
    "numbers": (
        "reps: {a: {max_open: 1_000, score: 1.5}}",
        ("rep", "a"),
        {"rep_id": "a", "max_open": 1000, "score": 1.5},
    ),
    "nulls are not given": ("reps: {a: {name: null}}", ("rep", "a"), {"rep_id": "a"}),
    "a null object is removed": ("reps: {a: null}", ("rep", "a"), None),
    "what is said once": (
        "reps: {a: {hours: &h [{days: [sat], from: '09:00', to: '24:00'}]}, b: {hours: *h}}",
        ("rep", "b"),
        {"rep_id": "b", "hours": [{"days": ["sat"], "from": "09:00", "to": "24:00"}]},
    ),
    "what is merged and overridden": (
        "reps: {a: &a {name: A, role: admin}, b: {<<: *a, name: B}}",
        ("rep", "b"),
        {"rep_id": "b", "name": "B", "role": "admin"},
    ),
    "empty settings are the defaults, published": ("settings: {}", SETTINGS, {}),
    "a claimable queue has no outcomes": (
        "queues: {new: {claimable: true, outcomes: [sold]}}",
        ("queue", "new"),
        {"queue_id": "new", "claimable": True, "outcomes": []},
    ),
    "JSON": ('{"reps": {"a": {"name": "A"}}}', ("rep", "a"), {"rep_id": "a", "name": "A"}),
}


@pytest.mark.parametrize(("text", "key", "value"), READ.values(), ids=READ)
def test_an_object_is_read_in_its_normal_form(text: str, key: tuple[str, str], value: Any) -> None:
    """Comparison and publication use the engine's form, whatever the spelling in the file (Q5)."""
    assert read_objects(text)[key] == value


@settings(max_examples=60, deadline=None)
@given(
    name=st.text(max_size=40),
    note=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    ),
)
def test_what_is_written_reads_as_what_it_was(name: str, note: Any) -> None:
    """Any JSON an object may carry survives the file, unknown fields included."""
    content = msgspec.json.encode({"reps": {"a": {"name": name, "note": note}}})
    try:
        org, objects = read_directory(content, "first")
    except PublicationErrors:
        reject()
    written = write_directory(org, {key: value for key, value in objects.items() if value is not None})
    assert read_directory(written.encode(), "second") == (org, objects)


def test_a_file_is_written_in_one_order() -> None:
    """Sections, then ids in natural order, then the contract's fields. So a diff shows only changes."""
    mixed = (
        "queues: {b: {}, a: {}}\nreps: {rep-10: {teams: [x], name: T}, rep-2: {}, Rep-1: {}}\nsettings: {}"
    )
    objects = {key: value for key, value in read_objects(mixed).items() if value is not None}
    assert ordered(objects) == [
        SETTINGS,
        *(("rep", name) for name in ("Rep-1", "rep-2", "rep-10")),
        *(("queue", name) for name in ("a", "b")),
    ]
    assert write_directory("default", objects).splitlines() == [
        "org: default",
        "settings: {}",
        "reps:",
        "  Rep-1: {}",
        "  rep-2: {}",
        "  rep-10:",
        "    name: T",
        "    teams:",
        "    - x",
        "queues:",
        "  a: {}",
        "  b: {}",
    ]


@pytest.mark.parametrize("name", ["directory.yaml", "lender.yaml"])
def test_q6_the_examples_can_be_published(name: str) -> None:
    """Q6: the documented examples are accepted unchanged, including references, and compile."""
    org, objects = read_directory((EXAMPLES / name).read_bytes(), name)
    assert org == "default"
    assert missing_references({}, objects, is_open=True) == ()
    rule_book, directory = RuleBook(), OrgDirectory()
    for version, ((kind, object_id), value) in enumerate(objects.items()):
        event = DirectoryPublished(
            lead_id="", cause="c", org=org, kind=kind, object_id=object_id, version=version, value=value
        )
        rule_book, directory = rule_book.publish(event), directory.publish(event)
    assert not rule_book.org(org).problems
    assert not directory.problems


def test_the_lender_is_what_it_says() -> None:
    """3 teams, 24 loan officers, 6 groups of every method, 5 campaigns; licences, hours, zones and caps for all."""
    objects = {
        key: value
        for key, value in read_objects((EXAMPLES / "lender.yaml").read_text("utf-8")).items()
        if value
    }
    kinds = Counter(kind for kind, _ in objects)
    assert kinds == {"settings": 1, "rep": 27, "group": 6, "campaign": 5, "queue": 4}
    reps = [value for (kind, _), value in objects.items() if kind == "rep"]
    assert Counter(rep["role"] for rep in reps if "role" in rep) == {"admin": 1, "manager": 2}
    officers = [rep for rep in reps if "role" not in rep]
    assert Counter(team for rep in officers for team in rep["teams"]) == {"west": 8, "central": 8, "east": 8}
    needed = {"name", "email", "phone", "licensed_states", "hours", "time_zone", "max_open", "max_per_day"}
    for officer in officers:
        assert needed <= officer.keys()
        assert officer["email"].endswith("@example.org")
        assert "-555-01" in officer["phone"]
    assert len({rep["phone"] for rep in reps}) == len({rep["email"] for rep in reps}) == len(reps)
    groups = {object_id: value for (kind, object_id), value in objects.items() if kind == "group"}
    assert Counter(group["method"] for group in groups.values()) == {
        "round_robin": 2,
        "roster": 1,
        "ring_all": 1,
        "distribute_all": 1,
        "queue": 1,
    }
    for field in ("filter", "claim_window_seconds", "ring_seconds", "pause"):
        assert any(field in group for group in groups.values())
    assert any(member.get("weight", 1) > 1 for group in groups.values() for member in group["members"])
