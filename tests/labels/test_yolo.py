"""Ultralytics YOLO in and out."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from labels.strategies import (
    DATA,
    HEIGHT,
    LABELS,
    WIDTH,
    Found,
    Memory,
    annotations,
    close,
    geometries,
    item,
    read,
    same_shape,
    write,
)
from oxide.errors import InvalidInput, NotFound
from oxide.formats import files, yolo
from oxide.formats.yolo import label_path
from oxide.labels import masks
from oxide.labels.annotation import Annotation
from oxide.labels.ontology import Label
from oxide.labels.outlines import joined, outlines
from support import picture
from support import write as put


def known(path: str) -> tuple[str, int, int]:
    """Every picture has the same size."""
    return path, WIDTH, HEIGHT


def there_and_back(*found: Annotation, **fields: object) -> tuple[Found, dict[str, int]]:
    """One picture's annotations written and read again, and what was lost."""
    with tempfile.TemporaryDirectory() as name:
        lost = write(yolo.format(), Memory([item("d/a.jpg", *found)], **fields), Path(name))  # type: ignore[arg-type]
        return read(yolo.Yolo(find=known), Path(name)), dict(lost.losses)


def distinct(found: list[Annotation]) -> list[Annotation]:
    """Without those that are equal to the precision of the lines."""
    seen: list[Annotation] = []
    for each in found:
        if not any(each.label == other.label and same_shape(each, other) for other in seen):
            seen.append(each)
    return seen


# -- round trips -------------------------------------------------------------------------------------------------------
@given(st.lists(annotations("box"), min_size=1, max_size=5).map(distinct))
def test_boxes_come_back(boxes: list[Annotation]) -> None:
    found, lost = there_and_back(*boxes)
    assert list(found.labels) == list(LABELS)
    again = found.annotations["d/a.jpg"]
    assert [each.label for each in again] == [each.label for each in boxes]
    assert all(same_shape(a, b) for a, b in zip(again, boxes, strict=True))
    assert lost == {"ids of annotations": len(boxes)}


@given(st.lists(annotations("polygon", simple=True), min_size=1, max_size=5).map(distinct))
def test_polygons_come_back(polygons: list[Annotation]) -> None:
    found, lost = there_and_back(*polygons)
    assert all(same_shape(a, b) for a, b in zip(found.annotations["d/a.jpg"], polygons, strict=True))
    assert lost == {"ids of annotations": len(polygons)}


@given(st.lists(annotations("rotated_box"), min_size=1, max_size=5).map(distinct))
def test_rotated_boxes_come_back(rotated: list[Annotation]) -> None:
    found, lost = there_and_back(*rotated)
    assert all(same_shape(a, b, 1e-5) for a, b in zip(found.annotations["d/a.jpg"], rotated, strict=True))
    assert lost == {"ids of annotations": len(rotated)}


@given(st.lists(annotations("keypoints", count=4), min_size=1, max_size=5).map(distinct))
def test_keypoints_come_back(poses: list[Annotation]) -> None:
    found, lost = there_and_back(*poses)
    assert all(same_shape(a, b) for a, b in zip(found.annotations["d/a.jpg"], poses, strict=True))
    assert lost == {"ids of annotations": len(poses)}
    assert all(label.skeleton == {"points": ["0", "1", "2", "3"], "edges": []} for label in found.labels.values())


@given(annotations("mask", "polygon"))
def test_what_has_parts_and_holes_covers_the_same_pixels(shape: Annotation) -> None:
    """By the even-odd rule, sampled in the middle of each pixel."""
    found, lost = there_and_back(shape)
    [again] = found.annotations["d/a.jpg"]
    if shape.type == "mask":
        assert lost == {"ids of annotations": 1, "masks, written as their outlines": 1}
        assert again.geometry is not None
        assert (inside(again.geometry["polygons"][0]) == masks.decode(shape.geometry)).all()
    else:
        rings = [ring for part in shape.geometry["polygons"] for ring in part]
        joined_parts = {"parts and holes of polygons, joined to one outline": 1} if len(rings) > 1 else {}
        assert lost == {"ids of annotations": 1, **joined_parts}
        assert close(again.geometry["polygons"], [[joined(rings)]])


