"""Compiled code keeps where it found attributes (`tools/inline_caches.h`), and no result changes by it.

Each test runs with the same module from its source and compiled. One function has one place that reads or sets, and so
one cache. A test fills it, then changes what it was filled by.
"""

import subprocess
import sys
import weakref
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import msgspec
import pytest

from tests.fixtures.cached_places import (
    Computed,
    Lead,
    LongLead,
    Pair,
    Phase,
    Places,
    Plain,
    fresh,
    message,
)


def test_compiled_code_has_caches_where_python_has_the_version_for_which_they_are_written(
    built_places: dict[str, Places],
) -> None:
    """A build without them would pass every test below."""
    with_caches = sys.implementation.name == "cpython" and sys.version_info[:2] == (3, 11)
    names = (b"fc_get_other", b"fc_set_attribute", b"fc_call_method", b"fc_is_instance")
    code = Path(str(built_places["compiled"].module.__file__)).read_bytes()
    assert [name for name in names if (name in code) is not with_caches] == []


def test_one_place_reads_objects_of_many_classes(places: Places) -> None:
    things = [
        Lead(),
        LongLead(),
        Pair(1),
        Plain(2),
        Computed(),
        Phase,
        SimpleNamespace(field=3),
        Lead(field="4"),
    ]
    for _ in range(3):
        assert [places.read(thing) for thing in things] == [
            *("of a lead", "of a long lead", 1, 2, "computed", Phase.field, 3, "4")
        ]
        assert message(AttributeError, places.read, None) == "'NoneType' object has no attribute 'field'"


@pytest.mark.parametrize("kind", [Lead, Pair, Plain])
def test_a_class_that_is_changed_between_two_reads_is_asked_anew(places: Places, kind: type) -> None:
    base = fresh(kind)
    changed = fresh(base)
    thing = changed(field="of the instance")
    assert places.read(thing) == "of the instance"
    for one in (changed, base):
        one.field = property(lambda *_: "of the class")
        assert places.read(thing) == "of the class"
        del one.field
        assert places.read(thing) == "of the instance"
    changed.__getattribute__ = lambda _, name: f"{name} by a function"
    assert places.read(thing) == "field by a function"


def test_a_slot_without_a_value_is_an_attribute_that_is_missing(places: Places) -> None:
    thing = Pair("kept")
    assert places.read(thing) == "kept"
    places.module.drop(thing)
    assert "field" in message(AttributeError, places.read, thing)
    assert "field" in message(AttributeError, places.drop, thing)
    places.put(thing, "again")
    assert places.read(thing) == "again"
    asked = fresh(Pair, __slots__=(), __getattr__=lambda _, name: f"no {name}")("kept")
    assert places.read(asked) == "kept"
    places.module.drop(asked)
    assert places.read(asked) == "no field"


def test_a_slot_of_another_class_is_no_slot_of_this_one(places: Places) -> None:
    """Its place in the object would hold something else, or nothing."""
    stranger = type("Stranger", (), {"__slots__": (), "field": Pair.__dict__["field"]})()
    for _ in range(2):
        assert "doesn't apply to" in message(TypeError, places.read, stranger)
        assert "doesn't apply to" in message(TypeError, places.put, stranger, 1)


def test_what_is_no_reference_or_may_be_missing_is_read_as_usual(places: Places) -> None:
    """Other members of objects are numbers, or None where they have no value."""
    assert [places.read_real(number) for number in (1.5 + 1j, 2, True, 2.5)] == [1.5, 2, 1, 2.5]
    assert places.read_doc(property()) is None
    assert places.read_doc(property(doc="text")) == "text"
    stranger = type("Stranger", (), {"__slots__": (), "real": int.__dict__["real"]})()
    assert "doesn't apply to" in message(TypeError, places.read_real, stranger)


def test_a_property_is_called_as_its_class_has_it_now(places: Places) -> None:
    kind = fresh(Computed)
    thing = kind()
    assert places.read(thing) == "computed"

    def once(_: object) -> str:
        del kind.field
        return "for the last time"

    for _ in range(2):
        kind.field = property(lambda *_: "another")
        assert places.read(thing) == "another"
        kind.field = property(once)
        assert places.module.read(thing) == "for the last time"
        assert places.read(thing) == "computed"
    kind.field = property(None)
    assert "no getter" in message(AttributeError, places.read, thing)


