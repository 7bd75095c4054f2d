"""Annotations and metadata as JSON objects and as lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oxide.labels.annotation import Annotation

Record = dict[str, object]


def annotation(value: Annotation) -> Record:
    """The object that ``annotations --json`` promises, and more."""
    record: Record = {
        "id": value.id,
        "type": value.type,
        "label": value.label,
        "bbox": list(value.box) if value.box is not None else None,
        "geometry": value.geometry,
        "attributes": value.attributes,
        "score": value.score,
        "source": value.source,
        "author": value.author,
        "created": value.created.isoformat() if value.created else None,
        "updated": value.updated.isoformat() if value.updated else None,
        "updated_by": value.updated_by,
        "item_id": value.item_id,
    }
    optional: Record = {
        "model": value.model,
        "run_id": value.run_id,
        "track": value.track,
        "frames": list(value.frames) if value.frames else None,
        "description": value.description,
        "foreign": value.foreign or None,
        "keyframes": [
            {
                "frame": keyframe.frame,
                "bbox": list(keyframe.box) if keyframe.box is not None else None,
                "geometry": keyframe.geometry,
                "visible": keyframe.visible,
                "attributes": keyframe.attributes,
            }
            for keyframe in value.keyframes
        ]
        or None,
    }
    return record | {name: cell for name, cell in optional.items() if cell is not None}


def annotation_lines(values: Sequence[Annotation]) -> Iterator[str]:
    """One line each: id, type, label, place, attributes."""
    widths = [max((len(text) for text in column), default=0) for column in zip(*map(_words, values), strict=True)]
    for value in values:
        words = _words(value)
        line = "  ".join(word.ljust(width) for word, width in zip(words, widths, strict=True))
        yield line.rstrip()


def _words(value: Annotation) -> tuple[str, ...]:
    place = " ".join(f"{number:g}" for number in value.box) if value.box is not None else "-"
    if value.frames is not None:
        place += f" frames {value.frames[0]}-{value.frames[1]}"
    attributes = json.dumps(value.attributes, ensure_ascii=False) if value.attributes else ""
    score = f"{value.score:g}" if value.score is not None else ""
    return value.id or "", value.type, value.label or "-", place, score, value.updated_by or "", attributes
