"""Pictures of the difference: before and after drawn over each picture whose annotations differ."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from labels.team import box, changed, start
from oxide import Repository, errors
from oxide.labels import masks
from oxide.labels.annotation import Annotation
from oxide.labels.drawing import outlines
from oxide.labels.rendering import ADDED, CHANGED, REMOVED
from oxide_cli.exit_codes import SOME_SKIPPED
from support import Oxide, write

pillow = pytest.importorskip("PIL.Image", reason="pillow is not installed")

WIDTH, HEIGHT = 200, 120


def plain(width: int = WIDTH, height: int = HEIGHT, kind: str = "PNG", **options: object) -> bytes:
    """A white picture."""
    made = io.BytesIO()
    pillow.new("RGB", (width, height), "white").save(made, kind, **options)
    return made.getvalue()


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """White pictures."""
    repo = start(tmp_path / "tree", ["unused.png"])
    for path in ("images/a.png", "images/b.png", "c.png"):
        write(repo.root, path, plain())
    repo.add(["."])
    repo.commit("white")
    return repo


def is_near(pixel: tuple[int, ...], color: tuple[int, int, int]) -> bool:
    """JPEG keeps colours roughly."""
    return all(abs(a - b) < 70 for a, b in zip(pixel, color, strict=True))


def drawn(folder: Path, name: str) -> pillow.Image:
    with pillow.open(folder / name) as picture:
        return picture.convert("RGB")


def has_color(picture: pillow.Image, area: tuple[int, int, int, int], color: tuple[int, int, int]) -> bool:
    left, top, right, bottom = area
    places = [(x, y) for x in range(left, right) for y in range(top, bottom)]
    return any(is_near(picture.getpixel(place), color) for place in places)


def test_each_change_has_its_colour(repo: Repository, tmp_path: Path) -> None:
    gone, moved = repo.annotate("images/a.png", box("cat", 20, 40, 30, 30), box("dog", 80, 40, 30, 30))
    repo.annotate("images/b.png", box("same", 20, 40, 30, 30))
    repo.commit("labels")
    repo.remove_annotations([gone])
    changed(repo, "images/a.png", moved, box=(85.0, 70.0, 30.0, 30.0))
    repo.annotate("images/a.png", box("hen", 150, 40, 30, 30))
    folder = tmp_path / "drawn"
    result = repo.render_diff(folder)
    assert (result.pictures, result.skipped) == (["images/a.png.jpg"], [])
    picture = drawn(folder, "images/a.png.jpg")
    assert picture.size == (WIDTH, HEIGHT)
    assert has_color(picture, (19, 50, 22, 60), REMOVED)
    assert has_color(picture, (149, 50, 152, 60), ADDED)
    assert has_color(picture, (84, 90, 87, 95), CHANGED)
    dashes = [is_near(picture.getpixel((80, y)), CHANGED) for y in range(45, 68)]
    assert any(dashes) and not all(dashes)  # as it was
    assert is_near(picture.getpixel((5, 5)), (255, 255, 255))
    page = (folder / "index.html").read_text()
    assert 'src="images/a.png.jpg"' in page and "1 removed" in page and "1 moved" in page


def test_between_revisions_the_files_are_those_of_the_store(repo: Repository, tmp_path: Path) -> None:
    repo.annotate("c.png", box("cat", 20, 20, 30, 30))
    repo.commit("label")
    write(repo.root, "c.png", plain(60, 50))
    repo.remove_annotations([each.id or "" for each in repo.annotations("c.png")])
    repo.commit("smaller", all=True)
    write(repo.root, "c.png", b"")
    repo.render_diff(tmp_path / "one", "HEAD~2", "HEAD~1")
    assert drawn(tmp_path / "one", "c.png.jpg").size == (WIDTH, HEIGHT)
    repo.render_diff(tmp_path / "two", "HEAD~1", "HEAD")
    assert drawn(tmp_path / "two", "c.png.jpg").size == (60, 50)


def test_a_removed_picture_is_drawn_as_it_was(repo: Repository, tmp_path: Path) -> None:
    repo.annotate("c.png", box("cat", 20, 20, 30, 30))
    repo.commit("label")
    repo.remove(["c.png"])
    repo.commit("gone")
    repo.render_diff(tmp_path / "drawn", "HEAD~1", "HEAD")
    assert has_color(drawn(tmp_path / "drawn", "c.png.jpg"), (19, 30, 22, 40), REMOVED)


def test_pictures_are_upright_as_their_labels_are(repo: Repository, tmp_path: Path) -> None:
    exif = pillow.Exif()
    exif[0x0112] = 6  # lies on its side
    write(repo.root, "turned.jpg", plain(120, 80, "JPEG", exif=exif.tobytes()))
    repo.add(["."])
    repo.annotate("turned.jpg", box("cat", 10, 80, 30, 30))
    repo.render_diff(tmp_path / "drawn")
    picture = drawn(tmp_path / "drawn", "turned.jpg.jpg")
    assert picture.size == (80, 120)
    assert has_color(picture, (9, 90, 12, 100), ADDED)


def test_what_is_no_picture_is_told_and_left_out(repo: Repository, tmp_path: Path) -> None:
    whole = plain()
    write(repo.root, "broken.png", whole[: len(whole) // 2])
    write(repo.root, "notes.txt", "no picture")
    write(repo.root, "deep.png", _sixteen_bits())
    repo.add(["."])
    for path in ("broken.png", "notes.txt", "c.png", "deep.png"):
        repo.annotate(path, box("cat"))
    result = repo.render_diff(tmp_path / "drawn")
    assert result.pictures == ["c.png.jpg", "deep.png.jpg"]
    assert [entry.path for entry in result.skipped] == ["broken.png", "notes.txt"]
    oxide = Oxide(repo.root, tmp_path)
    ran = oxide("diff", "--render", str(tmp_path / "again"), code=SOME_SKIPPED)
    assert "2 pictures drawn" in ran.out and "broken.png" in ran.err


def _sixteen_bits() -> bytes:
    import numpy

    made = io.BytesIO()
    pillow.fromarray(numpy.full((40, 40), 4000, dtype=numpy.uint16)).save(made, "PNG")
    return made.getvalue()


def test_masks_are_blended(repo: Repository, tmp_path: Path) -> None:
    import numpy

    pixels = numpy.zeros((HEIGHT, WIDTH), dtype=bool)
    pixels[50:100, 50:100] = True
    repo.annotate("c.png", Annotation("mask", "cat", geometry=masks.encode(pixels)))
    repo.render_diff(tmp_path / "drawn")
    red, green, _ = drawn(tmp_path / "drawn", "c.png.jpg").getpixel((75, 75))
    assert red < 230 < green + 40 and (red, green) != ADDED[:2]


def test_every_type_can_be_drawn(repo: Repository, tmp_path: Path) -> None:
    shapes = [
        Annotation("class", "indoor"),
        Annotation("point", "nose", (10, 10, 0, 0)),
        Annotation("polygon", "sea", geometry={"polygons": [[[10, 10, 90, 10, 50, 90], [40, 20, 60, 20, 50, 40]]]}),
        Annotation("polyline", "road", geometry={"lines": [[0, 0, 50, 50, 100, 0]]}),
        Annotation("rotated_box", "ship", geometry={"center": [50, 50], "size": [40, 20], "angle": 30}),
        Annotation("ellipse", "eye", geometry={"center": [50, 50], "radii": [40, 20], "angle": 30}),
        Annotation("keypoints", "man", geometry={"points": [10, 10, 2, 20, 20, 1, 0, 0, 0]}),
        Annotation("cuboid", "car", geometry={"corners": [[x, y, z] for z in (1, 2) for x, y in
                                                          ((10, 10), (50, 10), (50, 50), (10, 50))]}),
        Annotation("cuboid", "van", geometry={"center": [0, 0, 0], "size": [1, 1, 1], "rotation": [0, 0, 0]}),
        Annotation("text", geometry={"text": "ünï 漢字"}),
        Annotation("note", geometry={"messages": ["look"]}),
        Annotation("subtitle", geometry={"text": "hello", "start": 0, "end": 1}),
    ]  # fmt: skip
    assert [len(outlines(shape.checked())) for shape in shapes] == [0, 2, 2, 1, 1, 1, 4, 6, 0, 0, 0, 0]
    repo.annotate("c.png", *shapes)
    assert repo.render_diff(tmp_path / "drawn").pictures == ["c.png.jpg"]


def test_a_folder_that_holds_something_is_left_alone(repo: Repository, tmp_path: Path) -> None:
    repo.annotate("c.png", box("cat"))
    write(tmp_path / "drawn", "mine.txt", "mine")
    with pytest.raises(errors.AlreadyExists):
        repo.render_diff(tmp_path / "drawn")
    assert [entry.name for entry in (tmp_path / "drawn").iterdir()] == ["mine.txt"]


def test_only_below_the_paths_that_are_named(repo: Repository, tmp_path: Path) -> None:
    repo.annotate("c.png", box("cat"))
    repo.annotate("images/a.png", box("cat"))
    assert repo.render_diff(tmp_path / "drawn", paths=["images"]).pictures == ["images/a.png.jpg"]
    oxide = Oxide(repo.root, tmp_path)
    ran = oxide("diff", "--render", str(tmp_path / "again"), "--json", "--", "images")
    assert ran.json == {"folder": str(tmp_path / "again"), "pictures": ["images/a.png.jpg"], "skipped": []}
    assert repo.render_diff(tmp_path / "none", "HEAD", "HEAD").pictures == [] and not (tmp_path / "none").exists()
