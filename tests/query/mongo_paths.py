"""What a dotted path reaches in a JSON value, and when two values are equal: MongoDB's rules, in plain Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


class Missing:
    """What a path reaches where there is no value."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()


def reached(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """The values at a path, and MISSING once for every object that lacks it.

    Through an array it goes into the objects in it, and by number to one element. Scalars in an array and arrays in an
    array are passed over, so that an array may reach nothing at all.
    """
    if not path:
        yield value
    elif isinstance(value, dict):
        if path[0] in value:
            yield from reached(value[path[0]], path[1:])
        else:
            yield MISSING
    elif isinstance(value, list):
        yield from _in_array(value, path)
    else:
        yield MISSING


def _in_array(array: list[Any], path: Sequence[str]) -> Iterator[Any]:
    for at, element in enumerate(array):
        if isinstance(element, dict):
            yield from reached(element, path)
        if path[0] == str(at):
            rest = path[1:]
            if not rest or isinstance(element, dict | list):
                yield from reached(element, rest)


def with_elements(values: Iterator[Any]) -> Iterator[Any]:
    """Values, and the elements of those that are arrays: a test holds when it holds of one of these."""
    for value in values:
        yield value
        if isinstance(value, list):
            yield from value


def is_number(value: Any) -> bool:
    """Whether a value is a number; booleans are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(one: Any, other: Any) -> bool:
    """Typed equality: numbers by value, objects whatever the order of their names."""
    if is_number(one) and is_number(other):
        return bool(one == other)
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(value, other[name]) for name, value in one.items())
    return bool(one == other)


def comparable(one: Any, other: Any) -> bool:
    """Whether two values have an order: both numbers, or both of one other type that has one."""
    if is_number(one) and is_number(other):
        return True
    return type(one) is type(other) and not isinstance(one, list | dict | Missing) and one is not None
