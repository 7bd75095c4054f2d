"""Dataloop's JSON in and out."""

from __future__ import annotations

import base64
import io
import json
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labels.strategies import Memory, annotations, attributes, close, item, read, same_shape, tracks, write
from oxide.errors import InvalidInput, NotFound
from oxide.formats import dataloop
from oxide.labels import masks
from oxide.labels.annotation import Annotation, Keyframe
from oxide.labels.ontology import Label
from support import write as put

ID = "63d4f0a1b2c3d4e5f6a7b8"
ITEM: dict[str, Any] = {
    "id": f"{ID}00",
    "datasetId": f"{ID}ff",
    "name": "a.jpg",
    "filename": "/d/a.jpg",
    "dir": "/d",
    "type": "file",
    "hidden": False,
    "creator": "ada@example.org",
    "createdAt": "2024-03-01T10:20:30.123Z",
    "metadata": {
        "system": {"width": 100, "height": 80, "size": 5000, "refs": [{"type": "task", "id": "T"}]},
        "user": {"camera": {"id": 7}, "split": "train"},
        "fps": 25,
    },
    "annotations": [
        {
            "id": f"{ID}01",
            "type": "box",
            "label": "cat",
            "coordinates": [{"x": 10.5, "y": 20, "z": 0}, {"x": 30.5, "y": 60, "z": 0}],
            "attributes": ["black"],
            "metadata": {
                "system": {"attributes": {"1": "old", "2": 3}, "status": "issue", "automated": True},
                "user": {"model": {"name": "yolo", "model_id": "m1", "confidence": 0.75}, "note": "x"},
            },
            "creator": "bob@example.org",
            "createdAt": "2024-03-01T10:20:30.123Z",
            "updatedAt": "2024-03-02T10:20:30.123Z",
            "updatedBy": "eve@example.org",
            "source": "sdk",
            "url": "https://example.org/annotations/1",
            "hash": "abc",
        },
        {
            "id": f"{ID}02",
            "type": "box",
            "label": "cat",
            "source": "ui",
            "coordinates": [{"x": 10, "y": 20, "z": 0}, {"x": 30, "y": 60, "z": 0}, 30],
        },
        {
            "id": "not-hex",
            "type": "segment",
            "label": "cat",
            "coordinates": [
                [{"x": 0, "y": 0}, {"x": 9, "y": 0}, {"x": 9, "y": 9}],
                [{"x": 5, "y": 2}, {"x": 7, "y": 2}, {"x": 7, "y": 4}],
            ],
        },
        {"id": f"{ID}04", "type": "polyline", "label": "cat", "coordinates": [[{"x": 0, "y": 1}, {"x": 2, "y": 3}]]},
        {"id": f"{ID}05", "type": "point", "label": "cat", "coordinates": {"x": 1, "y": 2, "z": 0}},
        {
            "id": f"{ID}06",
            "type": "ellipse",
            "label": "cat",
            "coordinates": {"angle": 90, "center": {"x": 50, "y": 40, "z": 0}, "rx": 10, "ry": 5},
        },
        {"id": f"{ID}07", "type": "class", "label": "indoors"},
        {
            "id": f"{ID}08",
            "type": "note",
            "label": "note",
            "coordinates": {
                "box": [{"x": 1, "y": 2, "z": 0}, {"x": 3, "y": 5, "z": 0}],
                "note": {"messages": [{"body": "why?"}], "status": "issue", "assignee": "ada"},
            },
        },
        {"id": f"{ID}09", "type": "text", "label": "said", "coordinates": "hello"},
        {
            "id": f"{ID}0a",
            "type": "subtitle",
            "label": "said",
            "coordinates": {"text": "hi"},
            "metadata": {"system": {"startTime": 0.5, "endTime": 2}},
        },
        {"id": f"{ID}0b", "type": "pose", "label": "man", "coordinates": {"templateId": "t", "instanceId": "i"}},
        {
            "id": f"{ID}0c",
            "type": "point",
            "label": "head",
            "coordinates": {"x": 5, "y": 6, "z": 0},
            "metadata": {"system": {"parentId": f"{ID}0b"}},
        },
        {
            "id": f"{ID}0d",
            "type": "point",
            "label": "foot",
            "coordinates": {"x": 7, "y": 8, "z": 0},
            "metadata": {"system": {"parentId": f"{ID}0b"}, "user": {"visibility": 1}},
        },
        {"id": f"{ID}0e", "type": "text_mark", "label": "verb", "coordinates": {"label": "verb", "start": 3, "end": 7}},
    ],
}


