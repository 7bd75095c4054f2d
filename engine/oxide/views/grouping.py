"""Views in parts, one for each value of a field."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from oxide.errors import InvalidInput, NotFound
from oxide.query.fields import Reached, resolve
from oxide.query.values import canonical
from oxide.views.steps import Match

if TYPE_CHECKING:
    from oxide.query.tree import Field
    from oxide.views.view import View


_SHOWN = 10
"""Values named in a failure."""


class Groups:
    """``(value, view)`` for each value, in the order in which values first appear. Missing values are ``None``."""

    def __init__(self, view: View, field: str) -> None:
        self._view = view
        try:
            self.field: Field = resolve("items", field, "group_by")
        except Reached:
            raise InvalidInput(f"items cannot be grouped by '{field}'", hint="it may have many values") from None
        if self.field.kind in ("list", "box"):
            raise InvalidInput(f"items cannot be grouped by '{field}'", hint="group by a single value")

    @cached_property
    def _members(self) -> dict[str, tuple[Any, list[str]]]:
        from oxide.views.view import parts

        groups: dict[str, tuple[Any, list[str]]] = {}
        for part in parts(self._view.ids):
            for record in self._view.engine.items(part):
                value = value_of(record, self.field)
                groups.setdefault(canonical(value, ""), (value, []))[1].append(record["id"])
        return groups

    def counts(self) -> list[tuple[Any, int]]:
        """How many items have each value."""
        return [(value, len(ids)) for value, ids in self._members.values()]

    def __iter__(self) -> Iterator[tuple[Any, View]]:
        from oxide.views.resolving import of_ids

        for value, ids in self._members.values():
            yield value, self._view._with(Match(of_ids(ids)))

    def __getitem__(self, value: Any) -> View:
        """The items that have a value, as a view. Raises NotFound."""
        from oxide.views.resolving import of_ids

        found = self._members.get(canonical(value, "group_by"))
        if found is None:
            values = [repr(each) for each, _ in self._members.values()]
            some = ", ".join(values[:_SHOWN]) + (", ..." if len(values) > _SHOWN else "")
            raise NotFound(f"no item has the {self.field.title} {value!r}", hint=f"there are {some or 'no items'}")
        return self._view._with(Match(of_ids(found[1])))

    def __contains__(self, value: Any) -> bool:
        return canonical(value, "group_by") in self._members

    def __len__(self) -> int:
        return len(self._members)


def value_of(record: dict[str, Any], field: Field) -> Any:
    """The value of a field in an item's record; ``None`` where there is none."""
    value = record.get(field.name)
    for name in field.path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
