"""Named tuples as cheap as start-up wants them.

`typing.NamedTuple` compiles code for each class, and `typing` itself is slow to import: all together longer than what a
short command does. Type checkers are shown `typing.NamedTuple` instead of this one.
"""

from __future__ import annotations

from _collections import _tuplegetter  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class _Meta(type):
    def __new__(meta, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _Meta:
        fields = () if bases == (tuple,) else tuple(namespace.get("__annotations__", ()))
        for index, field in enumerate(fields):
            namespace[field] = _tuplegetter(index, f"Field {index}")
        namespace["__slots__"] = ()
        namespace["_fields"] = namespace["__match_args__"] = fields
        return super().__new__(meta, name, bases, namespace)


class NamedTuple(tuple, metaclass=_Meta):  # type: ignore[type-arg]
    """Base class: the annotations in the body of a subclass are its fields. None may have a default."""

    _fields: tuple[str, ...]

    def __new__(cls, *values: Any, **named: Any) -> NamedTuple:
        fields = cls._fields
        if named:
            values += tuple(named.pop(field) for field in fields[len(values) :] if field in named)
        if named or len(values) != len(fields):
            raise TypeError(f"{cls.__name__} takes each of its fields once: {', '.join(fields)}")
        return tuple.__new__(cls, values)

    def __repr__(self) -> str:
        fields = (f"{field}={value!r}" for field, value in zip(self._fields, self))
        return f"{type(self).__name__}({', '.join(fields)})"

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self))

    def _replace(self, **changes: Any) -> NamedTuple:
        return type(self)(**{**self._asdict(), **changes})

    @classmethod
    def _make(cls, values: Iterable[Any]) -> NamedTuple:
        return cls(*values)
