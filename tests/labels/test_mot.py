"""MOT in and out."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labels.strategies import Memory, close, item, read, tracks, write
from labels.workbench import make_repository
from oxide.errors import InvalidInput, NotFound
from oxide.formats import mot
from oxide.formats.base import Picture
from oxide.labels.annotation import Annotation, Keyframe
from oxide.labels.tracks import at_frame
from support import write as put

GT = """\
1,7,11,21,5,6,1,1,1
2,7,12,21,5,6,1,1,0.5
4,7,14,21,5,6,0,1,1
1,8,1,1,9,9,1,3,1
"""
INFO = "[Sequence]\nname=game.mp4\nimWidth=640\nimHeight=480\n"


def test_a_sequence_is_read_as_it_says(tmp_path: Path) -> None:
    put(tmp_path, "train/game/gt/gt.txt", GT)
    put(tmp_path, "train/game/seqinfo.ini", INFO)
    found = read(mot.format(), tmp_path)
    assert (found.pictures["train/game.mp4"].width, found.pictures["train/game.mp4"].height) == (640, 480)
    walker, car = found.annotations["train/game.mp4"]
    assert (walker.label, walker.track, walker.frames) == ("pedestrian", "7", (0, 3))
    assert (car.label, car.track, car.box) == ("car", "8", (0, 0, 9, 9))
    boxes = [at_frame(walker, frame, 0) for frame in range(5)]
    assert [each and each.box for each in boxes] == [(10, 20, 5, 6), (11, 20, 5, 6), None, (13, 20, 5, 6), None]
    assert [each.attributes for each in boxes if each] == [
        {"considered": True, "visibility": 1},
        {"considered": True, "visibility": 0.5},
        {"considered": False, "visibility": 1},
    ]


def test_a_sequence_that_was_read_is_written_as_it_was(tmp_path: Path) -> None:
    put(tmp_path, "in/game/gt/gt.txt", GT)
    put(tmp_path, "in/game/gt/labels.txt", "walker\n\ncar\n")
    put(tmp_path, "in/game/seqinfo.ini", INFO)
    found = read(mot.format(), tmp_path / "in").annotations["game.mp4"]
    assert [each.label for each in found] == ["walker", "car"]
    lost = write(mot.format(), Memory([item("game.mp4", *found, width=640, height=480)], []), tmp_path / "out")
    assert sorted((tmp_path / "out/game/gt/gt.txt").read_text().splitlines()) == sorted(
        GT.replace("9,9,1,3,1", "9,9,1,2,1").splitlines()
    )
    assert (tmp_path / "out/game/gt/labels.txt").read_text() == "walker\ncar\n"
    assert (tmp_path / "out/game/seqinfo.ini").read_text() == INFO
    assert not lost.losses


@given(st.lists(tracks("box"), min_size=1, max_size=3, unique_by=lambda track: track.track))
def test_every_frame_comes_back(made: list[Annotation]) -> None:
    with tempfile.TemporaryDirectory() as name:
        lost = write(mot.format(), Memory([item("d/a.mp4", *made)]), Path(name))
        found = {each.track: each for each in read(mot.format(), Path(name)).annotations["d/a.mp4"]}
    assert lost.losses == {"ids of annotations": len(made)}
    for track in made:
        for frame in range(120):
            before, after = at_frame(track, frame, 0), at_frame(found[track.track], frame, 0)
            assert (before is None) == (after is None)
            assert before is None or (
                after is not None and close(before.box, after.box) and before.label == after.label
            )


def test_the_report_lists_exactly_what_is_lost(tmp_path: Path) -> None:
    frames = (Keyframe(0, (0, 0, 4, 4)), Keyframe(2, (2, 0, 4, 4)))
    dataset = Memory(
        [
            item(
                "a.mp4",
                Annotation("box", "cat", (0, 0, 4, 4), track="ball", frames=(0, 2), keyframes=frames, source="import"),
                Annotation("class", "cat", source="import"),
                Annotation("box", None, (0, 0, 4, 4), track="3", frames=(0, 2), source="import"),
                metadata={"split": "train"},
            ),
            item("a.mov", number=2),
            item("b.jpg", Annotation("box", "cat", (0, 0, 4, 4), source="import"), number=3),
        ],
        [],
    )
    assert write(mot.format(), dataset, tmp_path).losses == {
        "metadata": 1,
        "names of tracks that are no numbers": 1,
        "annotations that are no tracks of boxes, left out": 1,
        "annotations without a label that a line can hold, left out": 1,
        "labels of videos whose name differs from another's in the ending alone": 1,
        "annotations of pictures, left out": 1,
    }
    assert len((tmp_path / "a/gt/gt.txt").read_text().splitlines()) == 3


def test_a_sequence_of_pictures_as_mot17_has_it(tmp_path: Path) -> None:
    names = [f"train/MOT17-02/img1/{frame:06d}.jpg" for frame in (1, 2, 3, 4)]
    repository = make_repository(tmp_path / "r", *names)
    info = "[Sequence]\nname=MOT17-02\nimDir=img1\nframeRate=30\nseqLength=4\nimWidth={0}\nimHeight={1}\nimExt=.jpg\n"
    put(
        tmp_path,
        "mot/train/MOT17-02/gt/gt.txt",
        "1,7,1,1,2,2,1,1,1\n2,7,2,1,2,2,1,1,0.5\n4,7,3,1,2,2,0,1,1\n1,8,1,1,3,3,1,3,1\n",
    )
    width, height = repository.sql("SELECT width, height FROM files LIMIT 1").fetch_rows()[0]
    put(tmp_path, "mot/train/MOT17-02/seqinfo.ini", info.format(width, height))
    report = repository.import_labels("mot", tmp_path / "mot")
    assert report.added == 4
    found = [[(each.track, each.label, each.box, each.attributes) for each in repository.annotations(n)] for n in names]
    assert [sorted(each, key=str) for each in found] == [
        [("7", "pedestrian", (0, 0, 2, 2), {}), ("8", "car", (0, 0, 3, 3), {})],
        [("7", "pedestrian", (1, 0, 2, 2), {"visibility": 0.5})],
        [],
        [("7", "pedestrian", (2, 0, 2, 2), {"considered": False})],
    ]
    assert repository.query("annotations.track:7").paths == [names[0], names[1], names[3]]


def test_pictures_of_a_sequence_are_told_from_a_video(tmp_path: Path) -> None:
    put(tmp_path, "img1/000001.png", "")
    put(tmp_path, "gt/gt.txt", "1,7,1,1,2,2,1,1,1\n")
    put(tmp_path, "seqinfo.ini", "[Sequence]\nname=game\nimExt=.png\n")
    assert list(read(mot.format(), tmp_path).annotations) == ["img1/000001.png"]
    tracked = mot.Mot(find=lambda path: ("game.mp4", None, None) if path == "game" else None)
    assert list(read(tracked, tmp_path).annotations) == ["game"]
    put(tmp_path, "gt/gt.txt", "1,7,1,1,2,2,1,1,1\n1,7,1,1,2,2,1,1,1\n")
    with pytest.raises(InvalidInput, match="two boxes in frame 1"):
        read(mot.format(), tmp_path)


def test_a_track_is_written_up_to_the_end_of_its_video(tmp_path: Path) -> None:
    endless = Annotation(
        "box",
        "cat",
        (0, 0, 4, 4),
        track="3",
        frames=(0, 2**40),
        keyframes=(Keyframe(0, (0, 0, 4, 4)),),
        source="import",
    )
    short = replace(item("a.mp4", endless), facts={"frames": 5})
    lost = write(mot.format(), Memory([short], []), tmp_path / "a")
    assert len((tmp_path / "a/a/gt/gt.txt").read_text().splitlines()) == 5
    assert lost.losses["frames of tracks behind the end of the video"] == 1
    with pytest.raises(InvalidInput, match="too long"):
        write(mot.format(), Memory([item("a.mp4", endless)], []), tmp_path / "b")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("1,2,3", "3 numbers"),
        ("one,2,3,4,5,6,1,1,1", "a number of"),
        ("0,2,3,4,5,6,1,1,1", "counted from 1"),
        ("1,2,nan,4,5,6,1,1,1", "a number of"),
        ("1,2,3,4,5,6,1,1,1\n1,2,3,4,5,6,1,1,1", "two boxes in frame 1"),
    ],
)
def test_wrong_lines_are_named(tmp_path: Path, line: str, why: str) -> None:
    put(tmp_path, "game/gt/gt.txt", f"\n{line}\n")
    with pytest.raises(InvalidInput) as refused:
        read(mot.format(), tmp_path)
    assert why in refused.value.message and "gt.txt" in refused.value.message


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(mot.format(), tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match=r"no gt/gt\.txt"):
        read(mot.format(), tmp_path)


def test_digits_that_are_no_numbers(tmp_path: Path) -> None:
    """A raised two is a digit, and no number."""
    put(tmp_path, "game/gt/gt.txt", "1,1,1,1,1,1,1,1,1\n")
    put(tmp_path, "game/seqinfo.ini", "[Sequence]\nimWidth=²\nimHeight=9\n")
    picture = next(each for each in mot.format().read(tmp_path) if isinstance(each, Picture))
    assert (picture.width, picture.height) == (None, 9)