def test_an_object_that_gets_another_class_is_read_by_it(places: Places) -> None:
    thing = Plain("of the instance")
    assert places.read(thing) == "of the instance"
    thing.__class__ = fresh(Plain, field=property(lambda *_: "computed"))
    assert places.read(thing) == "computed"


def test_an_instance_is_read_whatever_was_done_to_its_dict(places: Places) -> None:
    kind = fresh(Plain)
    thing, other = kind("a"), kind("b")
    assert [places.read(thing), places.read(other)] == ["a", "b"]
    vars(thing)["field"] = "by its dict"
    assert places.read(thing) == "by its dict"
    thing.__dict__ = {"field": "of another dict"}
    assert places.read(thing) == "of another dict"
    places.put(thing, "put")
    assert (places.read(thing), vars(thing)) == ("put", {"field": "put"})
    del other.field
    assert "field" in message(AttributeError, places.read, other)
    kind.field = "of the class"
    assert [places.read(thing), places.read(other)] == ["put", "of the class"]


def test_a_class_attribute_that_becomes_a_data_descriptor_is_called(places: Places) -> None:
    described: Any = type("Described", (), {})
    kind = fresh(Plain, field=described())
    thing = kind("of the instance")
    assert (places.read(thing), places.read(kind)) == ("of the instance", kind.__dict__["field"])
    described.__get__ = lambda *_: "described"
    assert (places.read(kind), places.read(thing)) == ("described", "of the instance")
    places.put(thing, "put")
    described.__set__ = lambda *_: None
    assert (places.read(kind), places.read(thing)) == ("described", "described")
    places.put(thing, "ignored")
    assert vars(thing)["field"] == "put"
    del described.__set__
    assert places.read(thing) == "put"
    kind.field = lambda _: "a method"
    assert places.read(thing) == "put"
    assert places.read(without := fresh(kind, __init__=lambda _: None)()).__self__ is without


def test_a_class_and_its_metaclass_are_read_anew_after_a_change(places: Places) -> None:
    meta: Any = type("Meta", (type,), {})
    base = meta("Base", (), {"field": "of the base"})
    kind = meta("Kind", (base,), {})
    assert [places.read(kind), places.read(base)] == ["of the base", "of the base"]
    kind.field = "of the class"
    assert [places.read(kind), places.read(base)] == ["of the class", "of the base"]
    meta.field = property(lambda *_: "of the metaclass")
    assert [places.read(kind), places.read(base)] == ["of the metaclass", "of the metaclass"]
    del meta.field
    meta.__getattribute__ = lambda _, name: f"{name} by a function"
    assert places.read(kind) == "field by a function"
    assert (places.read(Phase), places.read(type("Kind", (), {"field": "later"}))) == ("a member", "later")


def test_a_module_is_read_anew_after_a_change(places: Places) -> None:
    module: Any = ModuleType("module")
    other: Any = ModuleType("other")
    module.field, other.field = "first", "of another"
    assert [places.read(module), places.read(other), places.read(module)] == ["first", "of another", "first"]
    module.field = "second"
    assert places.read(module) == "second"
    vars(module)["__getattr__"] = lambda name: f"no {name}"
    assert places.read(module) == "second"
    places.module.drop(module)
    assert places.read(module) == "no field"
    vars(module)["__class__"] = "in its dict"
    assert places.read_class(module) is ModuleType


def test_an_attribute_is_set_where_it_is_read(places: Places) -> None:
    class Watched(Plain):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, ("watched", value))

    frozen = msgspec.defstruct("Frozen", [("field", str)], frozen=True)("kept")
    things = [Lead(), LongLead(), Pair(0), Plain(0), SimpleNamespace(field=0)]
    for number in range(3):
        for thing in things:
            places.put(thing, number)
        assert [places.read(thing) for thing in things] == [number] * len(things)
        assert message(AttributeError, places.put, frozen, number) == "immutable type: 'Frozen'"
        assert "field" in message(AttributeError, places.put, Computed(), number)
    watched = Watched(0)
    places.put(watched, 1)
    assert places.read(watched) == ("watched", 1)


def test_a_slot_that_may_only_be_read_is_not_set(places: Places) -> None:
    numbers = range(3, 9)
    assert message(AttributeError, places.put_start, numbers, 5) == "readonly attribute"
    assert numbers.start == 3


