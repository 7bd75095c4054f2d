"""Label Studio in and out."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labels.strategies import Memory, annotations, item, read, same_shape, write
from oxide.errors import InvalidInput, NotFound
from oxide.formats import label_studio
from oxide.formats.base import Labelled
from oxide.formats.label_studio import runs
from oxide.formats.label_studio.reading import path_of
from oxide.labels.annotation import Annotation, Keyframe
from oxide.labels.ontology import Label
from oxide.labels.tracks import at_frame
from support import write as put

SIZE = {"original_width": 200, "original_height": 100, "image_rotation": 0}
TASK: dict[str, Any] = {
    "id": 41,
    "data": {"image": "/data/upload/3/0a1b2c3d-street.jpg", "city": "Rome"},
    "annotations": [
        {
            "id": 1,
            "completed_by": {"email": "ada@example.org"},
            "created_at": "2026-01-02T03:04:05.000000Z",
            "result": [
                {
                    "id": "a",
                    "type": "rectanglelabels",
                    "from_name": "boxes",
                    **SIZE,
                    "value": {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0, "rectanglelabels": ["car"]},
                },
                {"id": "a", "type": "choices", "from_name": "color", "value": {"choices": ["red"]}},
                {"id": "b", "type": "choices", "from_name": "weather", "value": {"choices": ["rain", "dark"]}},
                {
                    "id": "c",
                    "type": "rectanglelabels",
                    "from_name": "boxes",
                    **SIZE,
                    "value": {"x": 50, "y": 50, "width": 10, "height": 10, "rotation": 90, "rectanglelabels": ["bus"]},
                },
            ],
        },
        {"was_cancelled": True, "result": [{"id": "z", "type": "choices", "value": {"choices": ["sun"]}}]},
    ],
    "predictions": [
        {
            "model_version": "m1",
            "score": 0.75,
            "result": [{"id": "p", "type": "choices", "from_name": "weather", "value": {"choices": ["rain"]}}],
        }
    ],
}


def test_a_file_is_read_as_it_says(tmp_path: Path) -> None:
    file = put(tmp_path, "export.json", json.dumps([TASK]))
    found = read(label_studio.format(), file)
    picture = found.pictures["street.jpg"]
    assert (picture.width, picture.height, picture.source_id) == (200, 100, "41")
    assert picture.metadata == {"city": "Rome"}
    car, rain, dark, bus, guess = found.annotations["street.jpg"]
    assert (car.label, car.box, car.attributes, car.author) == (
        "car",
        (20, 20, 60, 40),
        {"color": "red"},
        "ada@example.org",
    )
    assert car.created is not None and car.created.isoformat() == "2026-01-02T03:04:05+00:00"
    assert [(each.type, each.label) for each in (rain, dark)] == [("class", "rain"), ("class", "dark")]
    # Turned by 90 degrees about its left upper corner it lies to the left of it.
    assert bus.geometry is not None and bus.geometry["center"] == pytest.approx([95, 60])
    assert (guess.source, guess.model, guess.score) == ("model", "m1", 0.75)


@pytest.mark.parametrize(
    ("named", "path"),
    [
        ("a/b.jpg", "a/b.jpg"),
        ("/data/upload/12/0123abcd-my%20cat.jpg", "my cat.jpg"),
        ("/data/local-files/?d=set/a%20b.jpg", "set/a b.jpg"),
        ("s3://bucket/set/a.jpg", "set/a.jpg"),
        ("https://example.org/x/a.jpg?token=1", "x/a.jpg"),
    ],
)
def test_a_task_names_its_picture(named: str, path: str) -> None:
    assert path_of(named) == path


HELD = ("class", "box", "rotated_box", "polygon", "point", "ellipse", "mask")


@given(st.lists(annotations(*HELD, simple=True), max_size=5))
def test_shapes_come_back(made: list[Annotation]) -> None:
    with tempfile.TemporaryDirectory() as name:
        lost = write(label_studio.format(), Memory([item("d/a.jpg", *made)]), Path(name))
        found = read(label_studio.format(), Path(name)).annotations["d/a.jpg"]
        assert "<RectangleLabels" in (Path(name) / "config.xml").read_text(encoding="utf-8")
    assert [(each.type, each.label) for each in found] == [(each.type, each.label) for each in made]
    assert all(same_shape(a, b) for a, b in zip(found, made, strict=True))
    assert lost.losses == ({"ids of annotations": len(made)} if made else {})


def test_attributes_come_back(tmp_path: Path) -> None:
    attributes = {"pose": "lying", "age": 3, "colors": ["red", "blue"], "hidden": True}
    made = Annotation("box", "cat", (1, 1, 2, 2), attributes=attributes, source="import")
    lost = write(label_studio.format(), Memory([item("a.jpg", made)]), tmp_path)
    (found,) = read(label_studio.format(), tmp_path).annotations["a.jpg"]
    assert found.attributes == {**attributes, "hidden": "true"}
    assert lost.losses == {"types of attributes, written as text": 1}


def test_who_made_an_annotation(tmp_path: Path) -> None:
    """A person is told by a name; a model's boxes are predictions, what has neither was imported."""
    made = [
        Annotation("class", "a", source="human", author="Ada"),
        Annotation("class", "b", source="model", model="m1", score=0.5),
        Annotation("class", "c", source="import"),
    ]
    lost = write(label_studio.format(), Memory([item("a.jpg", *made)]), tmp_path)
    assert lost.losses == {"sources (human or model)": 1, "authors": 1}
    entries = list(label_studio.format().read(tmp_path))
    found = {each.annotation.label: each for each in entries if isinstance(each, Labelled)}
    assert {label: each.by_hand for label, each in found.items()} == dict.fromkeys("abc", False)
    assert (found["b"].annotation.source, found["b"].annotation.model, found["b"].annotation.score) == (
        "model",
        "m1",
        0.5,
    )
    put(tmp_path, "export.json", json.dumps([TASK]))
    people = [
        each.by_hand for each in label_studio.format().read(tmp_path / "export.json") if isinstance(each, Labelled)
    ]
    assert people == [True, True, True, True, False]


