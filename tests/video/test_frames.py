"""`frames`: pictures of the right moments that remember their video, with its labels; nothing twice, nothing lost."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from labels.workbench import make_repository
from oxide import Annotation, Keyframe, Repository
from oxide.errors import AlreadyExists, InvalidInput, NotFound, WouldOverwrite
from oxide.video import crew, decoding, extracting
from oxide.workers import Worker
from support import Oxide, link, tree, write
from video.clips import index_shown, make_clip

pytest.importorskip("av", reason="needs the extra `video`")

THREE = (0, 15, 29)


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """Two clips in classes and a broken one, committed."""
    repository = make_repository(tmp_path / "clips")
    make_clip(repository.root / "v/block/1.mp4", 30, b_frames=2)
    make_clip(repository.root / "v/pass/2.mkv", 30, uneven=True)
    write(repository.root, "v/pass/broken.mp4", (repository.root / "v/block/1.mp4").read_bytes()[:900])
    write(repository.root, "v/notes.txt", "no clip")
    repository.add(["v"])
    repository.annotate("v/block/1.mp4", Annotation("class", "block"))
    repository.annotate(
        "v/block/1.mp4",
        Annotation(
            "box",
            "ball",
            (0, 0, 4, 4),
            frames=(10, 29),
            track="7",
            keyframes=(Keyframe(10, (0, 0, 4, 4)), Keyframe(20, (20, 10, 4, 4))),
        ),
    )
    repository.set_metadata(["v/block"], {"court": 3})
    repository.commit("Clips")
    return repository


def shown(repository: Repository, path: str) -> int:
    from PIL import Image

    data = (repository.root / path).read_bytes()
    import numpy

    return index_shown(numpy.asarray(Image.open(io.BytesIO(data))))


def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("a clip was opened")

    monkeypatch.setattr(decoding, "Clip", refuse)


def test_pictures_labels_and_origin(repo: Repository) -> None:
    result = repo.frames("v", "f", "first-middle-last")
    names = [f"f/block/1-{index:06d}.jpg" for index in THREE] + [f"f/pass/2-{index:06d}.jpg" for index in THREE]
    assert result.made == names and (result.videos, result.there, result.failed) == (3, 0, [])
    assert [entry.path for entry in result.broken] == ["v/pass/broken.mp4"]
    assert [shown(repo, name) for name in names] == [*THREE, *THREE]
    rows = repo.sql(
        "SELECT f.path, v.path, i.frame_index, i.frame_time, f.width, f.height, f.media FROM items i "
        "JOIN files f USING (item_id) JOIN files v ON v.item_id = i.source_item ORDER BY f.path"
    ).fetch_rows(99)
    assert [row[0] for row in rows] == names
    assert [row[1] for row in rows] == ["v/block/1.mp4"] * 3 + ["v/pass/2.mkv"] * 3
    assert [row[2] for row in rows] == [*THREE, *THREE]
    assert [row[3] for row in rows[:3]] == pytest.approx([0, 15 / 25, 29 / 25])
    assert {tuple(row[4:]) for row in rows} == {(96, 64, "image/jpeg")}
    assert repo.scan(all=True).changed == 0  # the facts are those that a look at the files gives

    assert [each.label for each in repo.annotations(names[0])] == ["block"]
    found = {each.label: each for each in repo.annotations(names[1])}
    assert found["ball"].box == (10, 5, 4, 4) and found["ball"].track == "7" and found["ball"].frames is None
    assert result.annotations == 5
    assert repo.metadata(names[1])["court"] == 3 and repo.metadata(names[1])["video"] == "v/block/1.mp4"
    assert not repo.status().clean
    repo.commit("Frames")
    assert repo.status().clean


def test_nothing_twice(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.frames("v/block", "f", "first-middle-last")
    with monkeypatch.context() as patch:
        no_decoding(patch)
        again = repo.frames("v/block", "f", "first-middle-last")
        assert (again.made, again.there) == ([], 3)
        elsewhere = repo.frames("v/block/1.mp4", "g", "first")
        assert (elsewhere.made, elsewhere.reused) == (["g/1-000000.jpg"], 1)
        assert [each.label for each in repo.annotations("g/1-000000.jpg")] == ["block"]
    more = repo.frames("v/block", "f", "count", 2)
    assert (more.made, more.there) == (["f/1-000007.jpg", "f/1-000022.jpg"], 0)


def test_a_branch_has_them_already(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree(repo.root)
    repo.create_branch("three")
    repo.checkout("three")
    repo.frames("v/block", "f", "first-middle-last")
    repo.commit("Three")
    repo.checkout("main")
    assert tree(repo.root) == before
    no_decoding(monkeypatch)
    result = repo.frames("v/block", "f", "first")
    assert (result.made, result.reused) == (["f/1-000000.jpg"], 1)


def test_a_clip_that_changed_is_taken_again(repo: Repository) -> None:
    repo.frames("v/block", "f", "count", 1)
    make_clip(repo.root / "v/block/1.mp4", 31, uneven=True)
    repo.add(["v/block"])
    result = repo.frames("v/block", "f", "count", 1)
    assert result.made == ["f/1-000015.jpg"] and repo.metadata(result.made[0])["system"]["video"]["frames"] == 31
    make_clip(repo.root / "v/block/1.mp4", 30, codec="mpeg4")
    repo.add(["v/block"])
    assert repo.frames("v/block", "f", "count", 1).made == ["f/1-000015.jpg"]


def test_png_is_what_was_decoded(repo: Repository) -> None:
    import numpy
    from PIL import Image
    from video.clips import decoded

    (name,) = repo.frames("v/block/1.mp4", "f", "count", 1, format="png").made
    everything = list(decoded(repo.root / "v/block/1.mp4"))
    assert (numpy.asarray(Image.open(repo.root / name)) == everything[15]).all()


def test_a_long_clip_is_taken_in_stretches(repo: Repository) -> None:
    make_clip(repo.root / "long.mp4", 700, key_every=50, b_frames=2)
    repo.add(["long.mp4"])
    result = repo.frames("long.mp4", "", "all")
    assert result.made == [f"long-{index:06d}.jpg" for index in range(700)]
    assert [shown(repo, name) for name in result.made[::37]] == list(range(0, 700, 37))
    assert repo.frames("long.mp4", "", "all").there == 700


def test_an_interrupted_run_goes_on(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        make_clip(repo.root / f"many/{number}.mp4", 5 + number)
    repo.add(["many"])
    opened = []
    real = decoding.Clip

    def counting(*arguments: Any) -> Any:
        opened.append(1)
        return real(*arguments)

    def interrupt(phase: str, done: int, *rest: int) -> None:
        if phase == "taking frames" and done >= 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(decoding, "Clip", counting)
    monkeypatch.setattr(extracting, "STAGED_EVERY", 0)
    with pytest.raises(KeyboardInterrupt):
        repo.frames("many", "f", "all", progress=interrupt)
    first = len(opened)
    there = sorted(path.name for path in (repo.root / "f").iterdir())
    assert 15 <= len(there) < 45
    result = repo.frames("many", "f", "all")
    assert result.there == len(there) and len(result.made) == 45 - len(there)
    assert len(opened) - first == 6 - len({name[0] for name in there})
    assert not list((repo.root / ".oxide/tmp").iterdir())


def test_processes_give_what_threads_give(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    def contents(repository: Repository, folder: str) -> dict[str, bytes]:
        return {
            path.relative_to(repository.root / folder).as_posix(): path.read_bytes()
            for path in (repository.root / folder).rglob("*.*")
        }

    make_clip(repo.root / "v/long.mp4", 600, key_every=50, b_frames=2)
    repo.add(["v"])
    here = repo.frames("v", "f", "all")
    repo.undo()
    assert not (repo.root / "f").exists()
    monkeypatch.setattr(crew, "HERE", 0)
    no_decoding(monkeypatch)  # in this process
    with_processes = repo.frames("v", "g", "all")
    assert [path.replace("g/", "f/", 1) for path in with_processes.made] == here.made and len(here.made) == 660
    assert with_processes.broken == here.broken and len(here.broken) == 1
    repo.frames("v", "f", "all")
    assert contents(repo, "g") == contents(repo, "f")


def test_a_clip_that_a_process_crashes_on_is_named(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash_once(worker: Worker, task: Any) -> Iterator[Any]:
        parts = real(worker, task)
        if not crashed:
            crashed.append(next(parts))
            worker.kill()
        return parts

    crashed: list[Any] = []
    real = Worker.parts
    monkeypatch.setattr(Worker, "parts", crash_once)
    monkeypatch.setattr(crew, "HERE", 0)
    make_clip(repo.root / "long.mp4", 250)  # more than a pipe holds
    repo.add(["long.mp4"])
    result = repo.frames("long.mp4", "f", "all")
    assert result.made == []
    assert [(entry.path, entry.reason) for entry in result.broken] == [("long.mp4", "decoding it ended with signal 9")]
    assert len(repo.frames("long.mp4", "f", "all").made) == 250


def test_ctrl_c_keeps_what_is_finished(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        make_clip(repo.root / f"many/{number}.mp4", 5 + number)
    repo.add(["many"])
    monkeypatch.setattr(crew, "HERE", 0)

    def interrupt(phase: str, done: int, *rest: int) -> None:
        if phase == "taking frames" and done >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repo.frames("many", "f", "first", progress=interrupt)
    there = sorted(path.name for path in (repo.root / "f").iterdir())
    assert 3 <= len(there) < 12
    result = repo.frames("many", "f", "first")
    assert result.there == len(there) and len(result.made) == 12 - len(there)


KILLED = """
import os, signal, sys
from oxide import Repository
from oxide.video import extracting