def saved(folder: Path, item: dict[str, Any] = ITEM, name: str = "d/a.json") -> Path:
    return put(folder, name, json.dumps(item))


def test_an_item_is_read_as_it_says(tmp_path: Path) -> None:
    saved(tmp_path)
    found = read(dataloop.format(), tmp_path)
    picture = found.pictures["d/a.jpg"]
    assert (picture.width, picture.height, picture.source_id) == (100, 80, f"{ID}00")
    assert picture.metadata == {
        "system": {"refs": [{"type": "task", "id": "T"}]},
        "camera": {"id": 7},
        "split": "train",
        "fps": 25,
    }
    assert (picture.creator, picture.created) == (
        "ada@example.org",
        datetime(2024, 3, 1, 10, 20, 30, 123000, tzinfo=UTC),
    )
    box, turned, polygon, line, point, ellipse, room, note, text, subtitle, pose, mark = found.annotations["d/a.jpg"]
    assert (box.id, box.label, box.box) == (f"{ID}01", "cat", (10.5, 20, 20, 40))
    assert (box.source, box.model, box.score) == ("model", "yolo", 0.75)
    assert box.attributes == {"black": True, "1": "old", "2": 3}
    assert (box.author, box.updated_by) == ("bob@example.org", "eve@example.org")
    assert box.updated == datetime(2024, 3, 2, 10, 20, 30, 123000, tzinfo=UTC)
    assert box.foreign == {
        "dataloop": {
            "system": {"status": "issue"},
            "user": {"note": "x"},
            "model": {"model_id": "m1"},
            "attributes": ["black"],
        }
    }
    assert (turned.source, turned.geometry) == ("human", {"center": [20, 40], "size": [20, 40], "angle": 30})
    assert (polygon.id, polygon.foreign) == (None, {"dataloop": {"id": "not-hex"}})
    assert polygon.geometry == {"polygons": [[[0, 0, 9, 0, 9, 9], [5, 2, 7, 2, 7, 4]]]}
    assert line.geometry == {"lines": [[0, 1, 2, 3]]}
    assert (point.type, point.box) == ("point", (1, 2, 0, 0))
    assert ellipse.geometry == {"center": [50, 40], "radii": [10, 5], "angle": 90}
    assert (room.type, room.label, room.box) == ("class", "indoors", None)
    assert (note.box, note.geometry) == ((1, 2, 2, 3), {"messages": [{"body": "why?"}]})
    assert note.foreign == {"dataloop": {"note": {"status": "issue", "assignee": "ada"}}}
    assert text.geometry == {"text": "hello"}
    assert subtitle.geometry == {"text": "hi", "start": 0.5, "end": 2}
    assert (pose.type, pose.geometry) == ("keypoints", {"points": [5, 6, 2, 7, 8, 1]})
    assert mark.type == "note"
    assert mark.foreign["dataloop"]["type"] == "text_mark"


