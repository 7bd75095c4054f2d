"""COCO in and out: the same geometry, and what pycocotools makes of it."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labels.imports import DATA, box, coco, repository_with, said
from labels.workbench import make_repository
from oxide import Annotation
from oxide.labels import geometry, masks
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO

TINY = DATA / "coco" / "tiny_coco"
needs_tiny = pytest.mark.skipif(not TINY.is_dir(), reason="the real COCO pictures are not here")


def loaded(path: Path) -> COCO:
    """What pycocotools reads, without what it prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def close(a: Any, b: Any) -> bool:
    """Equal but for a millionth in numbers."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(close(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and not isinstance(a, bool):
        return abs(a - b) <= 1e-6
    return bool(a == b)


@needs_tiny
@pytest.mark.parametrize("name", ["instances_train2017", "person_keypoints_train2017"])
def test_real_annotations_come_back_as_they_were(tmp_path: Path, name: str) -> None:
    source = TINY / "annotations" / f"{name}.json"
    repository = repository_with(tmp_path / "data")
    report = repository.import_labels("coco", source, images=TINY / "train2017")
    given = json.loads(source.read_text())
    assert (report.pictures, report.added) == (len(given["images"]), len(given["annotations"]))
    export = repository.export_labels("coco", tmp_path / "out.json")
    assert {each.what: each.count for each in export.losses} == {
        "source, author and times of annotations": len(given["annotations"]),
        "runs that annotations came with": len(given["annotations"]),
    }
    written = json.loads((tmp_path / "out.json").read_text())
    for part in ("images", "categories", "annotations"):
        before = {each["id"]: each for each in given[part]}
        after = {each["id"]: each for each in written[part]}
        assert before.keys() == after.keys()
        for number, element in before.items():
            ours = {key: value for key, value in after[number].items() if key != "oxide_id"}
            assert close(ours, element), (part, number)


@needs_tiny
def test_pycocotools_agrees_on_real_areas_masks_and_overlaps(tmp_path: Path) -> None:
    repository = repository_with(tmp_path / "data")
    repository.import_labels("coco", TINY / "annotations/instances_train2017.json", images=TINY / "train2017")
    repository.export_labels("coco", tmp_path / "out.json")
    theirs = loaded(tmp_path / "out.json")
    seen = 0
    for image in theirs.loadImgs(theirs.getImgIds()):
        ours = {each.id: each for each in repository.annotations(image["file_name"])}
        found = theirs.loadAnns(theirs.getAnnIds(imgIds=image["id"]))
        assert {each["oxide_id"] for each in found} == set(ours)
        # The published boxes of crowds are one pixel off those of their masks; both libraries measure the masks.
        boxes = numpy.array(
            [
                coco_masks.toBbox(theirs.annToRLE(each)) if isinstance(each["segmentation"], dict) else each["bbox"]
                for each in found
            ]
        )
        overlaps = coco_masks.iou(boxes, boxes, [0] * len(found))
        for at, element in enumerate(found):
            annotation = ours[element["oxide_id"]]
            assert annotation.box is not None
            assert numpy.allclose(annotation.box, boxes[at], rtol=0, atol=1e-6)
            for other, beside in enumerate(found):
                box = ours[beside["oxide_id"]].box
                assert box is not None
                assert abs(geometry.intersection_over_union(annotation.box, box) - overlaps[at, other]) < 1e-6
            pixels = theirs.annToMask(element)
            if annotation.type == "mask":
                assert annotation.geometry is not None
                assert numpy.array_equal(masks.decode(annotation.geometry), pixels.astype(bool))
                assert annotation.area == pixels.sum()
            else:  # their pixels of an outline are those whose centres lie in it, or nearly
                border = sum(len(part[0]) for part in (annotation.geometry or {})["polygons"])
                assert abs(annotation.area - pixels.sum()) <= 0.05 * annotation.area + 12 * border
            seen += 1
    assert seen == 470


@needs_tiny
def test_captions_come_in_as_texts(tmp_path: Path) -> None:
    repository = repository_with(tmp_path / "data")
    source = TINY / "annotations/captions_train2017.json"
    report = repository.import_labels("coco", source, images=TINY / "train2017")
    captions = json.loads(source.read_text())["annotations"]
    assert report.added == len(captions)
    first = repository.annotations(report.files_added[0])[0]
    assert first.type == "text" and first.geometry is not None
    assert first.geometry["text"] in {each["caption"] for each in captions}


def test_captions_go_out_where_nothing_else_is_said(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "data", "a.png", "b.png")
    images = [{"id": 7, "file_name": "a.png", "width": 24, "height": 16}]
    told = [{"id": 3, "image_id": 7, "caption": "a cat"}, {"id": 4, "image_id": 7, "caption": "eine Katze, müde"}]
    source = tmp_path / "captions.json"
    source.write_text(json.dumps({"images": images, "annotations": told}))
    repository.import_labels("coco", source)
    assert repository.export_labels("coco", tmp_path / "out.json").annotations == 2
    made = json.loads((tmp_path / "out.json").read_text())
    assert [{name: each[name] for name in told[0]} for each in made["annotations"]] == told
    assert "categories" not in made  # pycocotools asks every annotation for one otherwise
    theirs = loaded(tmp_path / "out.json")
    assert [each["caption"] for each in theirs.loadAnns(theirs.getAnnIds(imgIds=7))] == ["a cat", "eine Katze, müde"]
    again = repository.import_labels("coco", tmp_path / "out.json", update=True)
    assert (again.added, again.unchanged) == (0, 2)
    repository.annotate("b.png", Annotation("box", "cat", (1, 2, 3, 4)))
    report = repository.export_labels("coco", tmp_path / "both.json")
    assert {loss.what for loss in report.losses} >= {
        "captions beside other annotations (alone: --where annotations.type:text)"
    }
    both = json.loads((tmp_path / "both.json").read_text())
    assert [each["category_id"] for each in both["annotations"]] == [1]


points = st.floats(0, 47).map(lambda value: round(value, 3))
rings = st.integers(3, 7).flatmap(lambda count: st.lists(points, min_size=2 * count, max_size=2 * count))
ids = st.one_of(st.integers(0, 10**9), st.text("abc", min_size=1, max_size=5), st.just("0123456789abcdef01234567"))


@st.composite
def shapes(draw: st.DrawFn) -> dict[str, Any]:
    """Shape, and what else an annotation says."""
    kind = draw(st.sampled_from(["box", "polygon", "runs", "text of runs", "keypoints"]))
    element: dict[str, Any] = {"category_id": draw(st.sampled_from([1, 7])), "iscrowd": 0}
    if kind == "box":
        element |= {"bbox": [draw(points), draw(points), draw(points), draw(points)], "segmentation": []}
    elif kind == "polygon":
        element["segmentation"] = draw(st.lists(rings, min_size=1, max_size=3))
    elif kind == "keypoints":
        seen = draw(st.lists(st.tuples(points, points, st.sampled_from([1, 2])), min_size=1, max_size=4))
        element["keypoints"] = [number for point in seen for number in point]
        element["num_keypoints"] = len(seen)
    else:
        pixels = numpy.zeros((48, 64), bool)
        top, left = draw(st.integers(0, 40)), draw(st.integers(0, 60))
        pixels[top : top + draw(st.integers(1, 8)), left : left + draw(st.integers(1, 4))] = True
        mask = masks.encode(pixels)
        crowd = kind == "runs"
        counts = masks.expand(mask["counts"]) if crowd else mask["counts"]
        element |= {"segmentation": {"size": [48, 64], "counts": counts}, "iscrowd": int(crowd)}
    if draw(st.booleans()):
        element |= {"attributes": {"pose": "left"}, "score": 0.5, "camera": {"lens": 35}}
    return element


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(ids, shapes(), min_size=1, max_size=8))
def test_made_annotations_come_back(tmp_path_factory: pytest.TempPathFactory, made: dict[Any, dict[str, Any]]) -> None:
    folder = tmp_path_factory.mktemp("trip")
    elements = [{"id": id, "image_id": 1 + at % 2, **element} for at, (id, element) in enumerate(made.items())]
    source = coco(folder / "s.json", ["a.jpg", "b.jpg"], elements)
    first = repository_with(folder / "first", "a.jpg", "b.jpg")
    first.import_labels("coco", source)
    first.export_labels("coco", folder / "out.json")
    written = json.loads((folder / "out.json").read_text())
    by_own = {each["oxide_id"]: each for each in written["annotations"]}
    found = {}
    for path in ("a.jpg", "b.jpg"):
        for annotation in first.annotations(path):
            assert annotation.id is not None
            known = annotation.foreign.get("coco", {}).get("id", annotation.id)
            found[known] = by_own[annotation.id]
    assert found.keys() == made.keys()
    for id, element in made.items():
        assert all(close(found[id][name], value) for name, value in element.items()), (element, found[id])
        assert not isinstance(id, int) or found[id]["id"] == id
    theirs = loaded(folder / "out.json")
    for element in theirs.loadAnns(theirs.getAnnIds()):
        assert element["area"] >= 0 and theirs.imgs[element["image_id"]]
    second = repository_with(folder / "second", "a.jpg", "b.jpg")
    second.import_labels("coco", folder / "out.json")
    ours = [(each.id, each.type, each.label, each.box, each.geometry) for each in said(first.annotations("a.jpg"))]
    assert ours == [(each.id, each.type, each.label, each.box, each.geometry) for each in second.annotations("a.jpg")]
    assert not second.import_labels("coco", folder / "out.json", update=True).changed
    shutil.rmtree(folder)


@pytest.mark.parametrize("order", list(itertools.permutations(("images", "categories", "annotations"))))
@pytest.mark.parametrize("last", [{}, {"info": {"categories": [{"id": 1, "name": "no cat"}]}}, {"info": {"x": [1]}}])
def test_the_lists_come_in_any_order(tmp_path: Path, order: tuple[str, ...], last: dict[str, Any]) -> None:
    repository = repository_with(tmp_path / "data", "a.jpg")
    whole = json.loads(coco(tmp_path / "s.json", ["a.jpg"], [box(1)]).read_text())
    (tmp_path / "s.json").write_text(json.dumps({**{name: whole[name] for name in order}, **last}, indent=1))
    repository.import_labels("coco", tmp_path / "s.json")
    assert [each.label for each in repository.annotations("a.jpg")] == ["cat"]


def test_categories_become_labels_and_come_back(tmp_path: Path) -> None:
    repository = repository_with(tmp_path / "data", "a.jpg")
    categories = [
        {"id": 3, "name": "cat", "supercategory": "animal", "color": [1, 2, 3]},
        {"id": 90, "name": "person", "supercategory": "person", "keypoints": ["nose", "eye"], "skeleton": [[1, 2]]},
    ]
    repository.import_labels("coco", coco(tmp_path / "s.json", ["a.jpg"], [box(1, category_id=3)], categories))
    labels = repository.ontology().labels
    assert labels["cat"].parent == "animal" and "animal" in labels
    assert labels["person"].skeleton == {"points": ["nose", "eye"], "edges": [[0, 1]]}
    repository.export_labels("coco", tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text())["categories"] == categories


def test_an_area_and_a_box_of_its_own_are_kept_until_the_shape_changes(tmp_path: Path) -> None:
    repository = repository_with(tmp_path / "data", "a.jpg")
    ring = [1, 1, 11, 1, 11, 11, 1, 11]
    source = coco(tmp_path / "s.json", ["a.jpg"], [box(1, 1, (0, 0, 12, 12), segmentation=[ring], area=96.5)])
    repository.import_labels("coco", source)

    def written(name: str) -> dict[str, Any]:
        repository.export_labels("coco", tmp_path / name)
        (element,) = json.loads((tmp_path / name).read_text())["annotations"]
        return {name: element[name] for name in ("area", "bbox")}

    assert written("first.json") == {"area": 96.5, "bbox": [0, 0, 12, 12]}
    (found,) = repository.annotations("a.jpg")
    smaller = Annotation(
        "polygon", "cat", None, {"polygons": [[[1, 1, 6, 1, 6, 6]]]}, id=found.id, foreign=found.foreign
    )
    repository.annotate("a.jpg", smaller)
    assert written("second.json") == {"area": 12.5, "bbox": [1, 1, 5, 5]}


def test_the_report_lists_exactly_what_coco_cannot_hold(tmp_path: Path) -> None:
    repository = repository_with(tmp_path / "data", "a.jpg")
    corners = [[x, y, z] for x in (1, 9) for y in (1, 9) for z in (1, 9)]
    made = [
        Annotation("class", "cat"),
        Annotation("box", "cat", (1, 2, 3, 4)),
        Annotation("box", None, (1, 2, 3, 4)),
        Annotation("rotated_box", "cat", None, {"center": [20, 20], "size": [8, 4], "angle": 30}),
        Annotation("polygon", "cat", None, {"polygons": [[[1, 1, 9, 1, 9, 9], [2, 2, 4, 2, 4, 3]]]}),
        Annotation("polyline", "cat", None, {"lines": [[1, 1, 9, 9]]}),
        Annotation("point", "cat", (3, 4, 0, 0)),
        Annotation("ellipse", "cat", None, {"center": [20, 20], "radii": [8, 4], "angle": 30}),
        Annotation("keypoints", "cat", None, {"points": [1, 2, 2]}),
        Annotation("mask", "cat", None, masks.from_runs([3, 5, 3064], 48, 64)),
        Annotation("cuboid", "cat", None, {"corners": corners}),
        Annotation("text", "cat", None, {"text": "a cat"}),
        Annotation("note", "cat", None, {"messages": ["look"]}),
        Annotation("subtitle", "cat", None, {"text": "meow", "start": 0, "end": 1}),
        Annotation("box", "cat", (1, 2, 3, 4), description="small", foreign={"voc": {"pose": "left"}}),
        Annotation("box", "cat", (1, 2, 3, 4), model="net", source="model", score=0.5, track="t", frames=(0, 4)),
    ]
    repository.annotate("a.jpg", *made)
    repository.set_metadata(["a.jpg"], {"weather": "rain"})
    report = repository.export_labels("coco", tmp_path / "out.json")
    unsaid = ("class", "polyline", "point", "cuboid", "text", "note", "subtitle")
    expected = {
        **{f"annotations of the type {kind}": 1 for kind in unsaid},
        "annotations without a label": 1,
        "rotated boxes, written as polygons": 1,
        "ellipses, written as polygons": 1,
        "holes of polygons": 1,
        "descriptions of annotations": 1,
        "what only voc says of annotations": 1,
        "models that made annotations": 1,
        "tracks with their keyframes": 1,
        "metadata of files": 1,
        "source, author and times of annotations": len(made) - len(unsaid) - 1,
    }
    lost = {each.what: each.count for each in report.losses}
    lost.pop("sizes of pictures, which are not known", None)
    assert lost == expected
    written = json.loads((tmp_path / "out.json").read_text())["annotations"]
    assert len(written) == len(made) - len(unsaid) - 1
    turned = next(each for each in written if len(each["segmentation"]) == 1 and len(each["segmentation"][0]) == 8)
    assert abs(turned["area"] - 32) < 1e-6 and loaded(tmp_path / "out.json").annToRLE