def inside(rings: list[list[float]]) -> numpy.ndarray:
    """Which middles of pixels are inside of rings by the even-odd rule, by counting crossings to the right."""
    x, y = numpy.arange(WIDTH) + 0.5, numpy.arange(HEIGHT) + 0.5
    crossings = numpy.zeros((HEIGHT, WIDTH), dtype=int)
    for ring in rings:
        points = list(zip(ring[::2], ring[1::2]))
        for edge in zip(points, points[1:] + points[:1]):
            (ax, ay), (bx, by) = sorted(edge)  # one that is gone along both ways cancels out to the last bit
            if ay != by:
                spanned = (y >= min(ay, by)) & (y < max(ay, by))
                at = ax + (y - ay) / (by - ay) * (bx - ax)
                crossings += spanned[:, None] & (x[None, :] < at[:, None])
    return crossings % 2 == 1


@given(geometries("mask"))
def test_outlines_have_the_area_of_the_mask(mask: dict[str, object]) -> None:
    rings = outlines(mask)
    assert (inside(rings) == masks.decode(mask)).all()
    corners = [list(zip(ring[::2], ring[1::2])) for ring in rings]
    assert all((ax == bx) != (ay == by) for ring in corners for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1]))


# -- the task that is chosen -------------------------------------------------------------------------------------------
BOX = Annotation("box", "cat", (10, 10, 20, 20), id="1" * 24, source="import")
TURNED = {"center": [30, 20], "size": [20, 10], "angle": 30}
ROTATED = Annotation("rotated_box", "dog", geometry=TURNED, id="2" * 24, source="import").checked()
POLYGON = Annotation(
    "polygon", "dog", geometry={"polygons": [[[1, 1, 9, 1, 9, 9]]]}, id="3" * 24, source="import"
).checked()
POSE = Annotation("keypoints", "cat", geometry={"points": [5, 5, 2, 9, 9, 1]}, id="4" * 24, source="import").checked()
CLASS = Annotation("class", "cat", id="5" * 24, source="import")


@pytest.mark.parametrize(
    ("found", "task", "lost"),
    [
        ([BOX, CLASS], "detect", {"classes of whole items": 1}),
        ([BOX, POLYGON], "segment", {"boxes, written as polygons with four corners": 1}),
        ([BOX, ROTATED], "obb", {"boxes, written as rotated boxes": 1}),
        ([BOX, POSE], "pose", {}),
        (
            [POLYGON, replace(POLYGON, id="6" * 24, label="cat"), POSE],
            "segment",
            {"keypoints, written as polygons with four corners": 1},
        ),
        ([], "detect", {}),
    ],
)
def test_the_task_is_the_one_that_keeps_most(
    tmp_path: Path, found: list[Annotation], task: str, lost: dict[str, int]
) -> None:
    said = write(yolo.format(), Memory([item("a.jpg", *found)]), tmp_path)
    assert yaml.safe_load((tmp_path / "data.yaml").read_text())["task"] == task
    written = len([each for each in found if each.type != "class"])
    assert said.losses == {**lost, **({"ids of annotations": written} if written else {})}
    assert len(read(yolo.Yolo(find=known), tmp_path).annotations["a.jpg"]) == written


def test_classes_alone_become_class_folders(tmp_path: Path) -> None:
    lost = write(
        yolo.format(), Memory([item("a.jpg", CLASS, metadata={"split": "val"}), item("b.jpg", CLASS)]), tmp_path
    )
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == [
        "train",
        "train/cat",
        "val",
        "val/cat",
    ]
    assert lost.losses == {"ids of annotations": 2, "items without a split, put into train": 1}


