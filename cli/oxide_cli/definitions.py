"""Definitions of labels as they are typed on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from oxide_cli.shapes import key_and_value

if TYPE_CHECKING:
    from oxide.labels.ontology import Label

SELECT = "select"


def attributes(given: Sequence[str], required: Sequence[str], defaults: Sequence[str]) -> dict[str, Any]:
    """Definitions by name, each from ``NAME``, ``NAME:TYPE``, ``NAME=VALUE,VALUE`` or ``NAME:TYPE=VALUE,VALUE``."""
    from oxide.labels.metadata import parse_value

    found = dict(map(_attribute, given))
    for name in required:
        _named(found, name, "--required")["required"] = True
    for name, value in map(key_and_value, defaults):
        definition = _named(found, name, "--default")
        kind = definition["type"]
        listed = value.split(",") if kind == "multi_select" else value
        definition["default"] = parse_value(value) if kind in ("number", "boolean") else listed
    return found


def _attribute(text: str) -> tuple[str, dict[str, Any]]:
    head, equals, values = text.partition("=")
    name, _, kind = head.partition(":")
    if not name:
        raise click.UsageError(f"'{text}' defines no attribute: write NAME, NAME:TYPE or NAME=VALUE,VALUE")
    definition: dict[str, Any] = {"type": kind or (SELECT if equals else "text")}
    if equals:
        definition["values"] = [value for value in (each.strip() for each in values.split(",")) if value]
    return name, definition


def _named(found: dict[str, Any], name: str, option: str) -> dict[str, Any]:
    if name not in found:
        raise click.UsageError(f"{option} {name}: define it too, with --attribute {name}")
    definition: dict[str, Any] = found[name]
    return definition


def skeleton(points: str | None, edges: Sequence[str]) -> dict[str, Any] | None:
    """A skeleton out of its points' names between commas, and of edges between two of them."""
    if points is None:
        if edges:
            raise click.UsageError("--edge needs --points")
        return None
    names = [point.strip() for point in points.split(",")]
    joined = []
    for edge in edges:
        ends = [end.strip() for end in edge.split(",")]
        if len(ends) != 2 or not set(ends) <= set(names):
            raise click.UsageError(f"--edge {edge}: name two of the points, as in --edge nose,tail")
        joined.append([names.index(end) for end in ends])
    return {"points": names, "edges": joined}


def attribute_text(name: str, definition: dict[str, Any]) -> str:
    """A definition as it would be typed, with a star where it is required."""
    kind, values = definition.get("type", "text"), definition.get("values")
    text = name if kind in ("text", SELECT) else f"{name}:{kind}"
    return text + (f"={','.join(map(str, values))}" if values else "") + ("*" if definition.get("required") else "")


def label_record(label: Label) -> dict[str, object]:
    """A label as a JSON object."""
    return {
        "name": label.name,
        "parent": label.parent,
        "color": label.color,
        "attributes": label.attributes,
        "tools": list(label.tools),
        "skeleton": label.skeleton,
        "description": label.description,
    }
