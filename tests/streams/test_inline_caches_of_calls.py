"""Compiled code keeps which method a class has, and which classes answer `isinstance` in the usual way.

As in `test_inline_caches.py`, each test runs with the same module from its source and compiled.
"""

import ctypes
from abc import ABC
from functools import partial
from types import FunctionType, SimpleNamespace
from typing import Any

import msgspec

from tests.fixtures.cached_places import (
    Lead,
    LongLead,
    Pair,
    Phase,
    Places,
    Plain,
    Shape,
    fresh,
    message,
)


def test_a_method_is_called_as_the_instance_and_its_class_have_it_now(places: Places) -> None:
    kind = fresh(Plain)
    thing, other = kind(0), kind(0)
    of_class = ("the class", "other", 1)
    for call in (places.call, places.call_by_name):
        assert [call(thing, 1), call(other, 1)] == [of_class, of_class]
        thing.method = lambda value: ("the instance", value)
        assert [call(thing, 1), call(other, 1)] == [("the instance", 1), of_class]
        del thing.method
        assert call(thing, 1) == of_class
        vars(other)["method"] = lambda value: ("its dict", value)
        assert [call(thing, 1), call(other, 1)] == [of_class, ("its dict", 1)]
        del vars(other)["method"]
        thing.__dict__ = {"other": "other", "method": lambda value: ("another dict", value)}
        assert [call(other, 1), call(thing, 1)] == [of_class, ("another dict", 1)]
        del thing.method
        kind.method = lambda _, value: ("another function", value)
        assert [call(thing, 1), call(other, 1)] == [("another function", 1)] * 2
        kind.method = staticmethod(lambda value: ("a static method", value))
        assert call(thing, 1) == ("a static method", 1)
        kind.method = classmethod(lambda cls, value: (cls, value))
        assert call(thing, 1) == (kind, 1)
        del kind.method
        assert call(thing, 1) == of_class


def test_one_place_calls_methods_of_many_classes(places: Places) -> None:
    asked = fresh(Shape, __getattr__=lambda _, name: lambda value: (name, value))
    namespace = SimpleNamespace(method=lambda value: ("a value", value))
    of_shape = ("the shape", 1)
    for call in (places.call, places.call_by_name):
        for _ in range(3):
            assert [call(thing, 1) for thing in (Shape(), asked(), namespace, Plain(0), Shape())] == [
                *(of_shape, of_shape, ("a value", 1), ("the class", "other", 1), of_shape)
            ]
            assert "method" in message(AttributeError, call, None, 1)
    del (removed := fresh(asked, method=None)).method
    assert places.call(removed(), 1) == of_shape


def test_what_is_called_like_a_method_and_is_none_is_called_as_usual(places: Places) -> None:
    class Error(Exception):
        def method(self, value: object) -> object:
            return "the class", value

    def slotted(**namespace: object) -> object:
        return fresh(Shape, __slots__=(), **namespace)()

    error, plain = Error(), fresh(Plain)(0)
    things = [
        slotted(method=staticmethod(lambda value: ("a static method", value))),
        slotted(method=classmethod(lambda _, value: ("a class method", value))),
        slotted(method=partial(lambda value: ("a function", value))),
        slotted(method=property(lambda _: lambda value: ("a property", value))),
        slotted(__getattribute__=lambda *_: lambda value: ("by a function", value)),
        error,
    ]
    for call in (places.call, places.call_by_name):
        assert [call(thing, 1)[0] for thing in things] == [
            *("a static method", "a class method", "a function", "a property", "by a function", "the class")
        ]
        error.method = lambda value: ("the instance", value)  # type: ignore[method-assign]
        assert call(error, 1) == ("the instance", 1)
        del error.method
        assert call(plain, 1)[0] == "the class"
        plain.__dict__ = {"method": lambda value: ("a dict", value)}
        assert call(plain, 1) == ("a dict", 1)
        plain.__dict__ = {"other": "other"}


def test_a_method_that_its_class_loses_while_it_runs_ends_as_usual(places: Places) -> None:
    def kind() -> Any:
        def method(self: object, value: object) -> object:
            del type(self).method  # type: ignore[attr-defined]
            return value

        return type("Kind", (), {"__slots__": (), "method": method})

    things = [kind()() for _ in range(3)]
    assert [places.module.call(thing, number) for number, thing in enumerate(things)] == [0, 1, 2]
    kept = type("Kind", (), {"__slots__": (), "method": lambda _, value: value})
    assert places.module.call(kept(), 1) == 1

    def once(_: object, value: object) -> object:
        del kept.method  # type: ignore[attr-defined]
        return value

    kept.method = once  # type: ignore[attr-defined]
    del once
    assert places.module.call(kept(), 2) == 2
    assert "method" in message(AttributeError, places.call, kept(), 3)