# -- what the loader of Ultralytics wants ------------------------------------------------------------------------------
@settings(max_examples=40)
@given(st.lists(annotations(), max_size=8))
def test_every_line_is_one_that_the_loader_takes(found: list[Annotation]) -> None:
    """The rules of ``verify_image_label``: columns, classes, coordinates from 0 to 1, no line twice."""
    with tempfile.TemporaryDirectory() as name:
        write(yolo.format(), Memory([item("images/d/a.b.jpg", *found)]), Path(name))
        if not (Path(name) / "data.yaml").exists():
            return  # class folders
        data = yaml.safe_load((Path(name) / "data.yaml").read_text())
        labels = Path(name) / "images/labels/d/a.b.txt"
        lines = labels.read_text().splitlines() if labels.exists() else []
        assert {"train", "val", "names"} <= data.keys()
        assert (Path(name) / data["train"]).read_text() == "./images/images/d/a.b.jpg\n"
    assert list(data["names"]) == list(range(len(LABELS)))
    assert len(set(lines)) == len(lines)
    for line in lines:
        number, *words = line.split()
        values = [float(word) for word in words]
        assert 0 <= int(number) < len(LABELS)
        if data["task"] == "detect":
            assert len(values) == 4
        elif data["task"] == "obb":
            assert len(values) == 8
        elif data["task"] == "pose":
            points, each = data["kpt_shape"]
            assert len(values) == 4 + points * each
            values = values[:4] + [value for at, value in enumerate(values[4:]) if at % 3 != 2]
        else:
            assert len(values) >= 6
            assert len(values) % 2 == 0
        if data["task"] in ("obb", "segment"):
            left, right, top, bottom = min(values[::2]), max(values[::2]), min(values[1::2]), max(values[1::2])
            values = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
        assert all(0 <= value <= 1 for value in values)


def test_labels_stand_where_the_loader_looks() -> None:
    assert label_path("images/train/a.jpg") == "labels/train/a.txt"
    assert label_path("images/data/images/a.b.jpg") == "images/data/labels/a.b.txt"
    assert label_path("train/images/a.jpg") == "train/labels/a.txt"
    assert label_path("images2/a.jpg") == "images2/a.txt"


if find_spec("ultralytics"):  # it needs gigabytes, so that few machines have it

    @pytest.mark.parametrize(
        ("task", "found"), [("detect", BOX), ("segment", POLYGON), ("obb", ROTATED), ("pose", POSE)]
    )
    def test_ultralytics_loads_the_export(tmp_path: Path, task: str, found: Annotation) -> None:
        from ultralytics.data.dataset import YOLODataset
        from ultralytics.data.utils import check_det_dataset

        for path in ("a.png", "b.png"):
            put(tmp_path, f"images/{path}", picture(path, WIDTH, HEIGHT))
        items = [item("a.png", replace(found, label="cat")), item("b.png", replace(found, label="dog"), number=2)]
        write(yolo.format(), Memory(items), tmp_path)
        data = check_det_dataset(str(tmp_path / "data.yaml"), autodownload=False)
        loaded = YOLODataset(img_path=data["train"], data=data, task=task, augment=False)
        assert [label["cls"].ravel().tolist() for label in loaded.labels] == [[0.0], [1.0]]
        left, top, width, height = found.box
        middle = [left + width / 2, top + height / 2, width, height]
        assert close((loaded.labels[0]["bboxes"][0] * [WIDTH, HEIGHT, WIDTH, HEIGHT]).tolist(), middle, 1e-4)


