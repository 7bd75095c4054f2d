"""What does not fit its picture is refused by every way in: boxes outside, masks of another size, odd labels."""

from __future__ import annotations

import base64
import io
import json
import warnings
import zlib
from dataclasses import replace
from pathlib import Path

import oxide
import pytest
from labels.imports import box, coco, everything, repository_with
from oxide import Annotation, errors
from oxide.labels import masks
from support import Oxide, write

pillow = pytest.importorskip("PIL.Image", reason="pictures need the extra vision")


@pytest.fixture
def repository(tmp_path: Path) -> oxide.Repository:
    return repository_with(tmp_path / "data", "a.png", "b.png")


def png(width: int, height: int, mode: str = "L") -> bytes:
    content = io.BytesIO()
    pillow.new(mode, (width, height), 255 if mode == "L" else (255,) * 4).save(content, "PNG")
    return content.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it is so large, without the pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


# -- annotate ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Annotation("box", "cat", (65, 5, 4, 2)), "[65, 5, 4, 2]"),
        (Annotation("point", "cat", (3, -9, 0, 0)), "-9"),
        (Annotation("polygon", "cat", geometry={"polygons": [[[70, 1, 80, 1, 80, 9]]]}), "[70.0, 1.0, 10.0, 8.0]"),
        (Annotation("class", ""), "''"),
        (Annotation("class", 7), "7"),  # type: ignore[arg-type]
        (Annotation("mask", "cat", geometry={"size": [64, 48], "counts": [3072]}), "48 x 64"),
    ],
)
def test_annotate_refuses_what_an_import_refuses(
    repository: oxide.Repository, annotation: Annotation, value: str
) -> None:
    before = everything(repository)
    with pytest.raises(errors.InvalidInput) as caught:
        repository.annotate("a.png", annotation)
    assert "'a.png'" in caught.value.message and value in caught.value.message and caught.value.hint
    assert everything(repository) == before


def test_a_shape_that_only_sticks_out_is_taken(repository: oxide.Repository) -> None:
    repository.annotate("a.png", Annotation("box", "cat", (-3, 40, 100, 100)))
    assert len(repository.annotations("a.png")) == 1


def test_a_shape_that_was_outside_before_can_be_given_another_label(tmp_path: Path) -> None:
    repository = repository_with(tmp_path / "data", "a.png")
    (made,) = repository.annotate("a.png", Annotation("box", "cat", (50, 40, 4, 4)))
    write(repository.root, "a.png", png(20, 20))  # the picture was cut since
    repository.add(["a.png"])
    (old,) = repository.annotations("a.png")
    repository.annotate("a.png", replace(old, label="dog"))
    with pytest.raises(errors.InvalidInput, match="outside the picture"):
        repository.annotate("a.png", replace(old, box=(60, 40, 4, 4)))
    assert [(each.id, each.label) for each in repository.annotations("a.png")] == [(made, "dog")]


def test_the_command_names_file_and_value(repository: oxide.Repository, tmp_path: Path) -> None:
    write(tmp_path, "mask.png", png(48, 64))
    (tmp_path / "home").mkdir()
    run = Oxide(repository.root, tmp_path / "home")
    for arguments, said in (
        (["--label", "cat", "--box", "500,500,2,2"], "500.0"),
        (["--label", ""], "is empty"),
        (["--label", "cat", "--mask", str(tmp_path / "mask.png")], "48 x 64"),
    ):
        failed = run("annotate", "a.png", *arguments, "--json", code=2).error
        assert said in failed["message"] and ".png'" in failed["message"]
    assert "annotations" not in repository.staged_tables()


@pytest.mark.parametrize("line", ['{"type": "class", "label": ""}', '{"type": "class", "label": 7}'])
def test_imports_refuse_labels_that_are_none(repository: oxide.Repository, tmp_path: Path, line: str) -> None:
    (tmp_path / "s.jsonl").write_text('{"path": "a.png", "annotations": [' + line + "]}\n")
    with pytest.raises(errors.InvalidInput, match="line 1, /annotations/0"):
        repository.import_labels("jsonl", tmp_path / "s.jsonl")


