"""COCO panoptic in and out."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labels.strategies import HEIGHT, WIDTH, Memory, annotations, item, read, same_shape, write
from oxide.errors import InvalidInput, NotFound
from oxide.formats import panoptic
from oxide.labels import masks
from oxide.labels.annotation import Annotation
from oxide.labels.ontology import Label
from PIL import Image
from support import write as put


def made(folder: Path, **changed: Any) -> Path:
    """A file with one picture of two segments, of which one has an id beyond a byte."""
    ids = numpy.zeros((6, 8), numpy.uint32)
    ids[1:3, 2:5], ids[4, :] = 70_000, 3
    (folder / "panoptic").mkdir(parents=True)
    colors = numpy.stack([ids >> shift & 255 for shift in (0, 8, 16)], axis=2).astype(numpy.uint8)
    Image.fromarray(colors).save(folder / "panoptic/a.png")
    segments = [
        {"id": 70_000, "category_id": 5, "area": 6, "bbox": [2, 1, 3, 2], "iscrowd": 0},
        {"id": 3, "category_id": 9, "area": 8, "bbox": [0, 4, 8, 1], "iscrowd": 1},
    ]
    record = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 8, "height": 6}],
        "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": segments}],
        "categories": [
            {"id": 5, "name": "cat", "isthing": 1, "color": [255, 0, 16]},
            {"id": 9, "name": "sky", "isthing": 0},
        ],
    }
    return put(folder, "panoptic.json", json.dumps({**record, **changed}))


def test_a_file_is_read_as_it_says(tmp_path: Path) -> None:
    found = read(panoptic.format(), made(tmp_path))
    cat, sky = found.annotations["a.jpg"]
    assert (cat.label, cat.box, sky.label, sky.box) == ("cat", (2, 1, 3, 2), "sky", (0, 4, 8, 1))
    assert sky.foreign == {"panoptic": {"iscrowd": 1}} and cat.foreign == {}
    assert found.labels["cat"].color == "#ff0010" and found.labels["sky"].foreign == {"panoptic": {"isthing": 0}}


def test_a_file_that_was_read_is_written_as_it_was(tmp_path: Path) -> None:
    found = read(panoptic.format(), made(tmp_path / "in"))
    again = item("a.jpg", *found.annotations["a.jpg"], width=8, height=6)
    lost = write(panoptic.format(), Memory([again], list(found.labels.values())), tmp_path / "out")
    assert not lost.losses
    record = json.loads((tmp_path / "out/panoptic.json").read_text())
    assert [(each["area"], each["bbox"], each["iscrowd"]) for each in record["annotations"][0]["segments_info"]] == [
        (6, [2, 1, 3, 2], 0),
        (8, [0, 4, 8, 1], 1),
    ]
    assert record["categories"][1] == {"id": 2, "name": "sky", "isthing": 0}
    both = read(panoptic.format(), tmp_path / "out").annotations["a.jpg"], found.annotations["a.jpg"]
    assert all(same_shape(a, b) and a.foreign == b.foreign for a, b in zip(*both, strict=True))


@given(st.lists(annotations("mask"), max_size=3))
def test_segments_that_do_not_overlap_come_back(found: list[Annotation]) -> None:
    taken = numpy.zeros((HEIGHT, WIDTH), bool)
    apart = []
    for each in found:
        pixels = masks.decode(each.geometry or {})
        if not (pixels & taken).any():
            apart.append(each)
            taken |= pixels
    with tempfile.TemporaryDirectory() as name:
        lost = write(panoptic.format(), Memory([item("d/a.jpg", *apart)]), Path(name))
        again = read(panoptic.format(), Path(name)).annotations["d/a.jpg"]
    assert lost.losses == ({"ids of annotations": len(apart)} if apart else {})
    assert [each.label for each in again] == [each.label for each in apart]
    assert all(same_shape(a, b) for a, b in zip(again, apart, strict=True))


def test_the_report_lists_exactly_what_is_lost(tmp_path: Path) -> None:
    pixels = numpy.zeros((HEIGHT, WIDTH), bool)
    pixels[:5, :5] = True
    small = Annotation("mask", "cat", geometry=masks.encode(pixels), source="import").checked()
    polygon = Annotation("polygon", "cat", geometry={"polygons": [[[0, 0, 20, 0, 20, 20, 0, 20]]]}, source="import")
    dataset = Memory(
        [
            item("a.jpg", small, polygon.checked(), Annotation("box", "cat", (1, 1, 2, 2)), Annotation("class")),
            item("b.jpg", small, width=None, number=2),
        ],
        [Label("cat", parent="animal")],
    )
    assert write(panoptic.format(), dataset, tmp_path).losses == {
        "labels above labels": 1,
        "outlines of polygons, written as pixels": 1,
        "pixels of other annotations below": 1,
        "annotations that others cover, left out": 1,
        "annotations of the type box, left out": 1,
        "annotations without a label, left out": 1,
        "annotations of pictures of unknown size, left out": 1,
    }


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"images": 1}, "has not all of"),
        ({"images": [{}]}, "/images/0"),
        ({"categories": [{}]}, "/categories/0"),
        ({"annotations": [{"image_id": 7}]}, "/annotations/0"),
        ({"annotations": [{"image_id": 1, "file_name": "no.png"}]}, "no.png"),
        (
            {"annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": [{"category_id": 77}]}]},
            "/annotations/0/segments_info/0",
        ),
        (
            {"annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 8, "category_id": 5}]}]},
            "no pixel of the segment 8",
        ),
    ],
)
def test_wrong_files_are_named_with_their_place(tmp_path: Path, changed: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(panoptic.format(), made(tmp_path, **changed))
    assert where in refused.value.message


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(panoptic.format(), tmp_path)
    put(tmp_path, "panoptic.json", "{")
    with pytest.raises(InvalidInput, match="no JSON"):
        read(panoptic.format(), tmp_path)
