"""What the annotations of a video say of one of its frames."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oxide.labels import geometry
from oxide.labels.annotation import Annotation, Keyframe

if TYPE_CHECKING:
    from oxide.labels.geometry import Box, Geometry

_MOVING = {
    "rotated_box": ("center", "size"),
    "polygon": ("polygons",),
    "polyline": ("lines",),
    "ellipse": ("center", "radii"),
    "cuboid": ("corners", "center", "size", "rotation"),
}
"""The parts of a geometry whose numbers move in a straight line."""
_TURNING = ("rotated_box", "ellipse")


def at_frame(annotation: Annotation, frame: int, time: float) -> Annotation | None:
    """The annotation as it is at a frame (counted from 0), shown ``time`` seconds after the first; ``None`` where it
    says nothing about it. What has neither frames nor times is about every frame.

    A shape lies on the straight line between those of the keyframes before and after, an angle turns the shorter way,
    label and attributes are those of the keyframe before. Shapes that cannot be matched part by part (masks, polygons
    with another number of corners) stay as in the keyframe before.
    """
    if annotation.type == "subtitle":
        said = annotation.geometry or {}
        if not said.get("start", 0) <= time < said.get("end", time + 1):
            return None
        return replace(annotation, type="text", geometry={"text": said.get("text", "")}, frames=None, keyframes=())
    if annotation.frames is not None and not annotation.frames[0] <= frame <= annotation.frames[1]:
        return None
    if not annotation.keyframes:
        return replace(annotation, frames=None)
    after = bisect_right(annotation.keyframes, frame, key=lambda keyframe: keyframe.frame)
    if after == 0 or not annotation.keyframes[after - 1].visible:
        return None
    before = annotation.keyframes[after - 1]
    next_one = annotation.keyframes[after] if after < len(annotation.keyframes) else None
    box, shape = _shape(annotation, before, next_one, frame)
    return replace(
        annotation,
        box=box,
        geometry=shape,
        label=_last_said(annotation, after, "label") or annotation.label,
        attributes={**annotation.attributes, **(_last_said(annotation, after, "attributes") or {})},
        frames=None,
        keyframes=(),
    )


def _last_said(annotation: Annotation, end: int, name: str) -> Any:
    """What the last of the first ``end`` keyframes that says anything of a field says."""
    said = (getattr(keyframe, name) for keyframe in reversed(annotation.keyframes[:end]))
    return next((each for each in said if each is not None), None)


def _shape(
    annotation: Annotation, before: Keyframe, after: Keyframe | None, frame: int
) -> tuple[Box | None, Geometry | None]:
    if before.box is None and before.geometry is None:
        return annotation.box, annotation.geometry
    if after is None or before.frame == frame:
        return before.box, before.geometry
    share = (frame - before.frame) / (after.frame - before.frame)
    kind = annotation.type
    if kind in geometry.WITHOUT_GEOMETRY:
        return _between(before.box, after.box, share), before.geometry
    if before.geometry is None or after.geometry is None:
        return before.box, before.geometry
    shape = dict(before.geometry)
    for name in _MOVING.get(kind, ()):
        if name in shape:
            shape[name] = _between(shape[name], after.geometry.get(name), share)
    if kind in _TURNING:
        turn = (after.geometry.get("angle", 0) - shape.get("angle", 0) + 180) % 360 - 180
        shape["angle"] = shape.get("angle", 0) + turn * share
    if kind == "keypoints":
        shape["points"] = _keypoints(shape["points"], after.geometry["points"], share)
    box = before.box if kind in ("mask", "text", "note") else geometry.checked(kind, None, shape)
    return box, shape


def _between(a: Any, b: Any, share: float) -> Any:
    """Numbers between two that are nested alike; the first ones where they are not."""
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return a + (b - a) * share
    alike = isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and len(a) == len(b)
    return type(a)(_between(x, y, share) for x, y in zip(a, b, strict=True)) if alike else a


def _keypoints(a: list[float], b: list[float], share: float) -> list[float]:
    """Points that are labelled in both keyframes move; whether one is seen is as before."""
    if len(a) != len(b):
        return a
    moved = list(a)
    for at in range(0, len(a), 3):
        if a[at + 2] and b[at + 2]:
            moved[at : at + 2] = _between(a[at : at + 2], b[at : at + 2], share)
    return moved
