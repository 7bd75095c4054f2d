"""Documents in which any one value is of another kind: read all the same, or refused with the file and the place."""

from __future__ import annotations

import base64
import copy
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from labels.workbench import make_repository
from oxide.errors import InvalidInput, NotFound, OxideError
from oxide.formats.label_studio import runs
from oxide.labels import masks
from support import write as put

Image = pytest.importorskip("PIL.Image", reason="needs the extra `vision`")

WIDTH, HEIGHT = 24, 16
PAINTED = numpy.zeros((HEIGHT, WIDTH), bool)
PAINTED[3:9, 4:11] = True
OTHERS: tuple[Any, ...] = (None, 5, -1, 2**70, 1e308, True, "x", "../x", [], [[1]], {}, {"a": 1})


def png(pixels: Any) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels.astype(numpy.uint8)).save(data, "PNG")
    return data.getvalue()


def result(kind: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    size = {"original_width": WIDTH, "original_height": HEIGHT}
    return {"id": kind, "type": kind, "from_name": "l", "to_name": "image", **size, "value": value, **more}


LABEL_STUDIO = [
    {
        "id": 1,
        "data": {"image": "a.png"},
        "annotations": [
            {
                "completed_by": 1,
                "created_at": "2024-01-01T00:00:00Z",
                "result": [
                    result("polygonlabels", {"points": [[1, 1], [20, 1], [20, 20]], "polygonlabels": ["dog"]}),
                    result("choices", {"choices": ["zoo"]}),
                    result("brushlabels", {"format": "rle", "rle": runs.encode(PAINTED), "brushlabels": ["owl"]}),
                ],
            }
        ],
        "predictions": [
            {
                "model_version": "m",
                "result": [
                    result(
                        "rectanglelabels",
                        {"x": 1, "y": 1, "width": 9, "height": 9, "rotation": 3, "rectanglelabels": ["cat"]},
                        score=0.4,
                    )
                ],
            }
        ],
    }
]
LABELME = {
    "flags": {"street": True},
    "imagePath": "a.png",
    "imageHeight": HEIGHT,
    "imageWidth": WIDTH,
    "shapes": [
        {
            "label": "car",
            "points": [[1, 1], [9, 9]],
            "group_id": 1,
            "shape_type": "rectangle",
            "flags": {"hidden": True},
            "description": "parked",
        },
        {"label": "car", "points": [[1, 1], [9, 1], [9, 9]], "group_id": 2, "shape_type": "polygon", "flags": {}},
        {
            "label": "car",
            "points": [[4, 3], [11, 9]],
            "shape_type": "mask",
            "mask": base64.b64encode(png(PAINTED[3:9, 4:11] * 255)).decode(),
        },
    ],
}
DATUMARO = {
    "categories": {
        "label": {"labels": [{"name": "cat", "parent": "pet", "attributes": ["wet"]}]},
        "points": {"items": [{"label_id": 0, "labels": ["nose", "tail"], "joints": [[1, 2]]}]},
    },
    "items": [
        {
            "id": "a",
            "attr": {"frame": 1},
            "image": {"path": "a.png", "size": [HEIGHT, WIDTH]},
            "annotations": [
                {"type": "bbox", "attributes": {"wet": True}, "group": 1, "label_id": 0, "bbox": [1, 2, 3, 4]},
                {"type": "polygon", "attributes": {}, "group": 2, "label_id": 0, "points": [1, 1, 5, 1, 5, 5]},
                {"type": "mask", "label_id": 0, "rle": masks.encode(PAINTED)},
                {"type": "points", "points": [1, 2, 3, 4], "visibility": [2, 2], "label_id": 0},
                {"type": "caption", "caption": "a cat"},
            ],
        }
    ],
}
PANOPTIC = {
    "images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}],
    "annotations": [
        {"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 5, "category_id": 1, "iscrowd": 0}]}
    ],
    "categories": [{"id": 1, "name": "cat", "supercategory": "pet", "isthing": 1, "color": [1, 2, 3]}],
}
CAPTIONS = {
    "images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}],
    "annotations": [{"id": 1, "image_id": 1, "caption": "a cat"}, {"id": 2, "image_id": 1, "caption": "two"}],
}
DOCUMENTS: dict[str, tuple[str, Any]] = {
    "labelstudio": ("tasks.json", LABEL_STUDIO),
    "labelme": ("a.json", LABELME),
    "datumaro": ("annotations/train.json", DATUMARO),
    "panoptic": ("panoptic.json", PANOPTIC),
    "coco": ("captions.json", CAPTIONS),
}


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for name, part in inner:
        yield (*above, name)
        yield from places(part, (*above, name))


def with_another(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    made = copy.deepcopy(document)
    part = made
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    return made


@pytest.mark.parametrize("name", DOCUMENTS)
def test_any_value_of_another_kind(tmp_path: Path, name: str) -> None:
    repo = make_repository(tmp_path / "data", "a.png")
    file, document = DOCUMENTS[name]
    source = tmp_path / "source"
    put(source, "panoptic/a.png", png(numpy.stack([PAINTED * 5, PAINTED * 0, PAINTED * 0], axis=2)))
    path = put(source, file, json.dumps(document))
    given = path if name == "coco" else source
    assert repo.import_labels(name, given, dry_run=True).added > 0
    refused = 0
    for place in places(document):
        for value in OTHERS:
            path.write_text(json.dumps(with_another(document, place, value)), encoding="utf-8")
            try:
                repo.import_labels(name, given, dry_run=True)
            except OxideError as error:
                assert isinstance(error, (InvalidInput, NotFound)), (place, value, error)
                assert str(path) in error.message or "panoptic/" in error.message, (place, value, error)
                refused += 1
            except Exception as error:
                raise AssertionError(f"{place} = {value!r}") from error
    assert refused > 50 and repo.status().clean
