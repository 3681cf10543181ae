"""The effect of applying a file is reported exactly, and a file that would break the directory is refused."""

from typing import Any

import pytest

from application.directory.changes import Difference, differences, plan
from application.directory.references import missing_references

Objects = dict[tuple[str, str], Any]
REPS: Objects = {("rep", name): {"rep_id": name} for name in ("a", "b")}
WEST: Objects = {("group", "west"): {"group_id": "west", "members": [{"rep_id": "a"}, {"rep_id": "b"}]}}
WEB: Objects = {("campaign", "web"): {"campaign_id": "web", "group_id": "west"}}
ALL: Objects = {**REPS, **WEST, **WEB}

DANGLING: dict[str, tuple[Objects, Objects, bool, list[str]]] = {
    "everything is in the file": ({}, ALL, False, []),
    "everything is published": (ALL, WEST | WEB, False, []),
    "a member nobody knows": (
        {("rep", "a"): REPS["rep", "a"]},
        WEST,
        False,
        ["groups.west.members[1].rep_id: there is no rep b, neither in the file nor published"],
    ),
    "anyone is a member in an open org": ({}, WEST, False, []),
    "a file with its first rep closes the org": (
        {},
        {("rep", "a"): REPS["rep", "a"], **WEST},
        False,
        ["groups.west.members[1].rep_id: there is no rep b, neither in the file nor published"],
    ),
    "a group nobody knows": (
        REPS,
        WEB,
        False,
        ["campaigns.web.group_id: there is no group west, neither in the file nor published"],
    ),
    "a campaign without a group": ({}, {("campaign", "web"): {"campaign_id": "web"}}, False, []),
    "a rep that is still needed": (
        ALL,
        {("rep", "b"): None},
        False,
        ["reps.b: cannot be removed: groups.west.members[1].rep_id needs it"],
    ),
    "a rep that was needed": (
        ALL,
        {("rep", "b"): None, ("group", "west"): {"group_id": "west", "members": [{"rep_id": "a"}]}},
        False,
        [],
    ),
    "a group that is still needed": (
        ALL,
        {("group", "west"): None},
        False,
        ["groups.west: cannot be removed: campaigns.web.group_id needs it"],
    ),
    "what was broken before is not the file's": (WEST | WEB, {("queue", "new"): {}}, False, []),
    "pruned away under a member": (
        ALL,
        {("rep", "a"): REPS["rep", "a"], **WEST},
        True,
        ["groups.west.members[1].rep_id: there is no rep b, neither in the file nor published"],
    ),
    "pruned away with who needed it": (ALL, REPS, True, []),
}


@pytest.mark.parametrize(("before", "after", "prune", "problems"), DANGLING.values(), ids=DANGLING)
def test_q6_a_file_that_would_point_nowhere_is_refused(
    before: Objects, after: Objects, prune: bool, problems: list[str]
) -> None:
    """Q6: a roster may only name reps, and a campaign a group, that exist in the resulting directory."""
    is_open = not any(kind == "rep" for kind, _ in before)
    missing = missing_references(before, after, is_open=is_open, prune=prune)
    assert [str(problem) for problem in missing] == problems


def test_an_org_whose_last_rep_was_removed_stays_closed() -> None:
    """It once had reps, so an unknown rep on a roster is an error."""
    assert missing_references({}, WEST, is_open=False)
    assert not missing_references({}, WEST, is_open=True)


DIFFERENT: dict[str, tuple[Any, Any, list[tuple[str, Any, Any]]]] = {
    "nothing": ({"a": {"b": [1]}}, {"a": {"b": [1]}}, []),
    "the order of fields": ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
    "a field": ({"name": "A"}, {"name": "B"}, [("name", "A", "B")]),
    "a field that is new": ({}, {"name": "B"}, [("name", None, "B")]),
    "a field that is gone": ({"name": "A"}, {}, [("name", "A", None)]),
    "one of a list of objects": (
        {"members": [{"rep_id": "a"}, {"rep_id": "b", "weight": 1}]},
        {"members": [{"rep_id": "a"}, {"rep_id": "b", "weight": 2}]},
        [("members[1].weight", 1, 2)],
    ),
    "one more object": ({"m": [{"a": 1}]}, {"m": [{"a": 1}, {"a": 2}]}, [("m[1]", None, {"a": 2})]),
    "one object less": ({"m": [{"a": 1}]}, {"m": []}, [("m[0]", {"a": 1}, None)]),
    "a list of texts": ({"teams": ["a", "b"]}, {"teams": ["b"]}, [("teams", ["a", "b"], ["b"])]),
    "what Python takes for the same": (
        {"value": 1, "n": 60},
        {"value": True, "n": 60},
        [("value", 1, True)],
    ),
}


@pytest.mark.parametrize(("old", "new", "paths"), DIFFERENT.values(), ids=DIFFERENT)
def test_a_difference_is_named_by_its_path(old: Any, new: Any, paths: list[tuple[str, Any, Any]]) -> None:
    """The path of the smallest differing part comes with its old and its new value."""
    assert list(differences(old, new)) == [Difference(*path) for path in paths]


def test_a_plan_publishes_what_differs_and_removes_last() -> None:
    """Objects are published in the order of the sections.

    Removals come in reverse order, so that no reference is broken.
    """
    after: Objects = {
        ("rep", "a"): {"rep_id": "a", "max_open": 4},
        ("rep", "b"): REPS["rep", "b"],
        ("rep", "ghost"): None,
        ("queue", "new"): {"queue_id": "new"},
    }
    unpruned, pruned = (plan(ALL, after, prune=prune) for prune in (False, True))
    assert list(unpruned.objects) == [("rep", "a"), ("queue", "new")]
    assert (unpruned.unchanged, unpruned.unlisted) == (2, (("group", "west"), ("campaign", "web")))
    assert list(pruned.objects) == [*unpruned.objects, ("campaign", "web"), ("group", "west")]
    assert pruned.unlisted == ()
    assert [line for change in pruned.changes for line in change.lines()] == [
        "~ rep/a",
        "    max_open: nothing → 4",
        "- group/west",
        "- campaign/web",
        "+ queue/new",
    ]


def test_what_the_engine_refused_is_published_again() -> None:
    """The earlier object still applies, but it is no longer the newest in the topic."""
    again = plan(REPS, REPS, refused={("rep", "b"): "role: must be 'admin'"})
    assert list(again.objects) == [("rep", "b")]
    assert [*again.changes[0].lines()] == [
        "~ rep/b",
        "    its newest publication was refused: role: must be 'admin'",
    ]
