"""LabelMe in and out."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labels.strategies import HEIGHT, WIDTH, Memory, annotations, item, read, same_shape, write
from oxide.errors import InvalidInput, NotFound
from oxide.formats import labelme
from oxide.labels.annotation import Annotation
from oxide.labels.ontology import Label
from support import write as put

GOLDEN: dict[str, Any] = {
    "version": "5.8.1",
    "flags": {"street": True},
    "shapes": [
        {
            "label": "car",
            "points": [[10.5, 20], [30, 44.25]],
            "group_id": None,
            "description": "parked",
            "shape_type": "rectangle",
            "flags": {"occluded": True, "truncated": False},
        },
        {
            "label": "tree",
            "points": [[1, 1], [9, 1], [9, 9]],
            "group_id": 3,
            "description": "",
            "shape_type": "polygon",
            "flags": {},
        },
        {
            "label": "tree",
            "points": [[20, 1], [29, 1], [29, 9]],
            "group_id": 3,
            "description": "",
            "shape_type": "polygon",
            "flags": {},
        },
        {
            "label": "wheel",
            "points": [[15, 40], [19, 40]],
            "group_id": None,
            "description": "",
            "shape_type": "circle",
            "flags": {},
        },
    ],
    "imagePath": "a.jpg",
    "imageData": None,
    "imageHeight": 48,
    "imageWidth": 64,
}


def test_a_file_is_read_as_it_says(tmp_path: Path) -> None:
    put(tmp_path, "d/a.json", json.dumps(GOLDEN))
    found = read(labelme.format(), tmp_path)
    picture = found.pictures["d/a.jpg"]
    assert (picture.width, picture.height) == (64, 48)
    street, car, tree, wheel = found.annotations["d/a.jpg"]
    assert (street.type, street.label) == ("class", "street")
    assert (car.type, car.box, car.description) == ("box", (10.5, 20, 19.5, 24.25), "parked")
    assert car.attributes == {"occluded": True, "truncated": False}
    assert tree.geometry == {"polygons": [[[1, 1, 9, 1, 9, 9]], [[20, 1, 29, 1, 29, 9]]]}
    assert tree.foreign == {"labelme": {"group": 3}}
    assert wheel.geometry == {"center": [15, 40], "radii": [4, 4], "angle": 0}


def test_a_file_that_was_read_is_written_as_it_was(tmp_path: Path) -> None:
    put(tmp_path, "in/a.json", json.dumps(GOLDEN))
    found = read(labelme.format(), tmp_path / "in").annotations["a.jpg"]
    lost = write(labelme.format(), Memory([item("a.jpg", *found, width=64, height=48)], []), tmp_path / "out")
    assert json.loads((tmp_path / "out/a.json").read_text()) == GOLDEN
    assert not lost.losses


@given(st.lists(annotations("box", "polygon", "polyline", "point", "mask", "class", simple=True), max_size=4))
def test_shapes_come_back(made: list[Annotation]) -> None:
    made = [
        each for at, each in enumerate(made) if (each.type, each.label) not in [(a.type, a.label) for a in made[:at]]
    ]
    with tempfile.TemporaryDirectory() as name:
        lost = write(labelme.format(), Memory([item("d/a.b.jpg", *made)]), Path(name))
        found = read(labelme.format(), Path(name)).annotations["d/a.b.jpg"]
    expected = sorted(made, key=lambda each: each.type != "class")
    assert [(each.type, each.label) for each in found] == [(each.type, each.label) for each in expected]
    assert all(same_shape(a, b) for a, b in zip(found, expected, strict=True))
    assert lost.losses == ({"ids of annotations": len(made)} if made else {})


@given(annotations("polygon", "polyline"))
def test_parts_come_back_in_one_group(made: Annotation) -> None:
    holes = made.type == "polygon" and any(len(rings) > 1 for rings in (made.geometry or {})["polygons"])
    with tempfile.TemporaryDirectory() as name:
        lost = write(labelme.format(), Memory([item("a.jpg", made)]), Path(name))
        (found,) = read(labelme.format(), Path(name)).annotations["a.jpg"]
    assert ("holes of polygons" in lost.losses) == holes
    if not holes:
        assert same_shape(found, made)


def test_the_report_lists_exactly_what_is_lost(tmp_path: Path) -> None:
    known: dict[str, Any] = {"id": "a" * 24, "source": "import"}
    dataset = Memory(
        [
            item(
                "a.jpg",
                Annotation(
                    "ellipse", "cat", geometry={"center": [9, 9], "radii": [4, 2], "angle": 0}, **known
                ).checked(),
                Annotation("text", "cat", geometry={"text": "x"}, **known),
                Annotation("box", None, (1, 1, 2, 2), **known),
                Annotation("keypoints", "cat", geometry={"points": [1, 1, 2, 5, 5, 2]}, **known).checked(),
                Annotation("box", "cat", (1, 1, 2, 2), attributes={"pose": "left", "seen": True}, score=0.5, **known),
                metadata={"split": "train"},
            ),
            item("a.png", number=2),
        ],
        [Label("cat", color="#ff0000")],
    )
    lost = write(labelme.format(), dataset, tmp_path)
    assert lost.losses == {
        "colours of labels": 1,
        "metadata": 1,
        "ellipses that are no circles, written as boxes": 1,
        "annotations of the type text, left out": 1,
        "annotations without a label, left out": 1,
        "shapes of the type keypoints, written as boxes": 1,
        "ids of annotations": 3,
        "attributes": 1,
        "scores": 1,
        "labels of pictures whose name differs from another's in the ending alone": 1,
    }


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"shapes": None}, "there are no shapes"),
        ({"imagePath": ""}, "/imagePath"),
        ({"imageWidth": "wide"}, "/imageWidth"),
        ({"shapes": [1]}, "/shapes/0"),
        ({"shapes": [{"label": "a", "points": [[1, 1]], "shape_type": "rectangle"}]}, "/shapes/0/points"),
        ({"shapes": [{"label": "a", "points": [[1]], "shape_type": "polygon"}]}, "/shapes/0/points"),
        ({"shapes": [{"label": "", "points": [[1, 1]], "shape_type": "point"}]}, "/shapes/0/label"),
        ({"shapes": [{"label": "a", "points": [[1, 1]], "shape_type": "star"}]}, "/shapes/0/shape_type"),
        ({"shapes": [{"label": "a", "points": [[1, 1], [2, 2]], "shape_type": "mask", "mask": "x"}]}, "/shapes/0/mask"),
    ],
)
def test_wrong_files_are_named_with_their_place(tmp_path: Path, changed: dict[str, Any], where: str) -> None:
    file = put(tmp_path, "a.json", json.dumps({**GOLDEN, **changed}))
    with pytest.raises(InvalidInput) as refused:
        read(labelme.format(), tmp_path)
    assert str(file) in refused.value.message and where in refused.value.message


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(labelme.format(), tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="no JSON file"):
        read(labelme.format(), tmp_path)
    put(tmp_path, "a.json", "{")
    with pytest.raises(InvalidInput, match="no JSON"):
        read(labelme.format(), tmp_path / "a.json")


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        put(Path(name), "a.json", data)
        with pytest.raises(InvalidInput):
            read(labelme.format(), Path(name))


def test_a_mask_lies_where_it_was(tmp_path: Path) -> None:
    import numpy
    from oxide.labels import masks

    pixels = numpy.zeros((HEIGHT, WIDTH), bool)
    pixels[10:20, 30:33] = True
    pixels[12, 31] = False
    made = Annotation("mask", "cat", geometry=masks.encode(pixels), source="import").checked()
    write(labelme.format(), Memory([item("a.jpg", made)]), tmp_path)
    shape = json.loads((tmp_path / "a.json").read_text())["shapes"][0]
    assert shape["points"] == [[30, 10], [32, 19]]
    (found,) = read(labelme.format(), tmp_path).annotations["a.jpg"]
    assert (masks.decode(found.geometry or {}) == pixels).all()