def test_what_was_read_is_written_as_it_was(tmp_path: Path) -> None:
    saved(tmp_path / "in")
    found = read(dataloop.format(), tmp_path / "in")
    picture = found.pictures["d/a.jpg"]
    again = item(
        "d/a.jpg",
        *found.annotations["d/a.jpg"],
        width=100,
        height=80,
        metadata=picture.metadata,
        created=picture.created,
        creator=picture.creator,
        source_id=picture.source_id,
    )
    lost = write(dataloop.format(), Memory([again], []), tmp_path / "out")
    assert not lost.losses
    written = json.loads((tmp_path / "out/d/a.json").read_text())
    for name in ("id", "name", "filename", "dir", "type", "hidden", "creator", "createdAt"):
        assert written[name] == ITEM[name]
    assert written["metadata"] == {**ITEM["metadata"], "system": {**ITEM["metadata"]["system"], "size": 1000}}
    assert len(written["annotations"]) == len(ITEM["annotations"])
    for after, before in zip(written["annotations"], ITEM["annotations"], strict=True):
        assert (after["type"], after["label"]) == (before["type"], before["label"])
        assert close(after.get("coordinates"), before.get("coordinates"))
    assert written["annotations"][0] == {
        **{name: value for name, value in ITEM["annotations"][0].items() if name not in ("url", "hash")},
        "itemId": f"{ID}00",
    }
    assert read(dataloop.format(), tmp_path / "out").annotations == found.annotations


@given(st.lists(annotations(full=True, count=2), max_size=5, unique_by=lambda each: each.id))
def test_everything_comes_back(made: list[Annotation]) -> None:
    with tempfile.TemporaryDirectory() as name:
        lost = write(dataloop.format(), Memory([item("d/a.jpg", *made)]), Path(name))
        found = read(dataloop.format(), Path(name)).annotations["d/a.jpg"]
    parted = [each for each in made if each.type == "polygon" and len(each.geometry["polygons"]) > 1]
    assert lost.losses == ({"parts of polygons, joined to one outline": len(parted)} if parted else {})
    for after, before in zip(found, made, strict=True):
        if before not in parted:
            assert same_shape(after, before)
        assert replace(after, box=None, geometry=None, foreign={}) == replace(before, box=None, geometry=None)


MOVING = ("box", "rotated_box", "polygon", "polyline", "ellipse", "mask")


@given(st.lists(tracks(*MOVING, values=attributes().filter(bool)), max_size=3, unique_by=lambda each: each.id))
def test_tracks_come_back(moving: list[Annotation]) -> None:
    with tempfile.TemporaryDirectory() as name:
        lost = write(dataloop.format(), Memory([item("d/clip.mp4", *moving, facts={"fps": 25.0})]), Path(name))
        found = read(dataloop.format(), Path(name)).annotations["d/clip.mp4"]
    assert not lost.losses
    for after, before in zip(found, moving, strict=True):
        assert same_shape(after, before)
        assert (after.track, after.frames, after.attributes) == (before.track, before.frames, before.attributes)
        for a, b in zip(after.keyframes, before.keyframes, strict=True):
            assert (a.frame, a.visible, a.attributes) == (b.frame, b.visible, b.attributes)
            assert same_shape(a, b)


@given(
    st.dictionaries(st.text("abc", min_size=1), st.integers() | st.text("abc") | st.lists(st.booleans()), max_size=3)
)
def test_metadata_and_facts_of_items_come_back(metadata: dict[str, Any]) -> None:
    given_item = item(
        "d/a.jpg",
        metadata={**metadata, "system": {"refs": []}, "fps": 5},
        created=datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        creator="ada",
        hidden=True,
    )
    with tempfile.TemporaryDirectory() as name:
        write(dataloop.format(), Memory([given_item]), Path(name))
        found = read(dataloop.format(), Path(name)).pictures["d/a.jpg"]
    assert found.metadata == given_item.metadata
    assert (found.created, found.creator, found.hidden) == (given_item.created, "ada", True)
    assert found.source_id == given_item.item_id


