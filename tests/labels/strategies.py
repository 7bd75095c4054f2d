"""Annotations of every type as hypothesis makes them, a dataset in memory, and what a format makes of it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from oxide.formats.base import Fidelity, Format, Labelled, LabelledPicture, Picture
from oxide.labels import masks
from oxide.labels.annotation import Annotation, Keyframe
from oxide.labels.geometry import TYPES
from oxide.labels.ontology import Label, Ontology
from oxide.labels.runs import Run

WIDTH, HEIGHT = 64, 48
LABELS = ("cat", "dog", "Ж & <b>")
TOLERANCE = 1e-6
"""Pixels."""
DATA = Path(os.environ.get("OXIDE_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


# -- shapes ------------------------------------------------------------------------------------------------------------
def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    """Coordinates, whole ones and such with fractions."""
    return st.one_of(st.integers(math.ceil(low), math.floor(high)).map(float), st.floats(low, high))


def points(count: int | None = None, most: int = 8) -> st.SearchStrategy[list[float]]:
    """``[x, y, x, y, ...]`` within the picture."""
    point = st.tuples(numbers(0, WIDTH), numbers(0, HEIGHT))
    low, high = (3, most) if count is None else (count, count)
    return st.lists(point, min_size=low, max_size=high, unique=True).map(lambda found: [n for p in found for n in p])


@st.composite
def boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    """A box within the picture, a pixel wide and high at least."""
    left, top = draw(numbers(0, WIDTH - 1)), draw(numbers(0, HEIGHT - 1))
    return left, top, draw(numbers(1, WIDTH - left)), draw(numbers(1, HEIGHT - top))


@st.composite
def _rotated(draw: st.DrawFn) -> dict[str, Any]:
    center = [draw(numbers(WIDTH / 4, WIDTH / 2)), draw(numbers(HEIGHT / 4, HEIGHT / 2))]
    size = [draw(numbers(2, WIDTH / 4)), draw(numbers(2, HEIGHT / 4))]
    return {"center": center, "size": size, "angle": draw(numbers(1, 179))}


@st.composite
def _ellipse(draw: st.DrawFn) -> dict[str, Any]:
    center = [draw(numbers(20, 40)), draw(numbers(20, 30))]
    return {"center": center, "radii": [draw(numbers(1, 15)), draw(numbers(1, 15))], "angle": draw(numbers(0, 359))}


@st.composite
def _mask(draw: st.DrawFn) -> dict[str, Any]:
    import numpy

    pixels = numpy.zeros((HEIGHT, WIDTH), dtype=bool)
    for _ in range(draw(st.integers(1, 4))):
        left, top = draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, HEIGHT - 1))
        pixels[top : top + draw(st.integers(1, 20)), left : left + draw(st.integers(1, 20))] ^= True
    pixels[draw(st.integers(0, HEIGHT - 1)), draw(st.integers(0, WIDTH - 1))] = True
    return masks.encode(pixels)


@st.composite
def _keypoints(draw: st.DrawFn, count: int) -> dict[str, Any]:
    flat = draw(points(count))
    seen = draw(st.lists(st.sampled_from((0, 1, 2)), min_size=count, max_size=count))
    seen[0] = 2
    return {"points": [n for x, y, v in zip(flat[::2], flat[1::2], seen) for n in (x, y, v)]}


def _cuboid() -> st.SearchStrategy[dict[str, Any]]:
    corner = st.tuples(numbers(0, WIDTH), numbers(0, HEIGHT)).map(lambda point: [*point, 0.0])
    return st.fixed_dictionaries({"corners": st.lists(corner, min_size=8, max_size=8)})


def texts() -> st.SearchStrategy[str]:
    """Text with what markup and JSON must escape."""
    return st.text("aZ 0.,:;/\\&<>\"'éЖ🐱]", min_size=1, max_size=12)


def geometries(kind: str, *, count: int = 3, simple: bool = False) -> st.SearchStrategy[Any]:
    """A geometry; ``simple``: of one ring or line. ``count`` is the number of keypoints."""
    parts = 1 if simple else 3
    ring = st.lists(points(), min_size=1, max_size=1 if simple else 2)
    space = st.lists(numbers(0, 50), min_size=3, max_size=3)
    found: dict[str, st.SearchStrategy[Any]] = {
        "rotated_box": _rotated(),
        "polygon": st.fixed_dictionaries({"polygons": st.lists(ring, min_size=1, max_size=parts)}),
        "polyline": st.fixed_dictionaries({"lines": st.lists(points(), min_size=1, max_size=parts)}),
        "ellipse": _ellipse(),
        "keypoints": _keypoints(count),
        "mask": _mask(),
        "cuboid": _cuboid()
        if simple
        else _cuboid() | st.fixed_dictionaries(dict.fromkeys(("center", "size", "rotation"), space)),
        "text": st.fixed_dictionaries({"text": texts()}),
        "note": st.fixed_dictionaries({"messages": st.lists(st.fixed_dictionaries({"body": texts()}), max_size=2)}),
        "subtitle": st.fixed_dictionaries({"text": texts(), "start": numbers(0, 5), "end": numbers(5, 9)}),
    }
    return found.get(kind, st.none())


# -- annotations -------------------------------------------------------------------------------------------------------
def attributes() -> st.SearchStrategy[dict[str, Any]]:
    """Attributes with JSON values."""
    value = st.booleans() | st.integers(-9, 9) | numbers(-2, 2) | texts() | st.lists(texts(), max_size=2)
    return st.dictionaries(texts(), value, max_size=3)


def moments() -> st.SearchStrategy[datetime]:
    """Times in UTC."""
    return st.datetimes(datetime(2001, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))


@st.composite
def annotations(draw: st.DrawFn, *types: str, simple: bool = False, count: int = 3, full: bool = False) -> Annotation:
    """An annotation of one of some types (of all types), checked. ``full``: with all that can be known of one."""
    kind = draw(st.sampled_from(types or TYPES))
    box: Any = None
    if kind == "box":
        box = draw(boxes())
    elif kind == "point":
        box = (*draw(points(1)), 0.0, 0.0)
    made = Annotation(
        kind,
        draw(st.sampled_from(LABELS)),
        box,
        draw(geometries(kind, count=count, simple=simple)),
        source="import",
        id=draw(st.binary(min_size=12, max_size=12)).hex(),
    )
    if full:
        made = _filled(draw, made)
    return made.checked()


def _filled(draw: st.DrawFn, made: Annotation) -> Annotation:
    from dataclasses import replace

    source = draw(st.sampled_from(("human", "model", "import")))
    return replace(
        made,
        attributes=draw(attributes()),
        source=source,
        score=draw(st.none() | numbers(0, 1)) if source == "model" else None,
        model=draw(texts()) if source == "model" else None,
        author=draw(st.none() | texts()),
        created=draw(st.none() | moments()),
        updated=draw(st.none() | moments()),
        updated_by=draw(st.none() | texts()),
        description=draw(st.none() | texts()),
    )


@st.composite
def tracks(draw: st.DrawFn, *types: str, values: st.SearchStrategy[dict[str, Any]] | None = None) -> Annotation:
    """An object of a video, with key frames of which the first is its own shape and the last is seen."""
    from dataclasses import replace

    first = draw(annotations(*types, simple=True))
    frames = sorted(draw(st.sets(st.integers(0, 90), min_size=2, max_size=5)))
    keyframes = [Keyframe(frames[0], first.box, first.geometry)]
    given = draw(values) if values is not None else {}
    before = given
    for frame in frames[1:]:
        visible = draw(st.booleans()) or frame == frames[-1]
        box = draw(boxes()) if visible and first.type == "box" else None
        geometry = draw(geometries(first.type, simple=True)) if visible else None
        now = draw(values) if values is not None else {}
        changed = now if now and now != before else None
        keyframes.append(Keyframe(frame, box, geometry, visible, changed))
        before = now if changed else before
    last = frames[-1] + draw(st.integers(0, 9))
    return replace(
        first,
        attributes=given,
        track=str(draw(st.integers(0, 99))),
        frames=(frames[0], last),
        keyframes=tuple(keyframes),
    ).checked()


# -- a dataset in memory -----------------------------------------------------------------------------------------------
@dataclass
class Memory:
    """A dataset: pictures in a list, and labels."""

    items: list[LabelledPicture]
    labels: Sequence[Label] = tuple(Label(name, position=at) for at, name in enumerate(LABELS))
    name: str = "set"
    closed: bool = False
    runs: Sequence[Run] = ()

    @property
    def ontology(self) -> Ontology:
        """The labels by name."""
        return Ontology({label.name: label for label in self.labels}, self.closed)

    def pictures(self) -> Iterator[LabelledPicture]:
        """The pictures, from the start."""
        return iter(self.items)


def item(path: str, *found: Annotation, number: int = 1, **fields: Any) -> LabelledPicture:
    """A picture with annotations."""
    fields = {"width": WIDTH, "height": HEIGHT, "metadata": {}, **fields}
    return LabelledPicture(f"{number:024x}", path, "0" * 64, 1000, annotations=tuple(found), **fields)


@dataclass
class Found:
    """What was read: pictures with their annotations by path, and labels by name."""

    pictures: dict[str, Picture] = field(default_factory=dict)
    annotations: dict[str, list[Annotation]] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)


def read(format: Format, source: Path) -> Found:
    """Read a source, as the importer does: every picture before its annotations, each annotation checked."""
    found = Found()
    paths: dict[Any, str] = {}
    for entry in format.read(source):
        if isinstance(entry, Picture):
            assert entry.key not in paths
            paths[entry.key] = entry.path or ""
            found.pictures[entry.path or ""] = entry
            found.annotations[entry.path or ""] = []
        elif isinstance(entry, Labelled):
            found.annotations[paths[entry.key]].append(entry.annotation.checked())
            found.places.append(entry.place)
        elif isinstance(entry, Label):
            found.labels[entry.name] = entry
    return found


def write(format: Format, dataset: Memory, target: Path) -> Fidelity:
    """Write a dataset; the report of what was lost."""
    fidelity = Fidelity()
    format.write(dataset, target, fidelity)
    return fidelity


# -- comparing ---------------------------------------------------------------------------------------------------------
def close(a: Any, b: Any, tolerance: float = TOLERANCE) -> bool:
    """Whether two values are equal, numbers up to a tolerance."""
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=0, abs_tol=tolerance)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(close(a[key], b[key], tolerance) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(close(x, y, tolerance) for x, y in zip(a, b))
    return bool(a == b)


def same_shape(a: Annotation | Keyframe, b: Annotation | Keyframe, tolerance: float = TOLERANCE) -> bool:
    """Whether two annotations, or key frames, are at the same place in the same way."""
    kinds = getattr(a, "type", None) == getattr(b, "type", None)
    return kinds and close(a.box, b.box, tolerance) and close(a.geometry, b.geometry, tolerance)
