"""The ontology changed: labels added, edited, renamed, taken away. Every function gives a new ontology."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oxide.errors import AlreadyExists, InvalidInput, NotFound
from oxide.labels.changes import Changes
from oxide.labels.geometry import TYPES
from oxide.labels.ontology import ATTRIBUTE_TYPES, LABEL, SETTINGS, Label, Ontology, fits, label_row

if TYPE_CHECKING:
    from oxide._core import Session
    from oxide.labels.impact import LabelChange
    from oxide.workspace import Tables

_COLOR = re.compile(r"#[0-9a-f]{6}")
_SETTINGS_NAME = "ontology"


def with_labels(ontology: Ontology, labels: Sequence[Label]) -> Ontology:
    """With new labels, behind the others.

    Raises:
        AlreadyExists: a label is there.
        InvalidInput: a label is malformed.
        NotFound: the label above one is not there.
    """
    known = dict(ontology.labels)
    position = max((label.position for label in known.values() if label.position is not None), default=-1)
    for label in labels:
        if label.name in known:
            raise AlreadyExists(
                f"there is a label '{label.name}' already", hint=f"change it with `oxide label edit '{label.name}' ...`"
            )
        position += 1
        known[label.name] = checked(replace(label, position=position if label.position is None else label.position))
    return _with_sound_place(Ontology(known, ontology.closed), labels)


def edited(ontology: Ontology, name: str, fields: Mapping[str, Any]) -> Ontology:
    """With other fields of one label. Raises NotFound, InvalidInput."""
    label = find(ontology, name)
    changed = {**ontology.labels, name: checked(replace(label, **fields))}
    return _with_sound_place(Ontology(changed, ontology.closed), [label])


def renamed(ontology: Ontology, old: str, new: str) -> Ontology:
    """With a label under another name, and the labels below it with it."""
    if old not in ontology.labels:
        return ontology
    check_name(new)
    labels = {(new if name == old else name): label for name, label in ontology.labels.items()}
    labels[new] = replace(labels[new], name=new)
    return Ontology(_with_parent(labels, {old: new}), ontology.closed)


def merged(ontology: Ontology, old: Iterable[str], into: str) -> Ontology:
    """Without some labels, whose children are now below the one that takes their place.

    Where that one is not there and any of the others is, the first of these is defined under its name.
    """
    going = [name for name in old if name in ontology.labels and name != into]
    if into not in ontology.labels and going:
        ontology = renamed(ontology, going[0], into)
        going = going[1:]
    if not going:
        return ontology
    labels = {name: label for name, label in ontology.labels.items() if name not in going}
    for name in above(ontology, into):  # below one of them it would come to be below itself
        if name in going:
            labels[into] = replace(labels[into], parent=ontology.labels[name].parent)
    return Ontology(_with_parent(labels, dict.fromkeys(going, into)), ontology.closed)


def without(ontology: Ontology, names: Iterable[str]) -> Ontology:
    """Without some labels; the labels below one are now below the one above it."""
    left = dict(ontology.labels)
    for name in names:
        gone = left.pop(name)
        left = _with_parent(left, {name: gone.parent})
    return Ontology(left, ontology.closed)


def divided(ontology: Ontology, name: str, attribute: str, new: Iterable[str]) -> Ontology:
    """With a label for each value of an attribute, below the label that had it; the attribute goes."""
    label = ontology.labels.get(name)
    if label is None:
        return ontology
    attributes = {key: definition for key, definition in label.attributes.items() if key != attribute}
    ontology = Ontology({**ontology.labels, name: replace(label, attributes=attributes)}, ontology.closed)
    missing = [each for each in new if each not in ontology.labels]
    like = replace(label, attributes=attributes, parent=name, position=None, foreign={})
    return with_labels(ontology, [replace(like, name=each) for each in missing])


def find(ontology: Ontology, name: str) -> Label:
    """A label by its name. Raises NotFound."""
    if name not in ontology.labels:
        raise NotFound(f"the ontology has no label '{name}'", hint=ontology.suggestion(name))
    return ontology.labels[name]


def check_name(name: str) -> None:
    """Raise InvalidInput for what is no name of a label."""
    if not name or name != name.strip() or not name.isprintable():
        raise InvalidInput(f"{name!r} is no name of a label", hint="use text without spaces around it")


def checked(label: Label) -> Label:
    """A label whose parts are as :class:`oxide.labels.ontology.Label` says. Raises InvalidInput."""
    check_name(label.name)
    color = label.color.lower() if label.color else None
    if color is not None and not _COLOR.fullmatch(color):
        raise InvalidInput(f"'{label.color}' is no colour of '{label.name}'", hint="write it as #rrggbb")
    for tool in label.tools:
        if tool not in TYPES:
            raise InvalidInput(f"'{tool}' is no type of an annotation", hint=f"types: {', '.join(TYPES)}")
    for name, definition in label.attributes.items():
        _check_definition(label.name, name, definition)
    if label.skeleton is not None:
        _check_skeleton(label.name, label.skeleton)
    return replace(label, color=color)


def _check_definition(label: str, name: str, definition: Any) -> None:
    where = f"the attribute '{name}' of '{label}'"
    kind = definition.get("type", "text") if isinstance(definition, dict) else None
    if not name or kind not in ATTRIBUTE_TYPES:
        raise InvalidInput(f"{where} has no type {kind!r}", hint=f"types: {', '.join(ATTRIBUTE_TYPES)}")
    values = definition.get("values")
    if kind in ("select", "multi_select") and not (isinstance(values, list) and values):
        raise InvalidInput(f"{where} is a choice without values", hint=f"as in --attribute {name}=sitting,lying")
    if values is not None and kind not in ("select", "multi_select"):
        raise InvalidInput(f"{where} is a {kind} and has no list of values", hint="make it a select")
    if "default" in definition and not fits(definition, definition["default"]):
        raise InvalidInput(f"{where} cannot be {definition['default']!r} by default", hint=f"values: {values or kind}")


def _check_skeleton(label: str, skeleton: dict[str, Any]) -> None:
    points, edges = skeleton.get("points"), skeleton.get("edges", [])
    names = isinstance(points, list) and points and all(isinstance(point, str) and point for point in points)
    if not names or len(set(points or ())) != len(points or ()):
        raise InvalidInput(f"the skeleton of '{label}' needs points with different names", hint="name each once")
    for edge in edges:
        if len(edge) != 2 or not all(isinstance(end, int) and 0 <= end < len(points or ()) for end in edge):
            raise InvalidInput(f"the skeleton of '{label}' has an edge {edge!r}", hint="an edge joins two points")


def _with_parent(labels: dict[str, Label], instead: Mapping[str, str | None]) -> dict[str, Label]:
    return {
        name: replace(label, parent=instead.get(label.parent, label.parent)) if label.parent else label
        for name, label in labels.items()
    }


def _with_sound_place(ontology: Ontology, labels: Iterable[Label]) -> Ontology:
    """Raise where one of some labels is below one that is not there, or below itself."""
    for label in labels:
        parent = ontology.labels[label.name].parent
        if parent is not None:
            find(ontology, parent)
            if parent == label.name or label.name in above(ontology, parent):
                raise InvalidInput(f"the label '{label.name}' would be below itself", hint="see `oxide label list`")
    return ontology


def above(ontology: Ontology, name: str) -> list[str]:
    """The labels above one, the nearest first. It ends where a merge of branches left a gap or a circle."""
    passed: list[str] = []
    label = ontology.labels.get(name)
    while label is not None and label.parent is not None and label.parent not in passed:
        passed.append(label.parent)
        label = ontology.labels.get(label.parent)
    return passed


def note(report: LabelChange, before: Ontology, after: Ontology) -> None:
    """Put what differs between two ontologies into a report."""
    both = before.labels.keys() & after.labels.keys()
    report.added = sorted(after.labels.keys() - before.labels.keys())
    report.removed = sorted(before.labels.keys() - after.labels.keys())
    report.changed = sorted(name for name in both if before.labels[name] != after.labels[name])
    report.closed = after.closed if after.closed != before.closed else None


def write(session: Session, tables: Tables, before: Ontology, after: Ontology) -> Tables:
    """The tables with another ontology; rows that stay the same are not touched."""
    changes = Changes(session)
    changed = [label for name, label in after.labels.items() if before.labels.get(name) != label]
    changes.upsert("ontology", [label_row(label) for label in changed])
    changes.remove("ontology", [(LABEL, name) for name in before.labels if name not in after.labels])
    if after.closed != before.closed:
        if after.closed:
            changes.upsert("ontology", [{"kind": SETTINGS, "name": _SETTINGS_NAME, "closed": True}])
        else:
            changes.remove("ontology", [(SETTINGS, _SETTINGS_NAME)])
    return changes.apply(tables)
