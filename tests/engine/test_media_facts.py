"""Facts of pictures and videos: read by add, kept by every verb, read again by scan."""

from __future__ import annotations

import os
import struct
import tarfile
from pathlib import Path

import pytest
from oxide import Repository, _core
from oxide.errors import NotFound
from oxide.settings import Settings
from oxide.types import FileEntry, TableChanges
from support import AUTHOR, clip, counted, link, names, noise, picture, write

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "v1.tar.gz"
"""A repository of a version that knew no facts."""

PNG = ("image/png", 24, 16, None, 3, 8, None, None, None, None)


def entry(repo: Repository, path: str, revision: str = "HEAD") -> FileEntry:
    return next(found for found in repo.ls(revision, recursive=True) if found.path == path)


def facts(repo: Repository, path: str, revision: str = "HEAD") -> tuple[object, ...]:
    """(media, width, height, orientation, channels, bit_depth, fps, frames, duration, broken)"""
    return tuple(entry(repo, path, revision)[7:])


def forget(repo: Repository) -> None:
    """Take the facts off every row, as a version before them would have left it, and commit."""
    rows = repo.store.file_rows(repo.staged_tables()["files"][1])
    plain = [{name: row[name] for name in (*FileEntry._fields[:7],)} for row in rows]
    with repo.store.begin() as session:
        roots = tuple(repo.staged_tables()[name][1] for name in ("files", "items"))
        forgotten = session.set_files((roots[0], roots[1]), [], plain)

        def change(view: _core.Record) -> None:
            view["workspaces"]["default"]["pending"]["files"]["root"] = forgotten[0]

        from oxide.transactions import publish

        publish(repo, session, "add", "forget", change)
    repo.commit("forgotten")


def test_add_reads_facts_and_files_without_have_none(repo: Repository) -> None:
    write(repo.root, "a.png", picture(1))
    write(repo.root, "misnamed.txt", picture(2))
    write(repo.root, "text.jpg", "no picture at all")
    write(repo.root, "empty.png")
    link(repo.root, "link.png", "a.png")
    repo.add(["."])
    repo.commit("first")
    assert facts(repo, "a.png") == facts(repo, "misnamed.txt") == PNG
    for path in ("text.jpg", "empty.png", "link.png"):
        assert facts(repo, path) == (None,) * 10
    assert repo.store.file_row(repo.staged_tables()["files"][1], "a.png")["facts_version"] == 1  # type: ignore[index]
    rows = repo.sql("SELECT path, media, width FROM files WHERE media IS NOT NULL ORDER BY path").fetch_rows(9)
    assert rows == [("a.png", "image/png", 24), ("misnamed.txt", "image/png", 24)]


def test_large_files_are_read_at_positions(repo: Repository) -> None:
    png = picture(1)
    large = png[:33] + struct.pack(">I", 2 << 20) + b"noIs" + noise("ancillary", 2 << 20) + bytes(4) + png[33:]
    write(repo.root, "large.png", large)
    repo.add(["."])
    repo.commit("large")
    assert facts(repo, "large.png") == PNG
    repo.scan(all=True)
    assert repo.status().clean


def test_broken_media_are_taken_and_named(repo: Repository) -> None:
    whole = picture(1)
    write(repo.root, "cut.png", whole[:-20])
    write(repo.root, "empty moov.mp4", clip(1))
    write(repo.root, "sound.png", whole)
    result = repo.add(["."])
    assert result.broken == [("cut.png", "ends before its end marker"), ("empty moov.mp4", "no picture in it")]
    assert (result.skipped, len(result.added)) == ([], 3)
    repo.commit("all of them")
    assert entry(repo, "cut.png").broken == "ends before its end marker"
    assert repo.at().read("cut.png") == whole[:-20]
    assert repo.add(["."]).broken == [], "only what is staged is named"
    write(repo.root, "cut.png", whole)
    assert repo.add(["."]).broken == []


@pytest.mark.parametrize("large", [False, True])
def test_a_file_cut_anywhere_is_added(repo: Repository, large: bool) -> None:
    whole = picture(1, 600, 600) if large else picture(1)
    assert (len(whole) > 1 << 20) == large
    cuts = [*range(120), *range(len(whole) - 60, len(whole) + 1)][:: 40 if large else 1]
    for cut in cuts:
        write(repo.root, f"{cut:08}.png", whole[:cut])
    result = repo.add(["."])
    assert (len(result.added), result.skipped) == (len(cuts), [])
    repo.commit("cut")
    for found in repo.ls():
        length = int(found.path[:8])
        # Below the signature it is no picture; of the last chunk the checksum alone may be missing.
        assert (found.media is None) == (length < 8)
        assert (found.broken is None) == (length < 8 or length >= len(whole) - 4), length