AUDITED = """
import ctypes, sys
from pathlib import Path
from tests.fixtures.cached_places import Pair, load

heard = []
sys.addaudithook(lambda event, about: heard.append(about[1]) if event == "object.__getattr__" else None)
member = ctypes.c_void_p.from_address(id(Pair.field) + 5 * ctypes.sizeof(ctypes.c_void_p)).value
flags = ctypes.c_int.from_address(member + 3 * ctypes.sizeof(ctypes.c_void_p))
assert flags.value == 0
flags.value = 2  # PY_AUDIT_READ
module, pair = load(Path(sys.argv[1])), Pair("kept")
assert [module.read(pair) for _ in range(3)] == ["kept"] * 3
assert heard == ["field"] * 3, heard
"""
"""Python 3.11 audits members of four classes, and keeps each where its absence is None. So one of another kind is made,
as an extension's could be."""


def test_whoever_audits_hears_of_each_read(places: Places) -> None:
    """In a process of its own: a hook stays for its life."""
    command = [sys.executable, "-c", AUDITED, str(places.module.__file__)]
    subprocess.run(command, check=True)


def test_a_class_that_is_changed_sets_in_its_way(places: Places) -> None:
    for kind in (fresh(Pair), fresh(Plain)):
        thing = kind(0)
        places.put(thing, 1)
        places.put(thing, 2)
        assert places.read(thing) == 2
        kind.field = property(lambda *_: "read")
        assert "no setter" in message(AttributeError, places.put, thing, 3)
        assert places.read(thing) == "read"
        del kind.field
        assert places.read(thing) == 2
        kind.__setattr__ = lambda self, name, value: object.__setattr__(self, name, ("watched", value))
        places.put(thing, 4)
        assert places.read(thing) == ("watched", 4)


def test_instances_that_lack_an_attribute_get_it_in_order(places: Places) -> None:
    kind = fresh(Plain)
    first = kind("first")
    places.put(first, 1)
    second = kind("second")
    del second.field
    del second.other
    places.put(second, 2)
    second.other = "after it"
    assert list(vars(second).items()) == [("field", 2), ("other", "after it")]
    bare = fresh(Plain, __init__=lambda _: None)
    for _ in range(3):
        first, second = bare(), bare()
        places.put(first, 3)
        first.other = "after it"
        second.other = "before it"
        places.put(second, 4)
        assert list(vars(first).items()) == [("field", 3), ("other", "after it")]
        assert list(vars(second).items()) == [("other", "before it"), ("field", 4)]
        del first.field
        places.put(first, 5)
        assert list(vars(first).items()) == [("other", "after it"), ("field", 5)]


def test_a_new_object_gets_its_first_values_in_order(places: Places) -> None:
    for kind in (fresh(Pair, __slots__=()), fresh(Plain)):
        places.put(kind("keeps the place"), 0)
        for number in range(40):  # more than a class's instances share keys for
            thing: Any = object.__new__(kind)
            if number % 2:
                thing.other = "before"
            places.module.put(thing, number)
            if not number % 2:
                thing.other = "after"
            names = ["other", "field"] if number % 2 else ["field", "other"]
            if kind.__dictoffset__:
                assert list(vars(thing)) == names
                setattr(thing, f"more_{number}", number)
                assert list(vars(thing)) == [*names, f"more_{number}"]
            assert (places.read(thing), thing.other) == (number, "before" if number % 2 else "after")
            del thing.field
            assert "field" in message(AttributeError, places.read, thing)
            places.module.put(thing, "again")
            assert places.read(thing) == "again"
            if kind.__dictoffset__:
                assert list(vars(thing))[-1] == "field"


def test_what_is_read_and_set_is_neither_freed_too_early_nor_kept(places: Places) -> None:
    for holder in (Pair(None), Plain(None), Lead(), type("Holder", (), {}), ModuleType("holder")):
        value: Any = type("Value", (), {})()
        watched = weakref.ref(value)
        places.put(holder, value)
        before = sys.getrefcount(value)
        for _ in range(100):
            places.module.read(holder)
            places.module.put(holder, value)
        assert sys.getrefcount(value) == before
        del value
        assert places.read(holder) is watched()
        places.put(holder, None)
        assert watched() is None