# -- masks -------------------------------------------------------------------------------------------------------------
def binary(path: Path, content: bytes) -> Path:
    uri = "data:image/png;base64," + base64.b64encode(content).decode()
    item = {"filename": "/a.png", "annotations": [{"type": "binary", "label": "cat", "coordinates": uri}]}
    path.write_text(json.dumps(item))
    return path


def panoptic(path: Path, content: bytes) -> Path:
    write(path.with_suffix(""), "a.png", content)
    record = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 1, "category_id": 1}]}],
    }
    path.write_text(json.dumps(record))
    return path


@pytest.mark.parametrize("way", ["dataloop", "panoptic", "annotate"])
@pytest.mark.parametrize("size", [(48, 64), (12_000, 10_000), (40_000, 40_000)])
def test_a_picture_of_another_size_is_refused_by_its_header(
    repository: oxide.Repository, tmp_path: Path, way: str, size: tuple[int, int]
) -> None:
    content = png(*size, mode="RGBA") if size == (48, 64) else bomb(*size)
    before = everything(repository)
    with warnings.catch_warnings(), pytest.raises(errors.InvalidInput) as caught:
        warnings.simplefilter("error")
        if way == "dataloop":
            repository.import_labels("dataloop", binary(tmp_path / "s.json", content))
        elif way == "panoptic":
            repository.import_labels("panoptic", panoptic(tmp_path / "s.json", content))
        else:
            from oxide.labels.pictures import read_mask

            write(tmp_path, "m.png", content)
            read_mask(tmp_path / "m.png", (64, 48))
    large = size[0] > 20_000  # which Pillow refuses by itself
    assert ("pixels" if large else "{} x {} pixels".format(*size)) in caught.value.message, caught.value.message
    assert everything(repository) == before


@pytest.mark.parametrize("counts", [[0, 3072], masks.compress([0, 3072])])
def test_run_lengths_of_another_size_are_refused(
    repository: oxide.Repository, tmp_path: Path, counts: str | list[int]
) -> None:
    shape = {"size": [64, 48], "counts": counts}  # height and width changed over
    source = coco(tmp_path / "s.json", ["a.png"], [box(1, segmentation=shape)])
    with pytest.raises(errors.InvalidInput, match=r"/annotations/0.*48 x 64.*64 x 48"):
        repository.import_labels("coco", source)
    good = coco(tmp_path / "t.json", ["a.png"], [box(1, segmentation={**shape, "size": [48, 64]})])
    assert repository.import_labels("coco", good).added == 1


# -- pictures that lie on their side -----------------------------------------------------------------------------------
def test_sizes_are_those_of_the_upright_picture(repository: oxide.Repository, tmp_path: Path) -> None:
    exif = pillow.Exif()
    exif[0x0112] = 6
    content = io.BytesIO()
    pillow.new("RGB", (40, 20)).save(content, "JPEG", exif=exif)
    write(repository.root, "turned.jpg", content.getvalue())
    repository.add(["turned.jpg"])
    with pytest.raises(errors.InvalidInput, match="20 x 40"):
        repository.annotate("turned.jpg", Annotation("box", "cat", (30, 2, 4, 4)))
    repository.annotate("turned.jpg", Annotation("box", "cat", (5, 30, 10, 10)))
    (tmp_path / "s.csv").write_text("path,label,x,y,w,h\nturned.jpg,dog,5,30,10,10\n")
    assert repository.import_labels("csv", tmp_path / "s.csv").warnings == []
    repository.export_labels("coco", tmp_path / "out.json", paths=["turned.jpg"])
    (image,) = json.loads((tmp_path / "out.json").read_text())["images"]
    assert (image["width"], image["height"]) == (20, 40)
