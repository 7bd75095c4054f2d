"""CVAT XML in and out."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labels.strategies import Memory, annotations, close, item, read, same_shape, texts, tracks, write
from oxide.errors import InvalidInput, NotFound
from oxide.formats import cvat
from oxide.labels import masks
from oxide.labels.annotation import Annotation, Keyframe
from oxide.labels.ontology import Label
from support import write as put

IMAGES = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>4</id>
      <name>birds</name>
      <size>2</size>
      <mode>annotation</mode>
      <overlap>0</overlap>
      <created>2024-03-01 11:34:24.617558+00:00</created>
      <labels>
        <label>
          <name>bird</name>
          <color>#33ddff</color>
          <type>any</type>
          <attributes>
            <attribute>
              <name>kind</name>
              <mutable>False</mutable>
              <input_type>radio</input_type>
              <default_value>gull</default_value>
              <values>gull
crow</values>
            </attribute>
            <attribute>
              <name>age</name>
              <mutable>True</mutable>
              <input_type>number</input_type>
              <default_value>1</default_value>
              <values>0
9
1</values>
            </attribute>
            <attribute>
              <name>flies</name>
              <mutable>False</mutable>
              <input_type>checkbox</input_type>
              <default_value>false</default_value>
              <values>true
false</values>
            </attribute>
          </attributes>
        </label>
        <label>
          <name>person</name>
          <color>#c06060</color>
          <type>skeleton</type>
          <attributes>
          </attributes>
          <svg>&lt;line x1="1" data-type="edge" data-node-from="2" data-node-to="1"&gt;&lt;/line&gt;
&lt;circle r="1" data-node-id="1" data-label-name="head"&gt;&lt;/circle&gt;
&lt;circle r="1" data-node-id="2" data-label-name="foot"&gt;&lt;/circle&gt;</svg>
        </label>
        <label>
          <name>head</name>
          <type>points</type>
          <attributes>
          </attributes>
          <parent>person</parent>
        </label>
        <label>
          <name>foot</name>
          <type>points</type>
          <attributes>
          </attributes>
          <parent>person</parent>
        </label>
      </labels>
      <owner>
        <username>ada</username>
        <email></email>
      </owner>
    </task>
    <dumped>2024-03-02 11:38:28.799808+00:00</dumped>
  </meta>
  <image id="0" name="d/a.jpg" subset="Train" width="100" height="80">
    <box label="bird" source="manual" occluded="1" xtl="10.50" ytl="20.00" xbr="30.50" ybr="60.00" z_order="2">
      <attribute name="kind">crow</attribute>
      <attribute name="age">3</attribute>
      <attribute name="flies">true</attribute>
    </box>
    <box label="bird" source="auto" occluded="0" xtl="10" ytl="20" xbr="30" ybr="60" rotation="30.00" z_order="0">
    </box>
    <polygon label="bird" source="semi-auto" occluded="0" points="1,2;30.5,2;30.5,40" group_id="7"></polygon>
    <polyline label="bird" source="file" occluded="0" points="1,2;30.5,2"></polyline>
    <points label="bird" occluded="0" points="3,4"></points>
    <points label="bird" occluded="0" points="3,4;5,6"></points>
    <ellipse label="bird" occluded="0" cx="50" cy="40" rx="10" ry="5" rotation="90"></ellipse>
    <mask label="bird" occluded="0" rle="1,2,1,3,1" left="2" top="3" width="4" height="2"></mask>
    <cuboid label="bird" occluded="0" xtl1="1" ytl1="2" xbl1="3" ybl1="4" xtr1="5" ytr1="6" xbr1="7" ybr1="8"
      xtl2="9" ytl2="10" xbl2="11" ybl2="12" xtr2="13" ytr2="14" xbr2="15" ybr2="16"></cuboid>
    <skeleton label="person" source="manual" z_order="0">
      <points label="foot" source="manual" outside="0" occluded="1" points="7,8"></points>
      <points label="head" source="manual" outside="1" occluded="0" points="5,6"></points>
    </skeleton>
    <tag label="bird" source="manual">
      <attribute name="age">2.5</attribute>
    </tag>
  </image>
  <image id="1" name="b.jpg" width="100" height="80">
  </image>
</annotations>
"""


