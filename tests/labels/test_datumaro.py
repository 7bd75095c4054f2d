"""Datumaro in and out."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labels.strategies import LABELS, Memory, annotations, item, read, same_shape, write
from oxide.errors import InvalidInput, NotFound
from oxide.formats import datumaro
from oxide.labels.annotation import Annotation
from oxide.labels.ontology import Label
from support import write as put

GOLDEN: dict[str, Any] = {
    "dm_format_version": "1.0",
    "infos": {},
    "categories": {
        "label": {
            "labels": [
                {"name": "animal", "parent": "", "attributes": []},
                {"name": "cat", "parent": "animal", "attributes": ["pose"]},
            ],
            "attributes": [],
        },
        "points": {"items": [{"label_id": 1, "labels": ["nose", "tail"], "joints": [[1, 2]]}]},
    },
    "items": [
        {
            "id": "d/a",
            "annotations": [
                {
                    "id": 0,
                    "type": "bbox",
                    "attributes": {"pose": "lying"},
                    "group": 0,
                    "label_id": 1,
                    "z_order": 2,
                    "bbox": [1.5, 2.0, 10.0, 12.0],
                },
                {
                    "id": 1,
                    "type": "polygon",
                    "attributes": {},
                    "group": 4,
                    "label_id": 0,
                    "z_order": 0,
                    "points": [1.0, 1.0, 9.0, 1.0, 9.0, 9.0],
                },
                {
                    "id": 2,
                    "type": "polygon",
                    "attributes": {},
                    "group": 4,
                    "label_id": 0,
                    "z_order": 0,
                    "points": [21.0, 1.0, 29.0, 1.0, 29.0, 9.0],
                },
                {
                    "id": 3,
                    "type": "points",
                    "attributes": {"score": 0.25},
                    "group": 0,
                    "label_id": 1,
                    "z_order": 0,
                    "points": [3.0, 4.0, 5.0, 6.0],
                    "visibility": [2, 1],
                },
            ],
            "attr": {"frame": 3},
            "image": {"path": "d/a.jpg", "size": [48, 64]},
        }
    ],
}


def test_a_file_is_read_as_it_says(tmp_path: Path) -> None:
    put(tmp_path, "annotations/train.json", json.dumps(GOLDEN))
    found = read(datumaro.format(), tmp_path)
    picture = found.pictures["d/a.jpg"]
    assert (picture.width, picture.height) == (64, 48)
    assert picture.metadata == {"split": "train", "datumaro": {"frame": 3}}
    box, animal, skeleton = found.annotations["d/a.jpg"]
    assert (box.label, box.box, box.attributes) == ("cat", (1.5, 2, 10, 12), {"pose": "lying"})
    assert animal.geometry == {"polygons": [[[1, 1, 9, 1, 9, 9]], [[21, 1, 29, 1, 29, 9]]]}
    assert skeleton.geometry == {"points": [3, 4, 2, 5, 6, 1]}
    assert (skeleton.source, skeleton.score) == ("model", 0.25)
    assert found.labels["cat"].parent == "animal"
    assert found.labels["cat"].skeleton == {"points": ["nose", "tail"], "edges": [[0, 1]]}


def test_a_file_that_was_read_is_written_as_it_was(tmp_path: Path) -> None:
    put(tmp_path, "in/annotations/train.json", json.dumps(GOLDEN))
    found = read(datumaro.format(), tmp_path / "in")
    again = item(
        "d/a.jpg",
        *found.annotations["d/a.jpg"],
        width=64,
        height=48,
        metadata=found.pictures["d/a.jpg"].metadata,
    )
    lost = write(datumaro.format(), Memory([again], list(found.labels.values())), tmp_path / "out")
    assert json.loads((tmp_path / "out/annotations/train.json").read_text()) == GOLDEN
    assert not lost.losses


HELD = ("class", "box", "rotated_box", "polygon", "polyline", "point", "keypoints", "mask", "text")


@given(st.lists(annotations(*HELD, simple=True), max_size=5))
def test_shapes_come_back(made: list[Annotation]) -> None:
    with tempfile.TemporaryDirectory() as name:
        lost = write(datumaro.format(), Memory([item("d/a.jpg", *made)]), Path(name))
        found = read(datumaro.format(), Path(name))
    assert [(each.type, each.label) for each in found.annotations["d/a.jpg"]] == [
        (each.type, each.label) for each in made
    ]
    assert all(same_shape(a, b) for a, b in zip(found.annotations["d/a.jpg"], made, strict=True))
    assert lost.losses == ({"ids of annotations": len(made)} if made else {})
    assert tuple(found.labels) == LABELS


@given(annotations("polygon", "polyline", "ellipse"))
def test_parts_come_back_as_one(made: Annotation) -> None:
    shape = made.geometry or {}
    holes = made.type == "polygon" and any(len(rings) > 1 for rings in shape["polygons"])
    turned = made.type == "ellipse" and shape["angle"] % 180 != 0 and shape["radii"][0] != shape["radii"][1]
    with tempfile.TemporaryDirectory() as name:
        lost = write(datumaro.format(), Memory([item("a.jpg", made)]), Path(name))
        (found,) = read(datumaro.format(), Path(name)).annotations["a.jpg"]
    assert ("holes of polygons" in lost.losses) == holes and ("angles of ellipses" in lost.losses) == turned
    if made.type != "ellipse" and not holes:
        assert same_shape(found, made)


def test_the_report_lists_exactly_what_is_lost(tmp_path: Path) -> None:
    made = Annotation("box", "cat", (1, 1, 2, 2), id="a" * 24, description="x", source="import")
    note = Annotation("note", "cat", geometry={"messages": []}, id="b" * 24)
    label = Label("cat", color="#ff0000", attributes={"pose": {"type": "text"}})
    dataset = Memory([item("a.jpg", made, note, metadata={"split": "a/b", "x": 1})], [label])
    assert write(datumaro.format(), dataset, tmp_path).losses == {
        "colours of labels": 1,
        "types and values of attributes, of which the names are kept": 1,
        "metadata": 1,
        "ids of annotations": 1,
        "descriptions": 1,
        "annotations of the type note, left out": 1,
    }


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"items": 1}, "/items"),
        ({"items": [{}]}, "/items/0"),
        ({"items": [{"id": "a", "annotations": [{"type": "star"}]}]}, "/items/0/annotations/0"),
        ({"items": [{"id": "a", "annotations": [{"type": "bbox", "bbox": [1]}]}]}, "/items/0/annotations/0"),
        ({"items": [{"id": "a", "annotations": [{"type": "label", "label_id": 9}]}]}, "/items/0/annotations/0"),
        ({"categories": {"label": {"labels": [{}]}}}, "/categories"),
    ],
)
def test_wrong_files_are_named_with_their_place(tmp_path: Path, changed: dict[str, Any], where: str) -> None:
    file = put(tmp_path, "annotations/train.json", json.dumps({**GOLDEN, **changed}))
    with pytest.raises(InvalidInput) as refused:
        read(datumaro.format(), tmp_path)
    assert str(file) in refused.value.message and where in refused.value.message


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(datumaro.format(), tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="no annotations"):
        read(datumaro.format(), tmp_path)