# -- the report --------------------------------------------------------------------------------------------------------
def test_the_report_lists_exactly_what_is_lost(tmp_path: Path) -> None:
    found = [
        replace(BOX, attributes={"age": 3}, score=0.5, source="model", model="m"),
        replace(BOX, id="6" * 24),
        replace(BOX, id="7" * 24, box=(-15, 10, 20, 20)),
        replace(BOX, id="8" * 24, box=(2000, 10, 20, 20)),
        replace(BOX, id="9" * 24, label=None),
        Annotation("point", "cat", (1, 1, 0, 0), id="a" * 24, source="import"),
        CLASS,
    ]
    dataset = Memory(
        [
            item("a.jpg", *found, metadata={"split": "val", "camera": 1}),
            item("b.jpg", replace(BOX, id="b" * 24), width=None, number=2),
            item("a.png", replace(BOX, id="c" * 24), number=3),
            item("c.mp4", number=4, hidden=True),
        ],
        [Label("cat", color="#ff0000"), Label("dog")],
    )
    lost = write(yolo.format(), dataset, tmp_path)
    assert lost.losses == {
        "colours of labels": 1,
        "metadata": 1,
        "what items are called elsewhere, and that they are hidden": 1,
        "attributes": 1,
        "scores": 1,
        "names of models": 1,
        "sources (human or model)": 1,
        "ids of annotations": 3,
        "annotations equal to another of the item": 1,
        "coordinates outside the picture, moved to its edge": 1,
        "annotations outside the picture, left out": 1,
        "without a label": 1,
        "annotations of the type point, left out": 1,
        "classes of whole items": 1,
        "annotations of pictures whose size is unknown": 1,
        "labels of pictures whose name differs from another's in the ending alone": 1,
        "items without a split, listed in train": 3,
        "files of a kind that YOLO does not read": 1,
    }
    assert lost.examples["metadata"] == ["a.jpg: camera"]
    assert (tmp_path / "train.txt").read_text() == "./images/b.jpg\n./images/a.png\n./images/c.mp4\n"
    assert (tmp_path / "val.txt").read_text() == "./images/a.jpg\n"


@pytest.mark.parametrize(
    "splits", [["train", "val"], ["train", "val", "test"], [None, None], [["train", "val"], "test"]]
)
def test_splits_come_back(tmp_path: Path, splits: list[object]) -> None:
    items = [
        item(f"{at}.jpg", metadata={} if split is None else {"split": split}, number=at)
        for at, split in enumerate(splits)
    ]
    lost = write(yolo.format(), Memory(items), tmp_path)
    assert not lost.losses
    found = read(yolo.Yolo(find=known), tmp_path)
    assert [each.metadata for each in found.pictures.values()] == [each.metadata for each in items]


def test_a_split_without_pictures_is_told(tmp_path: Path) -> None:
    lost = write(yolo.format(), Memory([item("a.jpg", metadata={"split": "train"})]), tmp_path)
    assert lost.losses == {"that no picture is in val: train stands for it": 1}


# -- reading -----------------------------------------------------------------------------------------------------------
DETECT = """path: ../nowhere
train: images/train
val: [images/val]
names: [cat, dog]
"""


def test_a_set_in_folders_is_read_as_it_says(tmp_path: Path) -> None:
    put(tmp_path, "data.yaml", DETECT.replace("path: ../nowhere\n", ""))
    put(tmp_path, "images/train/a.png", picture(1, 200, 100))
    put(tmp_path, "images/val/b.png", picture(2, 200, 100))
    put(tmp_path, "labels/train/a.txt", "1 0.5 0.5 0.2 0.1\n\n0.0 0.25 0.5 .1 .1\n")
    found = read(yolo.format(), tmp_path)
    assert {path: (each.metadata, each.width) for path, each in found.pictures.items()} == {
        "train/a.png": ({"split": "train"}, 200),
        "val/b.png": ({"split": "val"}, None),
    }
    first, second = found.annotations["train/a.png"]
    assert (first.label, second.label) == ("dog", "cat")
    assert close(first.box, (80, 45, 40, 10))
    assert close(second.box, (40, 45, 20, 10))
    assert found.places[1] == f"{tmp_path}/labels/train/a.txt, line 3"


def test_sizes_are_of_the_upright_picture(tmp_path: Path) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[274] = 6
    put(tmp_path, "images/a.jpg")
    Image.new("RGB", (40, 20)).save(tmp_path / "images/a.jpg", exif=exif)
    put(tmp_path, "labels/a.txt", "0 0.5 0.5 1 1\n")
    put(tmp_path, "data.yaml", "train: images\nnames: {0: cat}\n")
    assert read(yolo.format(), tmp_path).annotations["a.jpg"][0].box == (0, 0, 20, 40)


