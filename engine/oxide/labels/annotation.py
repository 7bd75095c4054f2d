"""What an annotation is: a shape or a statement about an item, with its label, attributes and history."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from oxide.errors import InvalidInput
from oxide.labels import geometry
from oxide.labels.geometry import Box, Geometry

SOURCES = ("human", "model", "import")


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A track's shape at a frame. Between two keyframes it moves in a straight line; after one that is not ``visible``
    it is gone until the next.
    """

    frame: int
    box: Box | None = None
    geometry: Geometry | None = None
    visible: bool = True
    attributes: dict[str, Any] | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotation.

    ``type`` is one of :data:`oxide.labels.geometry.TYPES`. ``box`` is (left, top, width, height) in pixels of the
    upright picture, as floats: the shape itself for a box, what encloses it for every other shape, ``None`` for a type
    without a place. ``geometry`` holds what a box cannot say, see :mod:`oxide.labels.geometry`. ``attributes`` maps
    names to JSON values. ``score`` is a model's confidence from 0 to 1. ``source`` is ``human``, ``model`` or
    ``import``. ``run_id`` names the import or model run that made it, ``foreign`` keeps by format what only that format
    says. Ids are 24 hex digits. ``track`` is the object's name within its video, ``frames`` the (first, last) frame in
    which it lives.
    """

    type: str
    label: str | None = None
    box: Box | None = None
    geometry: Geometry | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    score: float | None = None
    source: str = "human"
    id: str | None = None
    item_id: str | None = None
    model: str | None = None
    run_id: str | None = None
    author: str | None = None
    created: datetime | None = None
    updated: datetime | None = None
    updated_by: str | None = None
    track: str | None = None
    frames: tuple[int, int] | None = None
    description: str | None = None
    foreign: dict[str, Any] = field(default_factory=dict)
    keyframes: tuple[Keyframe, ...] = ()

    def checked(self) -> Annotation:
        """The annotation with its box filled from its geometry.

        Raises:
            InvalidInput: the shape is malformed (a NaN, a negative size, too few points), or a field has no such value.
        """
        self.check_fields()
        box = geometry.checked(self.type, self.box, self.geometry)
        keyframes = tuple(
            replace(keyframe, box=geometry.checked(self.type, keyframe.box, keyframe.geometry))
            if keyframe.box is not None or keyframe.geometry is not None
            else keyframe
            for keyframe in sorted(self.keyframes, key=lambda keyframe: keyframe.frame)
        )
        if box == self.box and type(self.box) is tuple and keyframes == self.keyframes:
            return self
        return replace(self, box=box, keyframes=keyframes)

    def check_fields(self) -> None:
        """Look at what is no shape. Raises InvalidInput."""
        if self.source not in SOURCES:
            raise InvalidInput(f"'{self.source}' is no source of an annotation", hint=f"use {', '.join(SOURCES)}")
        _check_label(self.label)
        for keyframe in self.keyframes:
            _check_label(keyframe.label)
        if self.score is not None and not (isinstance(self.score, (int, float)) and 0 <= self.score <= 1):
            raise InvalidInput(f"a score is a number from 0 to 1, not {self.score!r}", hint="leave it out if unknown")

    @property
    def area(self) -> float:
        """Square pixels that the shape covers; 0 without one."""
        return geometry.area(self.type, self.box, self.geometry)


def _check_label(label: Any) -> None:
    if label is None:
        return
    if not isinstance(label, str):
        raise InvalidInput(f"a label is a text, not {label!r}", hint="leave it out where there is none")
    if not label:
        raise InvalidInput("the label '' is empty", hint="leave it out where there is none")