def test_a_video_is_read_as_it_says(tmp_path: Path) -> None:
    def place(left: int) -> list[dict[str, int]]:
        return [{"x": left, "y": 0, "z": 0}, {"x": left + 10, "y": 10, "z": 0}]

    system = {
        "frame": 0,
        "endFrame": 50,
        "startTime": 0.0,
        "endTime": 2.0,
        "objectId": 1,
        "snapshots_": [
            {"frame": 10, "fixed": False, "label": "cat", "type": "box", "objectVisible": True, "data": place(5)},
            {"frame": 20, "fixed": True, "label": "cat", "type": "box", "objectVisible": True, "data": place(10)},
            {
                "frame": 30,
                "fixed": True,
                "label": "dog",
                "type": "box",
                "objectVisible": False,
                "data": place(20),
                "namedAttributes": {"1": "old"},
            },
        ],
    }
    entry = {"id": f"{ID}01", "type": "box", "label": "cat", "coordinates": place(0), "metadata": {"system": system}}
    saved(tmp_path, {"id": f"{ID}00", "filename": "/clip.mp4", "metadata": {}, "annotations": [entry]})
    [cat] = read(dataloop.format(), tmp_path).annotations["clip.mp4"]
    assert (cat.track, cat.frames) == ("1", (0, 50))
    assert cat.keyframes == (
        Keyframe(0, (0, 0, 10, 10)),
        Keyframe(20, (10, 0, 10, 10)),
        Keyframe(30, (20, 0, 10, 10), visible=False, attributes={"1": "old"}, label="dog"),
    )


def test_masks_are_what_is_not_transparent(tmp_path: Path) -> None:
    from PIL import Image

    pixels = numpy.zeros((8, 10, 4), dtype=numpy.uint8)
    pixels[2:4, 3:6] = [0, 0, 0, 255]  # a black label
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    uri = "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
    entry = {"id": f"{ID}01", "type": "binary", "label": "cat", "coordinates": uri}
    saved(tmp_path, {**ITEM, "annotations": [entry]})
    [mask] = read(dataloop.format(), tmp_path).annotations["d/a.jpg"]
    assert (masks.decode(mask.geometry) == (pixels[:, :, 3] > 0)).all()
    lost = write(dataloop.format(), Memory([item("a.jpg", mask)], [Label("cat", color="#102030")]), tmp_path / "out")
    assert lost.losses == {"colours of labels": 1}
    written = json.loads((tmp_path / "out/a.json").read_text())["annotations"][0]["coordinates"]
    with Image.open(io.BytesIO(base64.b64decode(written.partition(",")[2]))) as shown:
        assert shown.getpixel((3, 2)) == (0x10, 0x20, 0x30, 255)


def test_items_stand_one_a_line(tmp_path: Path) -> None:
    lines = [json.dumps({**ITEM, "filename": f"/{name}.jpg"}) for name in "ab"]
    file = put(tmp_path, "items.jsonl", "\n".join([lines[0], "", lines[1]]))
    found = read(dataloop.format(), file)
    assert {path: len(group) for path, group in found.annotations.items()} == {"a.jpg": 12, "b.jpg": 12}
    assert found.places[12] == f"{file}, line 3 /annotations/0"


def test_pictures_whose_names_differ_in_the_ending_get_files_of_their_own(tmp_path: Path) -> None:
    box = Annotation("box", "cat", (1, 1, 2, 2), id="a" * 24, source="import")
    write(dataloop.format(), Memory([item("a.jpg", box), item("a.png", number=2)]), tmp_path)
    found = read(dataloop.format(), tmp_path)
    assert {path: len(group) for path, group in found.annotations.items()} == {"a.jpg": 1, "a.png": 0}