def test_images_are_read_as_they_say(tmp_path: Path) -> None:
    found = read(cvat.format(), put(tmp_path, "annotations.xml", IMAGES))
    picture = found.pictures["d/a.jpg"]
    assert (picture.width, picture.height, picture.metadata) == (100, 80, {"split": "Train"})
    assert found.annotations["b.jpg"] == []
    box, turned, polygon, polyline, point, points, ellipse, mask, cuboid, skeleton, tag = found.annotations["d/a.jpg"]
    assert (box.type, box.label, box.box, box.source) == ("box", "bird", (10.5, 20, 20, 40), "human")
    assert box.attributes == {"kind": "crow", "age": 3, "flies": True, "occluded": True}
    assert box.foreign == {"cvat": {"z_order": "2"}}
    assert (turned.type, turned.source) == ("rotated_box", "model")
    assert turned.geometry == {"center": [20, 40], "size": [20, 40], "angle": 30}
    assert polygon.geometry == {"polygons": [[[1, 2, 30.5, 2, 30.5, 40]]]}
    assert (polygon.source, polygon.foreign) == ("human", {"cvat": {"group_id": "7", "source": "semi-auto"}})
    assert (polyline.geometry, polyline.source) == ({"lines": [[1, 2, 30.5, 2]]}, "import")
    assert (point.type, point.box) == ("point", (3, 4, 0, 0))
    assert points.geometry == {"points": [3, 4, 2, 5, 6, 2]}
    assert ellipse.geometry == {"center": [50, 40], "radii": [10, 5], "angle": 90}
    assert close(ellipse.box, (45, 30, 10, 20))
    pixels = numpy.zeros((80, 100), dtype=bool)
    pixels[3, 3:5] = pixels[4, 2:5] = True
    assert (masks.decode(mask.geometry) == pixels).all()
    assert cuboid.geometry == {
        "corners": [[1, 2, 0], [5, 6, 0], [7, 8, 0], [3, 4, 0], [9, 10, 0], [13, 14, 0], [15, 16, 0], [11, 12, 0]]
    }
    assert skeleton.geometry == {"points": [5, 6, 0, 7, 8, 1]}
    assert (tag.type, tag.attributes) == ("class", {"age": 2.5})
    bird, person = found.labels.values()
    assert (bird.color, bird.tools) == ("#33ddff", ())
    assert bird.attributes == {
        "kind": {"type": "select", "values": ["gull", "crow"], "default": "gull"},
        "age": {"type": "number", "default": 1},
        "flies": {"type": "boolean", "default": False},
    }
    assert bird.foreign["cvat"]["task"]["owner"] == {"username": "ada", "email": ""}
    assert bird.foreign["cvat"]["attributes"] == {
        "kind": {"input_type": "radio"},
        "age": {"range": ["0", "9", "1"], "mutable": True},
    }
    assert (person.tools, person.skeleton) == (("keypoints",), {"points": ["head", "foot"], "edges": [[1, 0]]})


def test_what_was_read_is_written_so_that_it_reads_the_same(tmp_path: Path) -> None:
    found = read(cvat.format(), put(tmp_path, "in.xml", IMAGES))
    items = [
        item(path, *group, width=100, height=80, metadata=found.pictures[path].metadata, number=at)
        for at, (path, group) in enumerate(found.annotations.items())
    ]
    lost = write(cvat.format(), Memory(items, list(found.labels.values())), tmp_path / "out")
    assert not lost.losses
    again = read(cvat.format(), tmp_path / "out")
    assert (again.annotations, again.labels) == (found.annotations, found.labels)
    assert [each.metadata for each in again.pictures.values()] == [each.metadata for each in found.pictures.values()]


SAYABLE = ("class", "box", "rotated_box", "polygon", "polyline", "point", "ellipse", "mask", "cuboid", "keypoints")


