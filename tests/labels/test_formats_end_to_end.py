"""Formats through the command line: into a repository, out of it, and into another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from labels.strategies import DATA, HEIGHT, WIDTH, Memory, close, item, read, write
from oxide import Repository
from oxide.formats import cvat, dataloop, folders, voc, yolo
from oxide.formats.base import find_format
from oxide.labels.annotation import Annotation, Keyframe
from oxide.labels.ontology import Label
from oxide.settings import Settings
from support import AUTHOR, Oxide, clip, picture
from support import write as put

PATHS = ("d/a.png", "b.png")
COMMON = {"source": "import"}
SHAPES = {
    "box": Annotation("box", "cat", (1.25, 2, 30, 20), id="1" * 24, **COMMON),  # type: ignore[arg-type]
    "polygon": Annotation("polygon", "dog", geometry={"polygons": [[[1, 1, 9.5, 1, 9, 9]]]}, id="2" * 24),
    "keypoints": Annotation("keypoints", "cat", geometry={"points": [5, 5, 2, 9, 9, 1]}, id="3" * 24),
    "rotated_box": Annotation(
        "rotated_box", "dog", geometry={"center": [30, 20], "size": [20, 10], "angle": 30.0}, id="4" * 24
    ),
    "class": Annotation("class", "dog", id="5" * 24),
}


def set_of(*kinds: str) -> Memory:
    shapes = [SHAPES[kind].checked() for kind in kinds]
    return Memory(
        [item(PATHS[0], *shapes), item(PATHS[1], number=2)], [Label("cat", position=0), Label("dog", position=1)]
    )


def start(folder: Path, home: Path, *paths: str) -> Oxide:
    """A repository with a commit of pictures, and the command in it."""
    repo = Repository.init(folder, settings=Settings(None, dict(AUTHOR)))
    put(folder, "README.md", "# Pictures\n")
    for path in paths:
        put(folder, path, clip(path) if path.endswith(".mp4") else picture(path, WIDTH, HEIGHT))
    repo.add(["."])
    repo.commit("pictures")
    return Oxide(folder, home)


def said(oxide: Oxide, path: str) -> list[dict[str, Any]]:
    """The annotations of a file: what a format could hold of them all."""
    found = oxide("annotations", path, "--json").json
    return sorted(
        ({name: each[name] for name in ("type", "label", "bbox", "geometry")} for each in found),
        key=lambda each: str(each),
    )


@pytest.mark.parametrize(
    ("name", "kinds", "images"),
    [
        ("yolo", ("box",), "images"),
        ("yolo", ("polygon",), "images"),
        ("yolo", ("keypoints",), "images"),
        ("yolo", ("rotated_box",), "images"),
        ("yolo", ("class",), "."),
        ("folders", ("class",), "."),
        ("voc", ("box",), "JPEGImages"),
        ("cvat", ("box", "polygon", "rotated_box", "class"), "images"),
        ("dataloop", tuple(SHAPES), "."),
    ],
)
def test_labels_and_pictures_travel_to_another_repository(
    tmp_path: Path, name: str, kinds: tuple[str, ...], images: str
) -> None:
    first = start(tmp_path / "first", tmp_path, *PATHS)
    write(dataloop.format(), set_of(*kinds), tmp_path / "made")
    first("import", "dataloop", "../made")
    before = said(first, PATHS[0])
    assert [each["type"] for each in before] == sorted(kinds)
    first("export", name, "../out", "--images")
    second = start(tmp_path / "second", tmp_path)
    second("import", name, "../out", "--images", f"../out/{images}")
    placed = {"folders": f"dog/{PATHS[0]}", "yolo": f"train/dog/{PATHS[0]}"}.get(name, PATHS[0])
    at = PATHS[0] if kinds != ("class",) else placed
    assert (second.folder / at).read_bytes() == (first.folder / PATHS[0]).read_bytes()
    assert close(said(second, at), before)
    second("commit", "-m", "labels")
    assert second("status", "--json").json["clean"]


@pytest.mark.parametrize("images", [True, False])
def test_yolo_labels_alone_find_the_sizes_of_tracked_pictures(tmp_path: Path, images: bool) -> None:
    oxide = start(tmp_path / "tree", tmp_path, "images/train/a.png")
    put(tmp_path, "labels-only/data.yaml", "train: images/train\nnames: [cat]\n")
    put(tmp_path, "labels-only/labels/train/a.txt", "0 .5 .5 .25 .5\n")
    oxide("import", "yolo", "../labels-only", *(["--images", "images"] if images else ["--into", "images"]))
    assert said(oxide, "images/train/a.png") == [
        {"type": "box", "label": "cat", "bbox": [WIDTH * 3 / 8, HEIGHT / 4, WIDTH / 4, HEIGHT / 2], "geometry": None}
    ]
    assert oxide("metadata", "get", "images/train/a.png", "--json").json == {"split": "train"}


def test_a_wrong_line_imports_nothing(tmp_path: Path) -> None:
    oxide = start(tmp_path / "tree", tmp_path, "a.png")
    write(yolo.format(), Memory([item("a.png", SHAPES["box"])]), tmp_path / "made")
    with (tmp_path / "made/labels/a.txt").open("a") as stream:
        stream.write("7 .5 .5 .1 .1\n")
    ran = oxide("import", "yolo", "../made", code=2)
    assert "labels/a.txt', line 2: there is no class 7" in ran.err
    assert said(oxide, "a.png") == []
    assert oxide("status", "--json").json["clean"]


def test_tracks_travel_through_cvat(tmp_path: Path) -> None:
    frames = (Keyframe(2, (1, 1, 5, 5)), Keyframe(8, (9, 1, 5, 5)))
    track = Annotation("box", "cat", (1, 1, 5, 5), id="a" * 24, track="7", frames=(2, 11), keyframes=frames)
    made = Memory([item("clips/c.mp4", track, width=None, height=None)], [Label("cat")])
    first = start(tmp_path / "first", tmp_path, "clips/c.mp4")
    write(dataloop.format(), made, tmp_path / "made")
    first("import", "dataloop", "../made")
    first("export", "cvat", "../clip.xml")
    [found] = read(cvat.format(), tmp_path / "clip.xml").annotations["clips/c.mp4"]
    assert (found.track, found.frames, found.keyframes) == ("7", (2, 11), frames)
    first("import", "cvat", "../clip.xml", "--replace")
    assert [each["type"] for each in said(first, "clips/c.mp4")] == ["box"]


@pytest.mark.parametrize(
    ("name", "target", "why"),
    [
        ("folders", "out", "add --images"),
        ("yolo", "out", "add --images"),
        ("yolo", "out.zip", "written into a folder"),
        ("voc", "out.xml", "written into a folder"),
        ("cvat", "out.zip", "written into a folder"),
    ],
)
def test_exports_that_would_say_nothing_are_refused(tmp_path: Path, name: str, target: str, why: str) -> None:
    oxide = start(tmp_path / "tree", tmp_path, "a.png")
    oxide("annotate", "a.png", "--label", "cat")
    ran = oxide("export", name, f"../{target}", code=2)
    assert why in ran.err
    assert not (tmp_path / target).exists()


def test_losses_are_listed(tmp_path: Path) -> None:
    oxide = start(tmp_path / "tree", tmp_path, "a.png")
    oxide("annotate", "a.png", "--label", "cat", "--box", "1,1,5,5", "--attribute", "age=3", "--score", "0.5")
    losses = oxide("export", "yolo", "../out", "--json").json["losses"]
    assert {each["what"]: each["count"] for each in losses}.items() >= {"attributes": 1, "scores": 1}.items()


def test_every_format_is_one() -> None:
    for name in ("yolo", "voc", "folders", "cvat", "dataloop"):
        assert find_format(name).name == name
    assert voc.format().needs_pictures is False
    assert folders.format().needs_pictures is True


@pytest.mark.skipif(not DATA.is_dir(), reason="no real pictures: ../shared/data is not beside the checkout")
def test_cats_and_dogs_travel_through_a_repository(tmp_path: Path) -> None:
    oxide = start(tmp_path / "tree", tmp_path)
    source = DATA / "catdog_boxes"
    oxide("import", "yolo", str(source), "--images", str(source / "images"))
    oxide("export", "yolo", "../out")
    names = list(read(yolo.Yolo(find=lambda path: (path, 1, 1)), tmp_path / "out/data.yaml").labels)
    for path in sorted((source / "labels").iterdir()):
        given = sorted(([("dog", "cat")[int(line[0])], *line[1:]] for line in numbers_of(path)), key=str)
        written = sorted(
            ([names[int(line[0])], *line[1:]] for line in numbers_of(tmp_path / "out/labels" / path.name)), key=str
        )
        assert close([line[1:] for line in written], [line[1:] for line in given], 1e-9)
        assert [line[0] for line in written] == [line[0] for line in given]


def numbers_of(path: Path) -> list[list[float]]:
    """The lines of a text file as numbers."""
    return [[float(word) for word in line.split()] for line in path.read_text().splitlines()]