def kill(phase, done, *rest):
    if phase == "taking frames" and done >= 6:
        os.kill(os.getpid(), signal.SIGKILL)

extracting.STAGED_EVERY = 0
Repository.open(sys.argv[1]).frames("many", "f", "all", progress=kill)
"""


def test_a_killed_run_goes_on_and_stores_nothing_twice(repo: Repository) -> None:
    for number in range(12):
        make_clip(repo.root / f"many/{number}.mp4", 5 + number)
    repo.add(["many"])
    killed = subprocess.run([sys.executable, "-c", KILLED, os.fspath(repo.root)], check=False)
    assert killed.returncode == -signal.SIGKILL
    result = repo.frames("many", "f", "all")
    total = sum(range(5, 17))
    assert 0 < result.there < total and result.there + len(result.made) == total
    assert len(list((repo.root / "f").iterdir())) == total and repo.fsck(data=True).ok
    again = repo.frames("many", "f", "all")
    assert (again.made, again.there) == ([], total)


def test_two_at_once(repo: Repository, tmp_path: Path) -> None:
    for number in range(8):
        make_clip(repo.root / f"many/{number}.mp4", 20)
    repo.add(["many"])
    oxide = Oxide(repo.root, tmp_path / "home")
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(oxide, "frames", "many", "--into", "f", "--count", "5", "--json") for _ in range(2)]
        said = [each.result().json for each in done]
    assert {path for each in said for path in each["made"]} == {
        f"f/{number}-{at:06d}.jpg" for number in range(8) for at in (2, 6, 10, 14, 18)
    }
    assert len(list((repo.root / "f").iterdir())) == 40
    assert repo.sql("SELECT count(*) FROM files WHERE path LIKE 'f/%'").fetch_rows(1) == [(40,)]
    assert repo.fsck(data=True).ok


def test_what_is_in_the_way(repo: Repository) -> None:
    write(repo.root, "f/1-000000.jpg", "mine")
    with pytest.raises(WouldOverwrite):
        repo.frames("v/block", "f")
    repo.add(["f"])
    with pytest.raises(AlreadyExists):
        repo.frames("v/block", "f")
    assert (repo.root / "f/1-000000.jpg").read_bytes() == b"mine"
    assert repo.frames("v/block", "f", force=True).made == ["f/1-000000.jpg"]


def test_clips_of_one_name_keep_their_endings(repo: Repository) -> None:
    make_clip(repo.root / "v/block/1.mkv", 3)
    repo.add(["v"])
    assert repo.frames("v/block", "f").made == ["f/1.mkv-000000.jpg", "f/1.mp4-000000.jpg"]


def test_only_sound_is_told(repo: Repository) -> None:
    av = pytest.importorskip("av")
    import numpy

    with av.open(str(repo.root / "v/sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(numpy.zeros((1, 44100), numpy.float32), format="fltp", layout="mono")
        sound.sample_rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    repo.add(["v"])
    for paths in ("v", "v/sound.mp4"):
        told = {entry.path: entry.reason for entry in repo.frames(paths, "f").broken}
        assert told["v/sound.mp4"] == "there is no video in it, only sound"


def test_links_are_no_clips(repo: Repository) -> None:
    link(repo.root, "v/block/link.mp4", "1.mp4")
    repo.add(["v"])
    assert repo.frames("v/block", "f").made == ["f/1-000000.jpg"]
    with pytest.raises(InvalidInput):
        repo.frames("v/block/link.mp4", "f")


def test_what_cannot_be(repo: Repository) -> None:
    for error, arguments in (
        (NotFound, ("nowhere", "f")),
        (InvalidInput, ("v/notes.txt", "f")),
        (InvalidInput, ("v", "f", "some")),
        (InvalidInput, ("v", "../out")),
    ):
        with pytest.raises(error):
            repo.frames(*arguments)
    with pytest.raises(InvalidInput):
        repo.frames("v", "f", format="gif")
    assert repo.status().clean


def test_by_the_command_line(repo: Repository, tmp_path: Path) -> None:
    oxide = Oxide(repo.root, tmp_path / "home")
    done = oxide("frames", "v", "--into", "f", "--first", "--dry-run", code=9)
    assert done.out.splitlines() == ["would make f/block/1-000000.jpg", "would make f/pass/2-000000.jpg"]
    assert repo.status().clean
    said = oxide("frames", "../v/pass", "--into", "../f", "--count", "2", "--json", cwd=repo.root / "v", code=9).json
    assert said["made"] == ["f/2-000007.jpg", "f/2-000022.jpg"] and said["videos"] == 2
    assert [entry["path"] for entry in said["broken"]] == ["v/pass/broken.mp4"]
    for words in (["--first", "--all"], [], ["--count", "0"]):
        oxide("frames", "v", "--into", "g", *words, code=2)
    oxide("undo")
    assert repo.status().clean and not (repo.root / "f").exists()