def test_tracks_come_back_in_the_size_of_the_video(tmp_path: Path) -> None:
    keyframes = (
        Keyframe(2, (0, 0, 4, 4)),
        Keyframe(6, (8, 0, 4, 4)),
        Keyframe(7, None, visible=False),
        Keyframe(9, (8, 8, 4, 4)),
    )
    made = Annotation("box", "ball", (0, 0, 4, 4), frames=(2, 12), keyframes=keyframes, source="import").checked()
    lost = write(label_studio.format(), Memory([item("a.mp4", made)]), tmp_path)
    assert not lost.losses
    reader = label_studio.format()
    with pytest.raises(InvalidInput, match="size of the video is not known"):
        read(reader, tmp_path)
    reader.find = lambda path: (path, 64, 48)
    (found,) = read(reader, tmp_path).annotations["a.mp4"]
    for frame in range(16):
        before, after = at_frame(made, frame, 0), at_frame(found, frame, 0)
        assert (before is None) == (after is None), frame
        assert before is None or (after is not None and same_shape(before, after))


def test_the_report_lists_exactly_what_is_lost(tmp_path: Path) -> None:
    known: dict[str, Any] = {"id": "a" * 24, "source": "import"}
    dataset = Memory(
        [
            item(
                "a.jpg",
                Annotation("polyline", "cat", geometry={"lines": [[1, 1, 2, 2]]}, **known).checked(),
                Annotation("box", None, (1, 1, 2, 2), **known),
                Annotation(
                    "polygon", "cat", geometry={"polygons": [[[1, 1, 9, 1, 9, 9]], [[20, 1, 29, 1, 29, 9]]]}, **known
                ).checked(),
                Annotation("text", "cat", geometry={"text": "x"}, **known),
                metadata={"split": "train", "system": {"x": 1}},
            ),
            item("b.jpg", Annotation("box", "cat", (1, 1, 2, 2), **known), width=None, number=2),
        ],
        [Label("cat", color="#ff0000", description="x")],
    )
    assert write(label_studio.format(), dataset, tmp_path).losses == {
        "descriptions of labels": 1,
        "metadata": 1,
        "annotations of the type polyline, left out": 1,
        "annotations without a label, left out": 1,
        "which polygons are parts of one annotation": 1,
        "labels and places of texts": 1,
        "ids of annotations": 2,
        "annotations of pictures of unknown size, left out": 1,
    }


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32))
def test_brushes_come_back(height: int, width: int, seed: int) -> None:
    pixels = numpy.random.default_rng(seed).random((height, width)) < 0.4
    assert (runs.decode(runs.encode(pixels), height, width) == pixels).all()


def test_a_brush_of_long_runs_and_single_values() -> None:
    pixels = numpy.zeros((500, 700), bool)
    pixels[100:400, 50:600] = True
    packed = runs.encode(pixels)
    assert len(packed) < 5_000 and (runs.decode(packed, 500, 700) == pixels).all()
    # 8 values of one pixel pair, each by itself: no run, 8 values of 8 bits
    text = f"{8:032b}{7:05b}" + "0010001101111111" + "0" + "00" + "111" + "".join(f"{v:08b}" for v in (9, 9, 9, 0) * 2)
    text += "0" * (-len(text) % 8)
    alone = list(int(text, 2).to_bytes(len(text) // 8, "big"))
    assert not runs.decode(alone, 1, 2).any()
    for wrong in (packed[:40], [*packed[:3], 1, *packed[4:]]):
        with pytest.raises(ValueError, match="runs"):
            runs.decode(wrong, 500, 700)


@pytest.mark.parametrize(
    ("task", "where"),
    [
        (1, "/0"),
        ({"data": {}}, "/0/data"),
        ({"data": {"image": "a.jpg"}, "annotations": [{"result": 1}]}, "/0/annotations/0"),
        ({"data": {"image": "a.jpg"}, "annotations": [{"result": [{"type": "star", "value": {}}]}]}, "result/0"),
        (
            {"data": {"image": "a.jpg"}, "annotations": [{"result": [{"type": "rectanglelabels", "value": {}}]}]},
            "result/0",
        ),
    ],
)
def test_wrong_tasks_are_named_with_their_place(tmp_path: Path, task: Any, where: str) -> None:
    file = put(tmp_path, "tasks.json", json.dumps([task]))
    with pytest.raises(InvalidInput) as refused:
        read(label_studio.format(), tmp_path)
    assert str(file) in refused.value.message and where in refused.value.message


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(label_studio.format(), tmp_path)
    put(tmp_path, "tasks.json", "{}")
    with pytest.raises(InvalidInput, match="no list"):
        read(label_studio.format(), tmp_path)
