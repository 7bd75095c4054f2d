"""The ontology: which labels there are, with colours, hierarchy, attributes and the tools that may draw them.

It is a table like the others, so that it is versioned with what it describes. An open ontology takes every label and
checks those that it knows; a closed one takes only those.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oxide import _core
from oxide.errors import InvalidInput

if TYPE_CHECKING:
    from oxide._core import Store
    from oxide.labels.annotation import Annotation
    from oxide.labels.rows import Row
    from oxide.workspace import Tables

ATTRIBUTE_TYPES = ("text", "number", "boolean", "select", "multi_select")
LABEL, SETTINGS = "label", "settings"


@dataclass(frozen=True, slots=True)
class Label:
    """A label.

    ``parent`` is the name of the label above. ``color`` is ``#rrggbb``. ``attributes`` maps a name to its definition
    ``{"type": one of ATTRIBUTE_TYPES, "values": [...], "required": bool, "default": value}``. ``tools`` are the types
    of annotation that may carry it, empty: all. ``skeleton`` is ``{"points": [names], "edges": [[from, to]]}``, counted
    from 0.
    """

    name: str
    parent: str | None = None
    color: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    tools: tuple[str, ...] = ()
    description: str | None = None
    position: int | None = None
    skeleton: dict[str, Any] | None = None
    foreign: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ontology:
    """The labels by name, in the order of their positions, and whether others are refused."""

    labels: dict[str, Label] = field(default_factory=dict)
    closed: bool = False

    def check(self, annotation: Annotation) -> None:
        """Raise InvalidInput when an annotation breaks the rules."""
        if self.labels or self.closed:
            for problem in self.problems(annotation):
                raise problem

    def problems(self, annotation: Annotation) -> Iterator[InvalidInput]:
        """Every rule that an annotation breaks, by its label, type and attributes."""
        if annotation.label is None:
            return
        label = self.labels.get(annotation.label)
        if label is None:
            if self.closed:
                yield InvalidInput(
                    f"the label '{annotation.label}' is not in the ontology, which is closed",
                    hint=self.suggestion(annotation.label),
                )
            return
        if label.tools and annotation.type not in label.tools:
            yield InvalidInput(
                f"the label '{label.name}' is not for a {annotation.type}",
                hint=f"it is drawn as {', '.join(label.tools)}",
            )
        yield from _problems_of_attributes(label, annotation.attributes)

    def suggestion(self, name: str) -> str:
        """What to do about a label that there is not."""
        close = difflib.get_close_matches(name, self.labels, 1)
        return f"did you mean '{close[0]}'? see `oxide label list`" if close else "see `oxide label list`"


def _problems_of_attributes(label: Label, attributes: dict[str, Any]) -> Iterator[InvalidInput]:
    for name, definition in label.attributes.items():
        if name not in attributes:
            if definition.get("required") and "default" not in definition:
                yield InvalidInput(
                    f"a '{label.name}' needs the attribute '{name}'", hint=f"give --attribute {name}=VALUE"
                )
            continue
        if not fits(definition, attributes[name]):
            allowed = definition.get("values") or definition["type"]
            yield InvalidInput(
                f"the attribute '{name}' of '{label.name}' cannot be {attributes[name]!r}", hint=f"allowed: {allowed}"
            )


def fits(definition: dict[str, Any], value: Any) -> bool:
    """Whether an attribute defined like this can have a value."""
    kind = definition.get("type", "text")
    values = definition.get("values")
    if kind == "multi_select":
        return isinstance(value, list) and all(values is None or each in values for each in value)
    if kind == "select":
        return values is None or value in values
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, str)


def read(store: Store, tables: Tables) -> Ontology:
    """The ontology of a state; an open one without labels where there is none."""
    if "ontology" not in tables:
        return Ontology()
    schema, root = tables["ontology"]
    rows = [change["after"] for change in store.diff_rows(schema, _core.EMPTY_ROOT, root)]
    closed = any(row["kind"] == SETTINGS and row["closed"] for row in rows)
    labels = [to_label(row) for row in rows if row["kind"] == LABEL]
    labels.sort(key=lambda label: (label.position is None, label.position or 0, label.name))
    return Ontology({label.name: label for label in labels}, closed)


def to_label(row: Row) -> Label:
    """A label out of its row."""
    return Label(
        row["name"],
        row["parent"],
        row["color"],
        row["attributes"] or {},
        tuple(row["tools"] or ()),
        row["description"],
        row["position"],
        row["skeleton"],
        row["foreign"] or {},
    )


def label_row(label: Label) -> Row:
    """A row of ``ontology``."""
    return {
        "kind": LABEL,
        "name": label.name,
        "parent": label.parent,
        "color": label.color,
        "attributes": label.attributes or None,
        "tools": list(label.tools) or None,
        "description": label.description,
        "position": label.position,
        "skeleton": label.skeleton,
        "foreign": label.foreign or None,
    }