def test_facts_survive_every_way_that_a_file_moves(repo: Repository) -> None:
    write(repo.root, "a.png", picture(1))
    write(repo.root, "b.png", picture(2))
    write(repo.root, "c.png", picture(3))
    repo.add(["."])
    first = repo.commit("first").id
    repo.move(["a.png"], "folder/moved.png")
    os.rename(repo.root / "b.png", repo.root / "renamed.png")
    repo.add(["."])
    repo.commit("moved")
    assert facts(repo, "folder/moved.png") == facts(repo, "renamed.png") == PNG
    (repo.root / "c.png").chmod(0o755)
    repo.stash_push()
    repo.stash_pop()
    repo.commit("executable")
    assert facts(repo, "c.png") == PNG
    repo.restore(["a.png"], source=first)
    repo.commit("back")
    assert facts(repo, "a.png") == PNG
    repo.checkout("side", create=True)
    write(repo.root, "side.png", picture(4))
    repo.add(["."])
    repo.commit("side")
    repo.checkout("main")
    write(repo.root, "main.png", picture(5))
    repo.add(["."])
    repo.commit("main")
    repo.merge("side")
    assert facts(repo, "side.png") == facts(repo, "main.png") == PNG
    repo.undo()
    repo.redo()
    assert facts(repo, "side.png") == PNG


def test_a_conflict_keeps_facts_with_fractions(repo: Repository) -> None:
    delays = b"".join(b"!\xf9\x04\0" + struct.pack("<H", 7) + b"\0\0," + bytes(8) + b"\0\x02\x01\0\0" for _ in range(2))
    animation = b"GIF89a" + struct.pack("<HH", 3, 2) + b"\0\0\0" + delays + b";"
    write(repo.root, "a", "base")
    repo.add(["."])
    repo.commit("base")
    repo.checkout("side", create=True)
    write(repo.root, "a", animation)
    repo.commit("theirs", all=True)
    repo.checkout("main")
    write(repo.root, "a", picture(1))
    repo.commit("ours", all=True)
    assert repo.merge("side").kind == "conflicts"
    (conflict,) = repo.conflicts()
    assert conflict.theirs is not None and conflict.ours is not None and conflict.base is not None
    assert (conflict.theirs["duration"], conflict.theirs["fps"]) == (0.14, 200 / 14)
    assert (conflict.ours["width"], conflict.base["media"], conflict.base["width"]) == (24, None, None)
    assert repo.status().conflicts == [conflict]
    repo.resolve(["a"], "theirs")
    repo.merge_continue("merged")
    assert facts(repo, "a") == facts(repo, "a", "side")
    assert facts(repo, "a")[:3] == ("image/gif", 3, 2)


def test_a_reference_has_the_facts_of_the_file_outside(repo: Repository) -> None:
    outside = write(repo.root.parent, "archive/outside.png", picture(1))
    repo.add([outside], reference=True)
    repo.commit("by reference")
    assert (entry(repo, "outside.png").type, facts(repo, "outside.png")) == ("reference", PNG)
    os.rename(repo.root / "outside.png", repo.root / "renamed.png")
    repo.add(["."])
    repo.commit("renamed")
    assert (entry(repo, "renamed.png").type, facts(repo, "renamed.png")) == ("reference", PNG)
    forget(repo)
    assert repo.scan()[:2] == (1, 1)
    repo.commit("scanned")
    forget(repo)
    outside.write_bytes(picture(2))
    result = repo.scan()
    assert (result.read, result.changed, [skipped.path for skipped in result.skipped]) == (0, 0, ["renamed.png"])


def test_scan_reads_what_is_not_known_and_can_be_undone(repo: Repository) -> None:
    for number in range(3):
        write(repo.root, f"images/{number}.png", picture(number))
    write(repo.root, "cut.png", picture(9)[:-20])
    write(repo.root, "text", "no media")
    write(repo.root, "table.csv", "".join(f"{number}\n" for number in range(400_000)))
    repo.add(["."])
    known = repo.commit("known").id
    forget(repo)
    write(repo.root, "images/0.png", "changed on disk")
    result = repo.scan(["images"])
    assert (result.read, result.changed, result.broken) == (3, 3, [])
    repo.undo()
    result = repo.scan()
    assert (result.read, result.changed) == (6, 4)
    assert result.broken == [("cut.png", "ends before its end marker")]
    assert (repo.status().tables, names(repo.status().staged)) == ({"files": TableChanges(0, 4, 0)}, {})
    assert repo.diff(staged=True).tables == {"files": TableChanges(0, 4, 0)}
    number = next(repo.operations(1)).number
    assert repo.scan()[:2] == (2, 0), "files that are no media are looked at again"
    assert next(repo.operations(1)).number == number
    repo.commit("scanned")
    assert facts(repo, "images/0.png") == PNG
    assert repo.read_commit("HEAD").tables["files"] == repo.read_commit(known).tables["files"]
    with pytest.raises(NotFound):
        repo.scan(["missing"])


def test_facts_alone_change_no_file(repo: Repository) -> None:
    write(repo.root, "a.png", picture(1))
    repo.add(["."])
    repo.commit("first")
    forget(repo)
    head = repo.read_commit("HEAD").id
    repo.checkout("side", create=True)
    (repo.root / "a.png").unlink()
    repo.commit("removed", all=True)
    repo.checkout("main")
    repo.scan()
    made = repo.commit("scanned").id
    assert [found.commit.message for found in repo.log(paths=["a.png"])] == ["first"]
    assert [found.commit.message for found in repo.blame("a.png")] == ["first"]
    assert len(repo.sql("SELECT * FROM history('a.png')").fetch_rows(9)) == 1
    assert names(repo.diff(head, made).files) == {}
    assert repo.merge("side").kind == "merged", "a removal meets no edit"
    assert repo.ls() == []


