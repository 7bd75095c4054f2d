"""Pascal VOC in and out."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labels.strategies import DATA, Memory, annotations, item, read, same_shape, write
from oxide.errors import InvalidInput, NotFound
from oxide.formats import voc
from oxide.labels.annotation import Annotation
from oxide.labels.ontology import Label
from support import write as put

GOLDEN = """<?xml version="1.0" encoding="utf-8"?>
<annotation>
  <folder>VOC2012</folder>
  <filename>2007_000027.jpg</filename>
  <source>
    <database>The VOC2007 Database</database>
  </source>
  <size>
    <width>486</width>
    <height>500</height>
    <depth>3</depth>
  </size>
  <segmented>0</segmented>
  <object>
    <name>person</name>
    <pose>Unspecified</pose>
    <truncated>0</truncated>
    <difficult>1</difficult>
    <bndbox>
      <xmin>174</xmin>
      <ymin>101</ymin>
      <xmax>349</xmax>
      <ymax>351.5</ymax>
    </bndbox>
    <part>
      <name>head</name>
      <bndbox>
        <xmin>169</xmin>
        <ymin>104</ymin>
        <xmax>209</xmax>
        <ymax>146</ymax>
      </bndbox>
    </part>
  </object>
</annotation>
"""


def test_a_file_is_read_as_it_says(tmp_path: Path) -> None:
    put(tmp_path, "Annotations/2007_000027.xml", GOLDEN)
    found = read(voc.format(), tmp_path)
    picture = found.pictures["2007_000027.jpg"]
    assert (picture.width, picture.height) == (486, 500)
    assert picture.metadata == {
        "voc": {
            "folder": "VOC2012",
            "source": {"database": "The VOC2007 Database"},
            "depth": "3",
            "segmented": "0",
        }
    }
    [person] = found.annotations["2007_000027.jpg"]
    assert (person.label, person.box) == ("person", (173, 100, 176, 251.5))
    assert person.attributes == {"pose": "Unspecified", "truncated": False, "difficult": True}
    assert person.foreign == {"voc": {"parts": [{"name": "head", "box": [168, 103, 41, 43]}]}}


def test_a_file_that_was_read_is_written_as_it_was(tmp_path: Path) -> None:
    put(tmp_path, "in/2007_000027.xml", GOLDEN)
    found = read(voc.format(), tmp_path / "in")
    [(path, picture)] = found.pictures.items()
    again = item(path, *found.annotations[path], width=picture.width, height=picture.height, metadata=picture.metadata)
    lost = write(voc.format(), Memory([again], []), tmp_path / "out")
    assert (tmp_path / "out/Annotations/2007_000027.xml").read_text() == GOLDEN
    assert not lost.losses


@given(st.lists(annotations("box"), max_size=4))
def test_boxes_come_back(boxes: list[Annotation]) -> None:
    with tempfile.TemporaryDirectory() as name:
        lost = write(voc.format(), Memory([item("d/a.b.jpg", *boxes)]), Path(name))
        found = read(voc.format(), Path(name)).annotations["d/a.b.jpg"]
    assert [each.label for each in found] == [each.label for each in boxes]
    assert all(same_shape(a, b) for a, b in zip(found, boxes, strict=True))
    assert lost.losses == ({"ids of annotations": len(boxes)} if boxes else {})


def test_the_report_lists_exactly_what_is_lost(tmp_path: Path) -> None:
    known = {"id": "a" * 24, "source": "import"}
    polygon = Annotation("polygon", "cat", geometry={"polygons": [[[1, 1, 9, 1, 9, 9]]]}, **known)
    box = Annotation(
        "box",
        "cat",
        (1, 1, 2, 2),
        attributes={"pose": "left", "occluded": True, "age": 3, "with space": "x"},
        score=0.5,
        foreign={"coco": {"id": 1}},
        id="b" * 24,
    )
    dataset = Memory(
        [item("a.jpg", polygon.checked(), box, Annotation("class", "cat", **known), metadata={"split": "train"})],
        [Label("cat", color="#ff0000", parent="animal")],
    )
    lost = write(voc.format(), dataset, tmp_path)
    assert lost.losses == {
        "colours of labels": 1,
        "labels above labels": 1,
        "metadata": 1,
        "shapes of the type polygon, written as boxes": 1,
        "annotations of the type class, left out": 1,
        "ids of annotations": 2,
        "scores": 1,
        "sources (human or model)": 1,
        "attributes": 1,
        "what other formats keep": 1,
    }
    assert lost.examples["attributes"] == [f"a.jpg, annotation {'b' * 24}: age, with space"]
    first, second = read(voc.format(), tmp_path).annotations["a.jpg"]
    assert first.box == (1, 1, 8, 8)
    assert second.attributes == {"pose": "left", "occluded": True}


def test_two_pictures_whose_names_differ_in_the_ending_alone_are_told(tmp_path: Path) -> None:
    lost = write(voc.format(), Memory([item("a.jpg"), item("a.png", number=2)], []), tmp_path)
    assert list(lost.losses) == ["labels of pictures whose name differs from another's in the ending alone"]


BOMB = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("<annotation>\n<object>\n</annotation>", "line 3", "mismatched tag"),
        ("<annotation>\n", "line 2", "no element found"),
        ("", "line 1", "no element found"),
        (f"<?xml version='1.0'?>\n{BOMB}<annotation/>", "line 2", "the entity 'a' is declared"),
        ("<annotations/>", "line 1", "the document is 'annotations'"),
        ("<?xml version='1.0' encoding='klingon'?><annotation/>", "line 1", "encoding"),
        ("<annotation>\n<object/></annotation>", "line 1", "no filename"),
        (GOLDEN.replace("<name>person</name>", ""), "line 14", "no name"),
        (GOLDEN.replace("349", "many"), "line 19", "'many' is no xmax"),
        (GOLDEN.replace("349", "nan"), "line 19", "'nan' is no xmax"),
        (GOLDEN.replace("<xmax>349</xmax>", ""), "line 19", "it has no xmax"),
        (GOLDEN.replace("349", "100"), "line 19", "negative size"),
        (GOLDEN.replace("486", "wide"), "line 2", "'wide' is no width"),
        (GOLDEN.replace("<difficult>1", "<difficult>very"), "line 18", "neither 0 nor 1"),
    ],
)
def test_wrong_files_are_named_with_their_line(tmp_path: Path, text: str, place: str, why: str) -> None:
    file = put(tmp_path, "Annotations/a.xml", text)
    with pytest.raises(InvalidInput) as refused:
        read(voc.format(), tmp_path)
    assert str(file) in refused.value.message
    assert place in refused.value.message
    assert why in refused.value.message


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(voc.format(), tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="no XML file"):
        read(voc.format(), tmp_path)


@pytest.mark.skipif(not DATA.is_dir(), reason="no real pictures: ../shared/data is not beside the checkout")
def test_the_raccoons_come_back(tmp_path: Path) -> None:
    found = read(voc.format(), DATA / "raccoon_voc")
    assert len(found.pictures) == 60
    assert {each.label for group in found.annotations.values() for each in group} == {"raccoon"}
    for path in found.pictures:
        assert (DATA / "raccoon_voc/images" / path).is_file()
    items = [
        item(path, *group, width=found.pictures[path].width, height=found.pictures[path].height)
        for path, group in found.annotations.items()
    ]
    lost = write(voc.format(), Memory(items, []), tmp_path)
    assert not lost.losses
    assert read(voc.format(), tmp_path).annotations == found.annotations