@given(st.lists(annotations(*SAYABLE, simple=True, count=2), max_size=5), texts())
def test_every_shape_comes_back(shapes: list[Annotation], text: str) -> None:
    shapes = [replace(each, attributes={"said": text}) for each in shapes]
    visible = [
        replace(
            each, geometry={"points": [*each.geometry["points"][:2], 2, *each.geometry["points"][3:5], 2]}, box=None
        ).checked()
        if each.type == "keypoints" and each.geometry
        else each
        for each in shapes
    ]
    with tempfile.TemporaryDirectory() as name:
        lost = write(cvat.format(), Memory([item("d/ä b.jpg", *visible)]), Path(name))
        found = read(cvat.format(), Path(name)).annotations["d/ä b.jpg"]
    assert all(same_shape(a, b) for a, b in zip(found, visible, strict=True))
    assert [(a.label, a.attributes, a.source) for a in found] == [(b.label, b.attributes, b.source) for b in visible]
    assert lost.losses == ({"ids of annotations": len(shapes)} if shapes else {})


@given(annotations("keypoints", count=3))
def test_skeletons_come_back_with_their_visibility(pose: Annotation) -> None:
    skeleton = {"points": ["head", "hand & arm", "foot"], "edges": [[0, 1], [1, 2]]}
    label = Label("cat", tools=("keypoints",), skeleton=skeleton, position=0)
    with tempfile.TemporaryDirectory() as name:
        lost = write(cvat.format(), Memory([item("a.jpg", replace(pose, label="cat"))], [label]), Path(name))
        found = read(cvat.format(), Path(name))
    assert same_shape(found.annotations["a.jpg"][0], pose)
    assert found.labels["cat"].skeleton == {**skeleton, "points": ["head", "hand & arm", "foot"]}
    assert lost.losses == {"ids of annotations": 1}


MOVING = ("box", "polygon", "polyline", "ellipse")


@given(st.lists(tracks(*MOVING, values=st.fixed_dictionaries({"said": texts()})), max_size=3))
def test_tracks_come_back(moving: list[Annotation]) -> None:
    with tempfile.TemporaryDirectory() as name:
        lost = write(cvat.format(), Memory([item("d/clip.mp4", *moving)]), Path(name))
        found = read(cvat.format(), Path(name)).annotations.get("d/clip.mp4", [])
    for after, before in zip(found, moving, strict=True):
        assert same_shape(after, before)
        assert (after.track, after.frames, after.attributes) == (before.track, before.frames, before.attributes)
        for a, b in zip(after.keyframes, before.keyframes, strict=True):
            assert (a.frame, a.visible, a.attributes) == (b.frame, b.visible, b.attributes)
            assert same_shape(a, b)
    assert lost.losses == ({"ids of annotations": len(moving)} if moving else {})


VIDEO = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <name>a task</name>
      <mode>interpolation</mode>
      <labels><label><name>car</name><attributes></attributes></label></labels>
      <original_size><width>640</width><height>480</height></original_size>
      <source>clip.mp4</source>
    </task>
  </meta>
  <track id="3" label="car" source="manual">
    <box frame="2" outside="0" occluded="0" keyframe="1" xtl="1" ytl="2" xbr="11" ybr="12" z_order="0">
      <attribute name="speed">slow</attribute>
    </box>
    <box frame="3" outside="0" occluded="0" keyframe="0" xtl="2" ytl="2" xbr="12" ybr="12" z_order="0">
      <attribute name="speed">slow</attribute>
    </box>
    <box frame="4" outside="0" occluded="1" keyframe="1" xtl="3" ytl="2" xbr="13" ybr="12" z_order="0">
      <attribute name="speed">fast</attribute>
    </box>
    <box frame="6" outside="1" occluded="1" keyframe="1" xtl="3" ytl="2" xbr="13" ybr="12" z_order="0">
      <attribute name="speed">fast</attribute>
    </box>
    <box frame="8" outside="0" occluded="0" keyframe="1" xtl="30" ytl="2" xbr="40" ybr="12" z_order="0">
      <attribute name="speed">fast</attribute>
    </box>
    <box frame="10" outside="1" occluded="0" keyframe="1" xtl="30" ytl="2" xbr="40" ybr="12" z_order="0">
      <attribute name="speed">fast</attribute>
    </box>
  </track>