def test_add_costs_no_second_look(repo: Repository) -> None:
    for number in range(40):
        write(repo.root, f"{number}.png", picture(number))
    work = counted(lambda: repo.add(["."]))
    assert work["files_hashed"] == 40


def test_a_repository_of_an_earlier_version_gains_facts(tmp_path: Path) -> None:
    with tarfile.open(GOLDEN) as archive:
        archive.extractall(tmp_path, filter="data")
    repo = Repository.open(tmp_path, settings=Settings(None, dict(AUTHOR)))
    old = repo.read_commit("HEAD").tables["files"]
    assert old[0] == _core.EARLIER_FILES_SCHEMA
    assert facts(repo, "images/000.png") == (None,) * 10
    assert repo.sql("SELECT count(*), count(width) FROM files AT (VERSION => 'HEAD')").fetch_rows(1)[0][1] == 0
    assert "width" in repo.at().files.columns
    repo.restore(["."])
    staged = names(repo.status().staged)
    result = repo.scan()
    assert result.changed >= 400 and result.skipped == []
    assert names(repo.status().staged) == staged
    made = repo.commit("scanned")
    assert made.tables["files"][0] == _core.FILES_SCHEMA
    assert entry(repo, "images/000.png").media == "image/png"
    assert repo.merge("experiment/more").kind == "up-to-date"
    repo.checkout("experiment/more")
    repo.checkout("main")
    assert repo.status().clean and repo.fsck(data=True).ok
    repo.gc(keep=0, now=True)
    assert repo.fsck(data=True).ok
    write(repo.root, "new.png", picture("new"))
    repo.add(["."])
    repo.commit("new")
    assert facts(repo, "new.png") == PNG


# -- real files, with what ffprobe and Pillow say of them -------------------------------------------------------------
REAL = {
    "videos/edge_cases/decord_video_90.mov": ("video/quicktime", 568, 320, 6, 3, 30.0, 0.1),
    "videos/edge_cases/decord_video_180.mov": ("video/quicktime", 568, 320, 3, 3, 30.0, 0.1),
    "videos/edge_cases/decord_video_270.mov": ("video/quicktime", 568, 320, 8, 3, 30.0, 0.1),
    "videos/edge_cases/decord_unordered.mov": ("video/quicktime", 50, 50, 1, 4, 32.0, 0.125),
    "videos/edge_cases/decord_flipping_a_pancake.mkv": ("video/x-matroska", 426, 240, None, None, 30.0, 10.381),
    "videos/misc/imageio_cockatoo.mp4": ("video/mp4", 1280, 720, 1, 280, 20.0, 14.0),
    "videos/misc/imageio_realshort.mp4": ("video/mp4", 320, 240, 1, 36, 36 / 1.1992, 1.1992),
    "videos/misc/mmaction2_test.avi": ("video/x-msvideo", 320, 240, None, 164, 25.0, 6.56),
    "videos/kinetics_tiny/typing/typing27.mp4": ("video/mp4", 1280, 720, 1, 600, 24_000 / 1001, 25.025),
    "rgbd/open3d/RGBD/depth/00000.png": ("image/png", 640, 480, None, None, None, None),
    "rgbd/open3d/RGBD/color/00000.jpg": ("image/jpeg", 640, 480, None, None, None, None),
}


def real_data() -> Path:
    """Files beside the repository, where a machine has them."""
    folder = Path(os.environ.get("OXIDE_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real files: ../shared/data is not beside the checkout (OXIDE_TEST_DATA names another folder)")
    return folder


def test_real_files_are_what_other_tools_say(repo: Repository) -> None:
    data = real_data()
    for path in REAL:
        write(repo.root, path, (data / path).read_bytes())
    assert repo.add(["."]).broken == []
    repo.commit("real")
    for path, expected in REAL.items():
        found = entry(repo, path)
        assert (found.media, found.width, found.height, found.orientation, found.frames) == expected[:5], path
        assert (found.fps, found.duration) == pytest.approx(expected[5:]), path
    depth, colour = (entry(repo, f"rgbd/open3d/RGBD/{name}") for name in ("depth/00000.png", "color/00000.jpg"))
    assert (depth.channels, depth.bit_depth, colour.channels, colour.bit_depth) == (1, 16, 3, 8)


def test_real_files_cut_anywhere_are_broken_and_taken(repo: Repository) -> None:
    data = real_data()
    cut = []
    for path in REAL:
        content = (data / path).read_bytes()
        for part in (1, 20, 50, 80, 99):
            cut.append(f"{part}/{path}")
            write(repo.root, cut[-1], content[: len(content) * part // 100])
    result = repo.add(["."])
    assert result.skipped == []
    assert sorted(path for path, _ in result.broken) == sorted(cut)