def test_a_method_may_not_write_before_its_arguments(built_places: dict[str, Places]) -> None:
    """What is before them belongs to whoever called. Only the interpreter keeps a place there for the callee to use."""
    places, told = built_places["compiled"], []
    offset_flag = 1 << (8 * ctypes.sizeof(ctypes.c_size_t) - 1)

    def method(_: object, value: object) -> object:
        return value

    def called(_: object, arguments: int, count: int, keywords: int | None) -> object:
        told.append(bool(count & offset_flag))
        return vectorcall(method, arguments, count & ~offset_flag, keywords)

    signature = ctypes.PYFUNCTYPE(
        ctypes.py_object, ctypes.py_object, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p
    )
    vectorcall, noting = signature(("_PyFunction_Vectorcall", ctypes.pythonapi)), signature(called)
    noted = FunctionType(method.__code__, {})
    words = (ctypes.c_void_p * (noted.__sizeof__() // ctypes.sizeof(ctypes.c_void_p))).from_address(id(noted))
    place = words[:].index(ctypes.cast(vectorcall, ctypes.c_void_p).value)
    words[place] = ctypes.cast(noting, ctypes.c_void_p).value
    thing = fresh(Shape, __slots__=(), method=noted)()
    assert [places.call(thing, 1), places.call_by_name(thing, 1)] == [1, 1]
    assert told == [False] * 6


def test_isinstance_answers_by_bases_and_by_whoever_answers_for_them(places: Places) -> None:
    class Registered(ABC):  # noqa: B024  # nothing is abstract, so that the answer alone is of ABC
        pass

    class Anything(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return True

    class Pretender:
        __slots__ = ()

        @property  # type: ignore[misc]
        def __class__(self) -> type:
            return Lead

    class Liar:
        __slots__ = ()

        def __getattribute__(self, name: str) -> object:
            return Lead

    class Almost:
        __instancecheck__ = type.__instancecheck__

    Registered.register(Plain)
    whatever = Anything("Whatever", (), {})
    lead, plain = LongLead(), Plain(0)
    for _ in range(3):
        assert [places.ask(lead, asked) for asked in (LongLead, Lead, msgspec.Struct, Pair, Registered)] == [
            *(True, True, True, False, False)
        ]
        assert [places.ask(plain, asked) for asked in (Lead, Registered, whatever, Plain | Lead)] == [
            *(False, True, True, True)
        ]
        assert [places.ask(thing, (Pair, (Phase, Lead))) for thing in (lead, plain, Phase.field, None)] == [
            *(True, False, True, False)
        ]
        assert [places.ask(Pretender(), asked) for asked in (Lead, Pretender, Pair, (Pair, Lead))] == [
            *(True, True, False, True)
        ]
        assert [places.ask(Liar(), asked) for asked in (Lead, Liar, Pair)] == [True, True, False]
        assert not places.ask(lead, ())
        assert "doesn't apply to" in message(TypeError, places.ask, lead, Almost())
        assert "arg 2 must be" in message(TypeError, places.ask, lead, "Lead")
        assert "arg 2 must be" in message(TypeError, places.ask, lead, (Pair, "Lead"))


def test_isinstance_follows_changes_of_classes(places: Places) -> None:
    meta: Any = type("Meta", (type,), {})
    first, second = meta("First", (), {}), meta("Second", (), {})
    kind = meta("Kind", (first,), {})
    thing = kind()
    assert [places.ask(thing, first), places.ask(thing, second)] == [True, False]
    kind.__bases__ = (second,)
    assert [places.ask(thing, first), places.ask(thing, second)] == [False, True]
    kind.__bases__ = (meta("Pretender", (second,), {"__class__": property(lambda _: first)}),)
    assert [places.ask(thing, first), places.ask(thing, second)] == [True, True]
    kind.__bases__ = (second,)
    assert not places.ask(thing, first)
    meta.__instancecheck__ = lambda cls, _: cls is first
    assert [places.ask(thing, first), places.ask(thing, second)] == [True, False]


def test_isinstance_tells_more_classes_apart_than_it_keeps(places: Places) -> None:
    """64 are kept. Each other class has a `__class__` of its own, or is asked for by a metaclass of its own."""
    metas = [type("Meta", (type,), {}) for _ in range(200)]
    for meta in metas[1::2]:
        meta.__instancecheck__ = lambda *_: "asked"  # type: ignore[method-assign, assignment]
    kinds = [meta("Kind", (), {}) for meta in metas]
    pretenders = [fresh(Shape, __class__=property(lambda _: Lead)) for _ in kinds[::2]]
    shapes = [fresh(Shape) for _ in pretenders]
    assert [places.ask(None, kind) for kind in kinds] == [False, True] * 100
    assert [places.ask(thing(), Lead) for pair in zip(shapes, pretenders, strict=True) for thing in pair] == [
        *([False, True] * 100)
    ]