</annotations>
"""


def test_a_video_is_read_as_it_says(tmp_path: Path) -> None:
    found = read(cvat.format(), put(tmp_path, "annotations.xml", VIDEO))
    clip = found.pictures["clip.mp4"]
    assert (clip.width, clip.height) == (640, 480)
    [car] = found.annotations["clip.mp4"]
    assert (car.label, car.track, car.frames, car.box) == ("car", "3", (2, 9), (1, 2, 10, 10))
    assert car.attributes == {"speed": "slow"}
    assert car.keyframes == (
        Keyframe(2, (1, 2, 10, 10)),
        Keyframe(4, (3, 2, 10, 10), attributes={"speed": "fast", "occluded": True}),
        Keyframe(6, visible=False),
        Keyframe(8, (30, 2, 10, 10), attributes={"speed": "fast"}),
    )


def test_a_shape_of_one_frame_has_no_key_frames(tmp_path: Path) -> None:
    once = Annotation("box", "car", (1, 2, 3, 4), id="a" * 24, track="1", frames=(5, 5), source="import")
    write(cvat.format(), Memory([item("clip.mp4", once)], [Label("car")]), tmp_path)
    assert read(cvat.format(), tmp_path).annotations["clip.mp4"] == [replace(once, id=None)]


def test_the_report_lists_exactly_what_is_lost(tmp_path: Path) -> None:
    common = {"id": "a" * 24, "source": "import"}
    made = [
        Annotation("note", "cat", geometry={"messages": []}, **common),
        Annotation("box", None, (1, 1, 2, 2), **common),
        Annotation("box", "ca\0t", (1, 1, 2, 2), **common),
        Annotation("mask", "cat", geometry=masks.encode(numpy.zeros((4, 4), dtype=bool)), **common),
        Annotation("cuboid", "cat", geometry={"center": [1, 1, 1], "size": [1, 1, 1], "rotation": [0, 0, 0]}, **common),
        Annotation("polygon", "cat", geometry={"polygons": [[[1, 1, 9, 1, 9, 9], [2, 1, 3, 1, 3, 2]]]}, **common),
        Annotation("polyline", "cat", geometry={"lines": [[1, 1, 9, 1], [1, 2, 9, 2]]}, **common),
        Annotation("keypoints", "cat", geometry={"points": [1, 1, 1]}, **common),
        Annotation("keypoints", "cat", (0, 0, 9, 9), {"points": [1, 1, 2, 5, 5, 2]}, **common),
        Annotation("box", "cat", (1, 1, 2, 2), attributes={"n": 3, "occluded": False}, score=0.5, **common),
    ]
    clip = Annotation("box", "cat", (1, 1, 2, 2), id="b" * 24, source="import")
    dataset = Memory(
        [
            item("a.jpg", *(each.checked() for each in made), metadata={"camera": 1, "split": "val"}),
            item("b.mp4", clip, metadata={"split": "val"}, number=2),
        ],
        [Label("cat", parent="animal", description="it purrs", tools=("box", "mask"))],
        closed=True,
    )
    lost = write(cvat.format(), dataset, tmp_path)
    assert lost.losses == {
        "labels above labels": 1,
        "descriptions of labels": 1,
        "tools of labels": 1,
        "that the ontology is closed": 1,
        "metadata": 2,
        "annotations of the type note, left out": 1,
        "annotations without a label, left out": 1,
        "annotations whose label XML cannot hold, left out": 1,
        "masks without a pixel, left out": 1,
        "cuboids in a space of their own, left out": 1,
        "ids of annotations": 5,
        "scores": 1,
        "parts and holes of polygons, joined to one outline": 1,
        "polylines of several lines, written as one for each": 1,
        "visibility of keypoints of labels without a skeleton": 1,
        "keypoints of one point, written as a point": 1,
        "boxes drawn around keypoints": 1,
        "types of attributes, written as text": 1,
        "that a shape is not occluded, which is left out": 1,
        "annotations of videos that are no tracks, left out": 1,
    }
    found = read(cvat.format(), tmp_path).annotations["a.jpg"]
    assert [each.type for each in found] == ["polygon", "polyline", "polyline", "point", "keypoints", "box"]


def test_memory_does_not_grow_with_the_number_of_images(tmp_path: Path) -> None:
    import tracemalloc

    peaks = []
    for count in (300, 3000):
        head, _, rest = IMAGES.partition('  <image id="1"')
        image = head[head.index("  <image") :]
        text = head[: head.index("  <image")] + "".join(image.replace("a.jpg", f"{at}.jpg") for at in range(count))
        file = put(tmp_path, f"{count}.xml", text + "</annotations>")
        tracemalloc.start()
        assert sum(1 for _ in cvat.format().read(file)) == 2 + count * 12
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert rest
    assert peaks[1] < peaks[0] * 1.5


BOMB = '<!DOCTYPE a [\n<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("<annotations>\n<image>\n</annotations>", "line 3", "mismatched tag"),
        (f"{BOMB}\n<annotations/>", "line 2", "the entity 'a' is declared"),
        ("<annotation/>", "line 1", "the document is 'annotation'"),
        (IMAGES.replace("<version>1.1", "<version>2.0"), "line 3", "not 1.1"),
        (IMAGES.replace('name="d/a.jpg" ', ""), "line 77", "no name"),
        (
            IMAGES.replace('width="100" height="80">\n    <box', 'width="x" height="80">\n    <box'),
            "line 77",
            "no width",
        ),
        (IMAGES.replace('xtl="10.50" ', ""), "line 78", "'xtl'"),
        (IMAGES.replace("10.50", "nan"), "line 78", "not finite"),
        (IMAGES.replace("10.50", "1050"), "line 78", "negative"),
        (IMAGES.replace('points="3,4"', 'points="3"'), "line 87", "'3' is no point"),
        (IMAGES.replace("1,2,1,3,1", "1,2,1,3,9"), "line 90", "cover 16 of 8"),
        (IMAGES.replace("1,2,1,3,1", "1,2,1,3,x"), "line 90", "the mask cannot be read"),
        (IMAGES.replace('left="2"', 'left="98"'), "line 90", "not within the picture"),
        (IMAGES.replace('label="head" source', 'label="tail" source'), "line 93", "no point 'tail'"),
        (IMAGES.replace("<tag ", "<tag2 ").replace("</tag>", "</tag2>"), "line 97", "no shape 'tag2'"),
        (IMAGES.replace("<parent>person", "<parent>ghost"), "line 12", "'ghost' is not there"),
        (VIDEO.replace('frame="3"', 'frame="1"'), "line 17", "frame 1 comes after the frame 2"),
        (VIDEO.replace('frame="3"', 'frame="x"'), "line 17", "no number of a frame"),
        (VIDEO.replace('label="car" ', ""), "line 13", "no label"),
        (VIDEO.replace("<source>clip.mp4</source>", "").replace("<name>a task</name>", ""), "'meta'", "which video"),
    ],
)
def test_wrong_files_are_named_with_their_line(tmp_path: Path, text: str, place: str, why: str) -> None:
    file = put(tmp_path, "a.xml", text)
    with pytest.raises(InvalidInput) as refused:
        read(cvat.format(), tmp_path)
    assert str(file) in refused.value.message
    assert place in refused.value.message
    assert why in refused.value.message


def test_a_mask_that_fills_the_memory_is_refused(tmp_path: Path) -> None:
    text = IMAGES.replace(
        'name="d/a.jpg" subset="Train" width="100" height="80"', 'name="a" width="40000" height="40000"'
    )
    text = text.replace(
        'rle="1,2,1,3,1" left="2" top="3" width="4" height="2"',
        'rle="1600000000" left="0" top="0" width="40000" height="40000"',
    )
    with pytest.raises(InvalidInput, match="too large"):
        read(cvat.format(), put(tmp_path, "a.xml", text))


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(cvat.format(), tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="no XML file"):
        read(cvat.format(), tmp_path)
