"""Facts of pictures and videos on the command line: what `add` warns of, what `scan` and `ls --json` print."""

from __future__ import annotations

from pathlib import Path

from support import Oxide, clip, picture, write


def place_with(tmp_path: Path, broken: int) -> Oxide:
    """A repository with a sound picture and some cut ones, not added yet."""
    folder = tmp_path / "tree"
    folder.mkdir()
    oxide = Oxide(folder, tmp_path)
    oxide("init")
    write(folder, "sound.png", picture(1))
    for number in range(broken):
        write(folder, f"cut/{number:02}.png", picture(number)[:-20])
    return oxide


def test_add_names_broken_media_and_takes_them(tmp_path: Path) -> None:
    oxide = place_with(tmp_path, 1)
    write(oxide.folder, "empty.mp4", clip(1))
    ran = oxide("add", ".", "--json")
    assert ran.json["broken"] == [
        {"path": "cut/00.png", "reason": "ends before its end marker"},
        {"path": "empty.mp4", "reason": "no picture in it"},
    ]
    assert ran.json["added"] == ["cut/00.png", "empty.mp4", "sound.png"]
    assert "2 pictures or videos are broken" in ran.err
    assert "cut/00.png: ends before its end marker" in ran.err


def test_of_many_broken_media_the_first_are_named(tmp_path: Path) -> None:
    oxide = place_with(tmp_path, 40)
    err = oxide("add", ".").err
    assert "40 pictures or videos are broken" in err and "cut/00.png" in err
    assert "cut/39.png" not in err and "more: oxide sql" in err
    query = "SELECT count(*) AS broken FROM files WHERE broken <> ''"
    assert oxide("sql", query, "--json").json == [{"broken": 40}]


def test_ls_has_the_facts_as_json(tmp_path: Path) -> None:
    oxide = place_with(tmp_path, 1)
    oxide("add", ".")
    oxide("commit", "-m", "first")
    cut, sound = oxide("ls", "-r", "--json").json
    facts = ("media", "width", "height", "orientation", "channels", "bit_depth", "fps", "frames", "duration", "broken")
    assert [sound[key] for key in facts] == ["image/png", 24, 16, None, 3, 8, None, None, None, None]
    assert (cut["media"], cut["broken"]) == ("image/png", "ends before its end marker")
    folder, _ = oxide("ls", "--json").json
    assert (folder["type"], folder["media"]) == ("folder", None)


def test_scan_says_what_it_read(tmp_path: Path) -> None:
    oxide = place_with(tmp_path, 1)
    oxide("add", ".")
    oxide("commit", "-m", "first")
    assert oxide("scan").out == "Nothing to read: the facts of every file are those of this version\n"
    ran = oxide("scan", "--all", "cut")
    assert ran.out == "Read 1 file: 0 changed, 1 broken\n"
    assert "cut/00.png: ends before its end marker" in ran.err and "next:" not in ran.err
    assert oxide("scan", "--all", "--json").json == {
        "read": 2,
        "changed": 0,
        "broken": [{"path": "cut/00.png", "reason": "ends before its end marker"}],
        "skipped": [],
    }
    assert oxide("scan", "missing", "--json", code=1).error["code"] == "not_found"
