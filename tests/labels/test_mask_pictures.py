"""Masks as pictures, in and out."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labels.strategies import HEIGHT, LABELS, WIDTH, Memory, annotations, item, read, same_shape, write
from oxide.errors import InvalidInput, NotFound
from oxide.formats import mask_pictures
from oxide.labels import masks
from oxide.labels.annotation import Annotation
from oxide.labels.ontology import Label
from PIL import Image
from support import write as put


def mask(label: str, rows: slice, columns: slice, **more: str) -> Annotation:
    pixels = numpy.zeros((HEIGHT, WIDTH), bool)
    pixels[rows, columns] = True
    return Annotation("mask", label, geometry=masks.encode(pixels), source="import", **more).checked()  # type: ignore[arg-type]


def test_a_picture_holds_the_numbers_of_the_classes(tmp_path: Path) -> None:
    cat, dog = mask("cat", slice(0, 10), slice(0, 20)), mask("dog", slice(5, 20), slice(10, 30))
    lost = write(mask_pictures.format(), Memory([item("d/a.jpg", cat, dog)]), tmp_path)
    assert (tmp_path / "labels.txt").read_text().splitlines() == ["background", *LABELS]
    with Image.open(tmp_path / "masks/d/a.jpg.png") as drawn:
        assert drawn.mode == "P" and drawn.size == (WIDTH, HEIGHT)
        assert drawn.getpalette()[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]  # as the VOC devkit has them
        pixels = numpy.asarray(drawn)
    assert pixels[0, 0] == 1 and pixels[7, 15] == 2 and pixels[30, 50] == 0
    assert lost.losses == {"pixels of other labels below": 1}
    found = {each.label: each for each in read(mask_pictures.format(), tmp_path).annotations["d/a.jpg"]}
    assert found.keys() == {"cat", "dog"} and same_shape(found["dog"], dog)
    assert masks.area(found["cat"].geometry or {}) == 200 - 50


@given(st.lists(annotations("mask"), max_size=3, unique_by=lambda each: each.label))
def test_masks_that_do_not_overlap_come_back(made: list[Annotation]) -> None:
    taken = numpy.zeros((HEIGHT, WIDTH), bool)
    apart = []
    for each in made:
        pixels = masks.decode(each.geometry or {})
        if not (pixels & taken).any():
            apart.append(each)
            taken |= pixels
    with tempfile.TemporaryDirectory() as name:
        lost = write(mask_pictures.format(), Memory([item("a.jpg", *apart)]), Path(name))
        found = {each.label: each for each in read(mask_pictures.format(), Path(name)).annotations["a.jpg"]}
    assert lost.losses == ({"ids of annotations": len(apart)} if apart else {})
    assert found.keys() == {each.label for each in apart}
    assert all(same_shape(found[each.label], each) for each in apart)


def test_the_report_lists_exactly_what_is_lost(tmp_path: Path) -> None:
    polygon = Annotation("polygon", "cat", geometry={"polygons": [[[1, 1, 20, 1, 20, 20, 1, 20], [5, 5, 9, 5, 9, 9]]]})
    dataset = Memory(
        [
            item(
                "a.jpg",
                polygon.checked(),
                mask("cat", slice(30, 40), slice(30, 40)),
                Annotation("box", "cat", (1, 1, 2, 2), source="import"),
                Annotation("mask", None, geometry=polygon.geometry, source="import"),
                metadata={"split": "train"},
            ),
            item("b.jpg", mask("cat", slice(0, 1), slice(0, 1)), width=None, number=2),
        ],
        [Label("cat", color="#ff0000")],
    )
    lost = write(mask_pictures.format(), dataset, tmp_path)
    assert lost.losses == {
        "colours of labels": 1,
        "metadata": 1,
        "outlines of polygons, written as pixels": 1,
        "sources (human or model)": 1,
        "which of several of a label a pixel belongs to": 1,
        "annotations of the type box, left out": 1,
        "annotations without a label that a line can hold, left out": 1,
        "annotations of pictures of unknown size, left out": 1,
    }
    pixels = numpy.asarray(Image.open(tmp_path / "masks/a.jpg.png"))
    assert pixels[2, 2] == 1 and pixels[6, 8] == 0 and pixels[35, 35] == 1


def test_more_classes_than_a_byte_holds(tmp_path: Path) -> None:
    labels = [Label(f"c{number}", position=number) for number in range(300)]
    made = mask("c299", slice(0, 3), slice(0, 3))
    write(mask_pictures.format(), Memory([item("a.jpg", made)], labels), tmp_path)
    (found,) = read(mask_pictures.format(), tmp_path).annotations["a.jpg"]
    assert found.label == "c299" and same_shape(found, made)


def test_coloured_masks_and_what_is_left_undecided(tmp_path: Path) -> None:
    put(tmp_path, "labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:128,0,0::\n")
    colored = Image.new("RGB", (8, 6))
    colored.paste((128, 0, 0), (2, 2, 5, 4))
    (tmp_path / "SegmentationClass").mkdir()
    colored.save(tmp_path / "SegmentationClass/a.png")
    (found,) = read(mask_pictures.format(), tmp_path).annotations["a"]
    assert found.label == "cat" and found.box == (2, 2, 3, 2)
    colored.putpixel((0, 0), (1, 2, 3))
    colored.save(tmp_path / "SegmentationClass/a.png")
    with pytest.raises(InvalidInput, match="pixel 0, 0"):
        read(mask_pictures.format(), tmp_path)

    plain = tmp_path / "plain"
    put(plain, "labels.txt", "background\ncat\n")
    (plain / "masks").mkdir()
    pixels = numpy.zeros((6, 8), numpy.uint8)
    pixels[0], pixels[1] = 1, 255
    Image.fromarray(pixels).save(plain / "masks/a.png")
    (found,) = read(mask_pictures.format(), plain).annotations["a"]
    assert found.box == (0, 0, 8, 1)
    pixels[2] = 7
    Image.fromarray(pixels).save(plain / "masks/a.png")
    with pytest.raises(InvalidInput, match=r"class 7.*only 2 lines"):
        read(mask_pictures.format(), plain)


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(mask_pictures.format(), tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match=r"neither labels\.txt"):
        read(mask_pictures.format(), tmp_path)
    put(tmp_path, "labels.txt", "background\ncat\ncat\n")
    with pytest.raises(InvalidInput, match="twice"):
        read(mask_pictures.format(), tmp_path)
    put(tmp_path, "labels.txt", "background\ncat\n")
    put(tmp_path, "masks/a.png", b"no picture")
    with pytest.raises(InvalidInput, match="no picture"):
        read(mask_pictures.format(), tmp_path)
    Image.new("RGB", (4, 4)).save(tmp_path / "masks/a.png")
    with pytest.raises(InvalidInput, match="colours"):
        read(mask_pictures.format(), tmp_path)
    put(tmp_path, "labelmap.txt", "cat:1,2\n")
    with pytest.raises(InvalidInput, match="line 1"):
        read(mask_pictures.format(), tmp_path)


def test_a_mask_of_another_size_than_its_picture_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    put(tmp_path, "labels.txt", b"background\ncat\n")
    (tmp_path / "masks").mkdir()
    Image.new("L", (WIDTH + 1, HEIGHT)).save(tmp_path / "masks/a.jpg.png")
    whole = (tmp_path / "masks/a.jpg.png").read_bytes()
    put(tmp_path, "masks/a.jpg.png", whole[: whole.index(b"IDAT") + 8])
    reader = mask_pictures.MaskPictures(find=lambda path: (path, WIDTH, HEIGHT))
    with pytest.raises(InvalidInput, match=rf"a\.jpg\.png.*{WIDTH + 1} x {HEIGHT} pixels.*{WIDTH} x {HEIGHT}"):
        read(reader, tmp_path)


def test_a_folder_without_masks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("background\ncat\n")
    with pytest.raises(InvalidInput, match="no folder 'masks'"):
        list(mask_pictures.format().read(tmp_path))