def test_the_report_lists_exactly_what_is_lost(tmp_path: Path) -> None:
    common = {"id": "a" * 24, "source": "import", "label": "cat"}
    made = [
        Annotation("text", box=(1, 1, 2, 2), geometry={"text": "x"}, run_id="b" * 24, **common),
        Annotation("keypoints", box=(0, 0, 9, 9), geometry={"points": [1, 1, 2, 5, 5, 2]}, **common),
        Annotation("rotated_box", geometry={"center": [5, 5], "size": [2, 2], "angle": 0}, **common),
        Annotation("box", box=(1, 1, 2, 2), foreign={"coco": {"id": 1}}, **common),
        Annotation("box", box=(1, 1, 2, 2), keyframes=(Keyframe(1, (1, 1, 1, 1)),), **common),
    ]
    dataset = Memory([item("a.jpg", *(each.checked() for each in made))], [Label("cat", tools=("box",))])
    lost = write(dataloop.format(), dataset, tmp_path)
    assert lost.losses == {
        "tools of labels": 1,
        "runs": 1,
        "places of annotations of the type text": 1,
        "boxes drawn around keypoints": 1,
        "that a box is a rotated one, its angle being 0": 1,
        "what other formats keep": 1,
        "key frames of annotations without frames": 1,
    }


def changed(number: int, **members: Any) -> str:
    """The item's text with an annotation changed."""
    entries = [dict(entry) for entry in ITEM["annotations"]]
    entries[number].update(members)
    return json.dumps({**ITEM, "annotations": entries})


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ('{"id": 1,\n}', "line 2, column 1", "this is no JSON"),
        ("[]", "line 1", "an item is an object"),
        ('{"filename": NaN}', "line 1", "NaN is no number"),
        ("[" * 100_000, "line 1", "no JSON"),
        ('{"id": "x"}', "/filename", "no filename"),
        ('{"filename": "/a.jpg", "metadata": []}', "/metadata", "no object"),
        ('{"filename": "/a.jpg", "createdAt": "yesterday"}', "/createdAt", "no time"),
        ('{"filename": "/a.jpg", "annotations": [3]}', "/annotations/0", "an object with a type"),
        (changed(0, coordinates=None), "/annotations/0", "this is no box: it has no coordinates"),
        (changed(0, coordinates=[None, 3]), "/annotations/0", "its coordinates are not those of a box"),
        (changed(0, metadata={"system": {"frame": 0, "snapshots_": [None]}}), "/annotations/0", "no list of objects"),
        (changed(0, coordinates=[{"x": 9, "y": 9}, {"x": 1, "y": 1}]), "/annotations/0", "negative"),
        (changed(0, coordinates=[{"x": 9}, {"x": 1, "y": 1}]), "/annotations/0", "it has no 'y'"),
        (changed(0, coordinates=[{"x": "9", "y": 1}, {"x": 1, "y": 1}]), "/annotations/0", "'9' is no number"),
        (changed(0, attributes=3), "/annotations/0/attributes", "no list of names"),
        (changed(0, updatedAt=7), "/annotations/0/updatedAt", "no time"),
        (changed(0, type="binary", coordinates="data:image/png;base64,!"), "/annotations/0", "data URI is broken"),
        (changed(0, type="binary", coordinates="data:image/png;base64,AAAA"), "/annotations/0", "PNG cannot be read"),
        (changed(7, coordinates={"note": {"messages": 3}}), "/annotations/7", "messages are no list"),
        (changed(0, metadata={"system": {"frame": 5, "endFrame": 3}}), "/annotations/0", "from frame 5 to 3"),
    ],
)
def test_wrong_items_are_named_with_their_place(tmp_path: Path, text: str, place: str, why: str) -> None:
    file = put(tmp_path, "a.json", text)
    with pytest.raises(InvalidInput) as refused:
        read(dataloop.format(), tmp_path)
    assert str(file) in refused.value.message
    assert place in refused.value.message
    assert why in refused.value.message


def test_a_picture_that_fills_the_memory_is_refused(tmp_path: Path) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 6, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    uri = "data:image/png;base64," + base64.b64encode(bomb).decode()
    with pytest.raises(InvalidInput, match="annotations/0"):
        read(dataloop.format(), put(tmp_path, "a.json", changed(0, type="binary", coordinates=uri)))


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(dataloop.format(), tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="no JSON file"):
        read(dataloop.format(), tmp_path)
    with pytest.raises(InvalidInput, match="not UTF-8"):
        read(dataloop.format(), put(tmp_path, "a.json", b"\xff"))
