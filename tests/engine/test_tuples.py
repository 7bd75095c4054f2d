"""The engine's own named tuples behave as those of `typing`."""

from __future__ import annotations

import copy
import pickle
import typing

import pytest
from oxide import tuples, types


class Ours(tuples.NamedTuple):  # type: ignore[misc]
    """A tuple of two."""

    name: str
    size: int

    @property
    def large(self) -> bool:
        """Over ten."""
        return self.size > 10


class Theirs(typing.NamedTuple):
    """A tuple of two."""

    name: str
    size: int


def test_construction_and_access() -> None:
    value = Ours("a", 12)
    assert value == Ours(name="a", size=12) == Ours("a", size=12) == ("a", 12) == Theirs("a", 12)
    assert (value.name, value.size, value.large) == ("a", 12, True)
    assert repr(value).replace("Ours", "Theirs") == repr(Theirs("a", 12))
    assert (value._asdict(), value._fields) == (Theirs("a", 12)._asdict(), Theirs._fields)
    assert value._replace(size=1) == ("a", 1) and type(value._replace(size=1)) is Ours
    assert Ours._make(["b", 2]) == Ours("b", 2)
    match value:
        case Ours(name, size):
            assert (name, size) == ("a", 12)


@pytest.mark.parametrize("make", [Ours, Theirs])
def test_wrong_arguments(make: typing.Any) -> None:
    for arguments, named in ((("a",), {}), (("a", 1, 2), {}), (("a",), {"name": "b"}), ((), {"other": 1})):
        with pytest.raises(TypeError):
            make(*arguments, **named)


@pytest.mark.parametrize("make", [Ours, Theirs])
def test_immutable(make: typing.Any) -> None:
    value = make("a", 1)
    for name in ("name", "another"):
        with pytest.raises(AttributeError):
            setattr(value, name, 1)


def test_copies() -> None:
    person = types.Person("Ada", "ada@example.org")
    for same in (pickle.loads(pickle.dumps(person)), copy.copy(person), copy.deepcopy(person)):
        assert same == person and type(same) is types.Person
