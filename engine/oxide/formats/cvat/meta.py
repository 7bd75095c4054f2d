"""``<meta>``: the task, and its labels as an ontology."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, unescape

from oxide.formats.base import wrong
from oxide.formats.cvat import NAME
from oxide.formats.xml import Writer
from oxide.labels.ontology import Label

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from oxide.formats.xml import Element

_COLOR = re.compile("#[0-9a-fA-F]{6}")
_TYPES = {"select": "select", "radio": "select", "checkbox": "boolean", "number": "number", "text": "text"}
_INPUTS = {"select": "select", "boolean": "checkbox", "number": "number", "text": "text", "multi_select": "text"}
TOOLS: dict[str, tuple[str, ...]] = {
    "rectangle": ("box", "rotated_box"),
    "polygon": ("polygon",),
    "polyline": ("polyline",),
    "points": ("point", "keypoints"),
    "ellipse": ("ellipse",),
    "cuboid": ("cuboid",),
    "mask": ("mask",),
    "skeleton": ("keypoints",),
    "tag": ("class",),
}
_ABOUT = ("id", "name", "mode", "overlap", "bugtracker", "flipped", "created", "updated", "subset", "owner", "assignee")
_QUOTE = {'"': "&quot;"}
_SVG_TAG = re.compile(r"<(circle|line)\b([^>]*)>")
_SVG_VALUE = re.compile(r'([\w-]+)="([^"]*)"')


@dataclass
class Meta:
    """What was read of it: the labels by name, and name and size of the video of each task."""

    labels: dict[str, Label] = field(default_factory=dict)
    videos: dict[str | None, tuple[str | None, int | None, int | None]] = field(default_factory=dict)

    def video_of(self, task: str | None) -> str | None:
        """The file name of a task's video, or the task's name."""
        return self._video(task)[0]

    def size_of(self, task: str | None) -> tuple[int | None, int | None]:
        """(width, height) of a task's frames."""
        return self._video(task)[1:]

    def _video(self, task: str | None) -> tuple[str | None, int | None, int | None]:
        return self.videos.get(task) or self.videos.get(None) or (None, None, None)


def read_meta(file: Path, element: Element) -> Meta:
    """``<meta>`` of a task, or of a project with several tasks, or of a job."""
    top = next((child for child in element.children if child.name in ("task", "project", "job")), None)
    if top is None:
        raise wrong(file, f"line {element.line}", "it says of no task, project or job")
    tasks = found.children if (found := top.find("tasks")) else [top]
    videos: dict[str | None, tuple[str | None, int | None, int | None]] = {}
    original = element.find("original_size")
    for task in tasks:
        size = task.find("original_size") or original
        sides = [size.text_of(side) if size else None for side in ("width", "height")]
        width, height = (int(side) if side and side.isdecimal() else None for side in sides)
        name = task.text_of("source") or element.text_of("source") or task.text_of("name")
        videos[task.text_of("id")] = name, width, height
    if len(tasks) == 1:
        videos[None] = next(iter(videos.values()))
    return Meta(_labels(file, top), videos)


def _labels(file: Path, top: Element) -> dict[str, Label]:
    listed = top.find("labels")
    found: dict[str, Label] = {}
    if listed is None:
        return found
    about = {child.name: _value(child) for child in top.children if child.name in _ABOUT}
    about = {name: value for name, value in about.items() if value}
    parts: dict[str, list[str]] = {}
    for child in listed.children:
        name = named.text if (named := child.find("name")) else ""
        if not name:
            raise wrong(file, f"line {child.line}", "the label has no name")
        above = child.text_of("parent")
        if above is not None:
            parts.setdefault(above, []).append(name)
            continue
        found[name] = _label(child, name, len(found), about if not found else {})
    for name, points in parts.items():
        if name not in found:
            raise wrong(
                file, f"line {listed.line}", f"the label '{name}' is not there, which '{points[0]}' is a part of"
            )
        svg = found[name].foreign.get(NAME, {}).get("svg", "")
        edges = _edges(svg, points)
        found[name] = replace(found[name], skeleton={"points": points, "edges": edges})
    return found


def _value(element: Element) -> Any:
    if element.children:
        return {child.name: _value(child) for child in element.children}
    return element.text.strip()


def _label(element: Element, name: str, position: int, task: dict[str, Any]) -> Label:
    kept: dict[str, Any] = {"task": task} if task else {}
    kind, color, svg = (element.text_of(each) for each in ("type", "color", "svg"))
    if svg:
        kept["svg"] = svg
    attributes = {}
    for child in found.children if (found := element.find("attributes")) else []:
        attribute = named.text if (named := child.find("name")) else ""
        if attribute:
            attributes[attribute], own = _attribute(child)
            if own:
                kept.setdefault("attributes", {})[attribute] = own
    return Label(
        name,
        color=color if color and _COLOR.fullmatch(color) else None,
        attributes=attributes,
        tools=TOOLS.get(kind or "", ()),
        position=position,
        foreign={NAME: kept} if kept else {},
    )