@pytest.mark.parametrize(
    ("head", "line", "kind", "geometry"),
    [
        ("", "0 0 0 1 0 1 1", "polygon", {"polygons": [[[0, 0, 200, 0, 200, 100]]]}),
        ("task: obb\n", "0 .1 .1 .3 .1 .3 .5 .1 .5", "rotated_box", {"center": [40, 30], "size": [40, 40], "angle": 0}),
        ("", "0 .1 .1 .3 .1 .3 .5 .1 .5", "rotated_box", {"center": [40, 30], "size": [40, 40], "angle": 0}),
        ("task: segment\n", "0 .1 .1 .3 .1 .3 .5 .1 .5", "polygon", {"polygons": [[[20, 10, 60, 10, 60, 50, 20, 50]]]}),
        ("task: obb\n", "0 .1 .1 .3 .1 .4 .9 .1 .5", "polygon", {"polygons": [[[20, 10, 60, 10, 80, 90, 20, 50]]]}),
        ("kpt_shape: [1, 3]\n", "0 .5 .5 .2 .2 .5 .5 1", "keypoints", {"points": [100, 50, 1]}),
        ("kpt_shape: [2, 2]\n", "0 .5 .5 .2 .2 .5 .5 0 0", "keypoints", {"points": [100, 50, 2, 0, 0, 0]}),
        ("kpt_shape: [1, 3]\n", "0 .5 .5 .2 .2 0 0 0", "box", None),
    ],
)
def test_the_task_is_told_from_the_line(
    tmp_path: Path, head: str, line: str, kind: str, geometry: dict[str, object] | None
) -> None:
    put(tmp_path, "data.yaml", f"{head}train: images\nnames: [cat]\n")
    put(tmp_path, "images/a.png", picture(1, 200, 100))
    put(tmp_path, "labels/a.txt", line)
    [found] = read(yolo.format(), tmp_path).annotations["a.png"]
    assert found.type == kind
    assert close(found.geometry, geometry)


def test_the_picture_of_labels_alone_is_asked_for(tmp_path: Path) -> None:
    asked = []

    def find(path: str) -> tuple[str, int, int]:
        asked.append(path)
        return f"{path}.png", 200, 100

    put(tmp_path, "data.yaml", "train: images/train\nnames: [cat]\n")
    put(tmp_path, "labels/train/a.txt", "0 .5 .5 .2 .2")
    put(tmp_path, "labels/train/classes.txt", "cat\n")
    found = read(yolo.Yolo(find=find), tmp_path)
    assert asked == ["train/a"]
    assert found.pictures["train/a.png"].width == 200
    assert close(found.annotations["train/a.png"][0].box, (80, 40, 40, 20))
    with pytest.raises(InvalidInput, match="its size is unknown"):
        read(yolo.format(), tmp_path)


@pytest.mark.parametrize(
    ("yaml_text", "line", "place", "why"),
    [
        ("names: [a\n", "", "line 2", "no YAML"),
        ("- a\n", "", "line 1", "no map"),
        ("train: images\nnames: 3\n", "", "'names'", "neither a list"),
        ("train: images\nnames: {a: b}\n", "", "'names'", "neither a list"),
        ("train: 3\nnames: [a]\n", "", "'train'", "no folder"),
        ("train: elsewhere\nnames: [a]\n", "", "'train'", "there is no 'elsewhere'"),
        ("train: images\nnames: [a]\nkpt_shape: [3]\n", "", "'kpt_shape'", "[number of keypoints, 2 or 3]"),
        ("train: images\nnames: [a]\n", "1 .5 .5 .1 .1", "line 1", "no class 1"),
        ("train: images\nnames: [a]\n", "0 .5 .5 .1 .1\n0 .5 .5 .1", "line 2", "4 numbers"),
        ("train: images\nnames: [a]\n", "0 .5 .5 .1 .1 .1", "line 1", "6 numbers"),
        ("train: images\nnames: [a]\n", "0 50 50 10 10", "line 1", "not divided by the picture's size"),
        ("train: images\nnames: [a]\n", "0 1 1 90 1 90 90", "line 1", "not divided by the picture's size"),
        ("train: images\nnames: [a]\n", "0 .5 .5 nan .1", "line 1", "'nan' is not finite"),
        ("train: images\nnames: [a]\n", "0 .5 .5 -.005 .1", "line 1", "negative"),
        ("train: images\nnames: [a]\n", "cat .5 .5 .1 .1", "line 1", "cat"),
        ("train: images\nnames: [a]\n", "0.5 .5 .5 .1 .1", "line 1", "no number of a class"),
        ("train: images\nnames: [a]\nkpt_shape: [1, 3]\n", "0 .5 .5 .1 .1", "line 1", "5 numbers instead of 8"),
        ("train: images\nnames: [a]\nkpt_shape: [1, 3]\n", "0 .5 .5 .1 .1 .5 .5 7", "line 1", "visibility"),
    ],
)
def test_wrong_files_are_named_with_their_line(tmp_path: Path, yaml_text: str, line: str, place: str, why: str) -> None:
    put(tmp_path, "data.yaml", yaml_text)
    put(tmp_path, "images/a.png", picture(1, 200, 100))
    put(tmp_path, "labels/a.txt", line)
    with pytest.raises(InvalidInput) as refused:
        read(yolo.format(), tmp_path)
    assert str(tmp_path / ("labels/a.txt" if line else "data.yaml")) in refused.value.message
    assert place in refused.value.message
    assert why in refused.value.message


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "data.yaml", "train: images\nnames: [a]\n")
    put(tmp_path, "images/a.png", picture(1, 200, 100))
    put(tmp_path, "labels/a.txt", b"\xff\xfe")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        read(yolo.format(), tmp_path)
    put(tmp_path, "labels/a.txt", "0 .5 .5 .1 .1")
    put(tmp_path, "images/a.png", b"no picture")
    with pytest.raises(InvalidInput, match="its size cannot be read"):
        read(yolo.format(), tmp_path)