def _attribute(element: Element) -> tuple[dict[str, Any], dict[str, Any]]:
    """An attribute's definition, and what only CVAT says of it."""
    entered = element.text_of("input_type") or "text"
    kind = _TYPES.get(entered, "text")
    definition: dict[str, Any] = {"type": kind}
    own: dict[str, Any] = {}
    values = (element.text_of("values") or "").split("\n")
    if kind == "select":
        definition["values"] = values
    elif kind == "number" and len(values) == 3:
        own["range"] = values
    default = element.text_of("default_value")
    if default is not None:
        definition["default"] = _default(default, kind)
    if _INPUTS[kind] != entered:
        own["input_type"] = entered
    if (element.text_of("mutable") or "").lower() == "true":
        own["mutable"] = True
    return definition, own


def _default(text: str, kind: str) -> Any:
    if kind == "boolean":
        return text.lower() == "true"
    if kind == "number":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _edges(svg: str, points: list[str]) -> list[list[int]]:
    """The edges of the drawing of a skeleton, between numbers of points."""
    nodes: dict[str, int] = {}
    edges = []
    for tag, inside in _SVG_TAG.findall(svg):
        values = dict(_SVG_VALUE.findall(inside))
        name = unescape(values.get("data-label-name", ""), {mark: quote for quote, mark in _QUOTE.items()})
        if tag == "circle" and name in points:
            nodes[values.get("data-node-id", "")] = points.index(name)
        elif tag == "line":
            edges.append((values.get("data-node-from", ""), values.get("data-node-to", "")))
    return [[nodes[begin], nodes[end]] for begin, end in edges if begin in nodes and end in nodes]


def drawing(skeleton: dict[str, Any]) -> str:
    """The drawing that CVAT wants of a skeleton: its points in a circle, and its edges."""
    points = skeleton["points"]
    places = [
        (50 + 40 * math.cos(2 * math.pi * at / len(points)), 50 + 40 * math.sin(2 * math.pi * at / len(points)))
        for at in range(len(points))
    ]
    lines = [
        f'<line x1="{places[begin][0]:.2f}" y1="{places[begin][1]:.2f}" x2="{places[end][0]:.2f}" '
        f'y2="{places[end][1]:.2f}" data-type="edge" data-node-from="{begin + 1}" data-node-to="{end + 1}"></line>'
        for begin, end in skeleton["edges"]
    ]
    circles = [
        f'<circle r="1.5" cx="{x:.2f}" cy="{y:.2f}" data-type="element node" data-element-id="{at + 1}" '
        f'data-node-id="{at + 1}" data-label-name="{escape(name, _QUOTE)}"></circle>'
        for at, (name, (x, y)) in enumerate(zip(points, places, strict=True))
    ]
    return "\n".join([*lines, *circles])


def write_labels(writer: Writer, labels: Iterable[Label]) -> None:
    """``<labels>``."""
    writer.start("labels")
    for label in labels:
        kept = label.foreign.get(NAME, {})
        writer.start("label")
        writer.leaf("name", label.name)
        if label.color:
            writer.leaf("color", label.color)
        writer.leaf("type", kind_of(label))
        writer.start("attributes")
        for name, definition in label.attributes.items():
            _write_attribute(writer, name, definition, kept.get("attributes", {}).get(name, {}))
        writer.end()
        if label.skeleton:
            writer.leaf("svg", kept.get("svg") or drawing(label.skeleton))
        writer.end()
        for point in label.skeleton["points"] if label.skeleton else ():
            writer.start("label")
            writer.leaf("name", point)
            writer.leaf("type", "points")
            writer.leaf("attributes", "")
            writer.leaf("parent", label.name)
            writer.end()
    writer.end()


def kind_of(label: Label) -> str:
    """CVAT's word for what may carry a label."""
    if label.skeleton:
        return "skeleton"
    return next((kind for kind, tools in TOOLS.items() if tools == label.tools and kind != "skeleton"), "any")


def _write_attribute(writer: Writer, name: str, definition: dict[str, Any], own: dict[str, Any]) -> None:
    kind = definition.get("type", "text")
    default = definition.get("default", "")
    values = own.get("range") or definition.get("values") or ([] if kind != "boolean" else ["true", "false"])
    writer.start("attribute")
    writer.leaf("name", name)
    writer.leaf("mutable", str(bool(own.get("mutable"))))
    writer.leaf("input_type", own.get("input_type") or _INPUTS[kind])
    writer.leaf("default_value", spoken(default))
    writer.leaf("values", "\n".join(map(spoken, values)))
    writer.end()


def spoken(value: Any) -> str:
    """An attribute's value as text."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