def test_the_size_of_a_picture_is_read_from_its_header_alone(tmp_path: Path) -> None:
    whole = picture("a", WIDTH, HEIGHT)
    put(tmp_path, "a.png", whole[: whole.index(b"IDAT") + 8])
    assert files.size_of(tmp_path / "a.png") == (WIDTH, HEIGHT)


def test_what_is_no_picture_is_refused_too_where_a_package_has_replaced_how_pillow_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replaced(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'pi_heif'")

    put(tmp_path, "a.png", b"no picture")
    monkeypatch.setattr("PIL.Image.open", replaced)
    with pytest.raises(InvalidInput, match="its size cannot be read"):
        files.size_of(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["cat.4085", "street_jpg.rf.0a1b2c", "a.png", "v1.5"])
def test_labels_of_pictures_with_dots_in_their_names_are_found_without_the_pictures(tmp_path: Path, name: str) -> None:
    put(tmp_path, "data.yaml", b"names: [cat]\ntrain: images\n")
    put(tmp_path, f"labels/d/{name}.txt", b"0 0.5 0.5 0.1 0.1\n")
    found = read(yolo.Yolo(find=known), tmp_path)
    assert [each.label for each in found.annotations[f"d/{name}"]] == ["cat"]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(yolo.format(), tmp_path / "nowhere")
    put(tmp_path, "labels/a.txt", "0 .5 .5 .1 .1")
    with pytest.raises(InvalidInput, match=r"no data\.yaml"):
        read(yolo.format(), tmp_path)


@pytest.mark.skipif(not DATA.is_dir(), reason="no real pictures: ../shared/data is not beside the checkout")
def test_the_boxes_of_cats_and_dogs_come_back(tmp_path: Path) -> None:
    found = read(yolo.format(), DATA / "catdog_boxes")
    assert (len(found.pictures), list(found.labels)) == (260, ["dog", "cat"])
    assert all(each.metadata == {} for each in found.pictures.values())
    items = [
        item(path, *group, width=found.pictures[path].width, height=found.pictures[path].height)
        for path, group in found.annotations.items()
    ]
    lost = write(yolo.format(), Memory(items, list(found.labels.values())), tmp_path)
    assert not lost.losses
    sizes = {path: (path, each.width, each.height) for path, each in found.pictures.items()}
    again = read(yolo.Yolo(find=sizes.get), tmp_path)
    assert again.labels == found.labels
    for path, group in found.annotations.items():
        assert all(same_shape(a, b) for a, b in zip(again.annotations[path], group, strict=True))
