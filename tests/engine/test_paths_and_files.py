"""What names and kinds of files there are, and what becomes of each."""

from __future__ import annotations

import os
import socket
import threading
import unicodedata
from pathlib import Path

import pytest
from oxide import Repository, errors
from support import as_nobody, give_to_nobody, link, names, noise, snapshot, tree, write

ODD_NAMES = [
    "with space.jpg",
    " leading and trailing ",
    "line\nbreak.png",
    "tab\there",
    "quote'\"$`\\.txt",
    "-dash",
    "*?[a].txt",
    "#hash",
    "!bang",
    "ünïcödé/日本語/🏀.mp4",
    "e\u0301.txt",
    "\u202eright to left",
    "a" * 255,
    "é" * 127,
    "con",
    "nul.txt",
    "...",
    "back\\slash",
    "\x7f\x01control",
]


def commit_all(repo: Repository, message: str = "a commit") -> str:
    repo.add(["."])
    return repo.commit(message).id


def assert_round_trip(repo: Repository) -> None:
    """What is on disk is committed, read back through the API, taken away and brought back by checkout."""
    before = tree(repo.root)
    first = commit_all(repo)
    assert snapshot(repo, first) == before
    assert repo.status().clean
    for path in before:
        os.unlink(repo.root / path)
    repo.restore(["."])
    assert tree(repo.root) == before
    assert repo.status().clean
    assert repo.fsck(data=True).ok


def test_any_name_that_the_file_system_takes_comes_back(repo: Repository) -> None:
    for number, name in enumerate(ODD_NAMES):
        write(repo.root, name, f"file {number}")
    assert_round_trip(repo)


def test_names_that_are_no_utf8_come_back_byte_for_byte(repo: Repository) -> None:
    raw = [
        b"latin-\xe9.txt",
        b"\xff\xfe",
        b"bad\x80/inner\xff.png",
        "already mapped \uf7e9".encode(),
        b"\xed\xa0\x80 surrogate",
    ]
    for name in raw:
        path = os.path.join(os.fsencode(repo.root), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(name)
    assert_round_trip(repo)
    paths = [entry.path for entry in repo.ls(recursive=True)]
    assert len(set(paths)) == len(raw)
    for path in paths:
        path.encode()  # real text: no lone surrogates reach SQL, JSON or a terminal


def test_paths_as_long_as_the_system_allows(repo: Repository) -> None:
    folder = "/".join(["d" * 200] * 15)
    write(repo.root, folder + "/file.txt", "deep")
    assert_round_trip(repo)


def test_a_hundred_thousand_files_in_one_folder(repo: Repository) -> None:
    folder = repo.root / "many"
    folder.mkdir()
    for number in range(100_000):
        (folder / f"{number:06}.txt").write_bytes(b"%d" % number)
    assert len(repo.add(["."]).added) == 100_000
    first = repo.commit("all")
    assert len(repo.at(first.id).files) == 100_000
    assert repo.status().clean
    (folder / "050000.txt").unlink()
    assert repo.status().removed == ["many/050000.txt"]
    assert len(repo.ls(path="many")) == 100_000


def test_empty_files_are_files_of_their_own(repo: Repository) -> None:
    for name in ("a", "b", "folder/c"):
        write(repo.root, name)
    assert_round_trip(repo)
    os.rename(repo.root / "a", repo.root / "z")
    result = repo.add(["."])
    assert (result.added, result.removed, result.renamed) == (["z"], ["a"], []), (
        "an empty file is never taken for a renamed one"
    )


def test_empty_folders_are_reported_and_not_versioned(repo: Repository) -> None:
    write(repo.root, "full/file", "x")
    (repo.root / "empty" / "inner").mkdir(parents=True)
    status = repo.status()
    assert status.empty_folders, "status names what it cannot version"
    assert all(path.rstrip("/") in ("empty", "empty/inner") for path in status.empty_folders)
    assert repo.add(["."]).empty_folders == status.empty_folders
    repo.commit("without the empty folder")
    assert [entry.path for entry in repo.ls(recursive=True)] == ["full/file"]
    assert (repo.root / "empty" / "inner").is_dir(), "nobody asked to remove it"
    assert repo.status().clean


@pytest.mark.parametrize("target", ["file", "nowhere", "folder", "../outside", "/etc/passwd", ".", "loop"])
def test_links_are_stored_as_links_and_never_followed(repo: Repository, target: str) -> None:
    write(repo.root, "file", "content")
    write(repo.root, "folder/inner", "inner")
    write(repo.root.parent, "outside/secret", "must stay out")
    link(repo.root, "loop", target)
    first = commit_all(repo)
    entries = {entry.path: entry for entry in repo.ls(first, recursive=True)}
    assert sorted(entries) == ["file", "folder/inner", "loop"]
    assert (entries["loop"].type, entries["loop"].size) == ("link", len(target))
    assert repo.at(first).read("loop") == target.encode()
    (repo.root / "loop").unlink()
    repo.restore(["loop"])
    assert os.readlink(repo.root / "loop") == target
    assert repo.status().clean


def test_a_link_with_a_target_that_is_no_utf8(repo: Repository) -> None:
    link(repo.root, "link", b"caf\xe9")
    assert_round_trip(repo)


def test_a_link_whose_target_changes_is_modified_and_its_targets_content_is_not_watched(repo: Repository) -> None:
    outside = write(repo.root.parent, "outside", "one")
    link(repo.root, "link", outside.as_posix())
    commit_all(repo)
    outside.write_text("two")
    assert repo.status().clean
    (repo.root / "link").unlink()
    link(repo.root, "link", "elsewhere")
    assert repo.status().modified == ["link"]


def test_nothing_is_written_through_a_linked_folder(repo: Repository) -> None:
    write(repo.root, "data/file", "committed")
    first = commit_all(repo)
    outside = repo.root.parent / "outside"
    outside.mkdir()
    (repo.root / "data" / "file").unlink()
    (repo.root / "data").rmdir()
    link(repo.root, "data", outside.as_posix())
    repo.restore(["data/file"], source=first, force=True)
    assert list(outside.iterdir()) == []
    assert (repo.root / "data" / "file").read_text() == "committed"
    assert not (repo.root / "data").is_symlink()


def test_adding_a_path_behind_a_linked_folder_is_refused(repo: Repository) -> None:
    from oxide import errors

    write(repo.root, "real/file", "x")
    link(repo.root, "linked", "real")
    with pytest.raises(errors.OxideError):
        repo.add(["linked/file"])


def test_a_file_that_becomes_a_link_and_a_folder_that_becomes_a_file(repo: Repository) -> None:
    write(repo.root, "thing", "file")
    write(repo.root, "place/inner", "inner")
    first = commit_all(repo)
    before = tree(repo.root)
    (repo.root / "thing").unlink()
    link(repo.root, "thing", "place")
    (repo.root / "place" / "inner").unlink()
    (repo.root / "place").rmdir()
    write(repo.root, "place", "now a file")
    second = commit_all(repo)
    after = tree(repo.root)
    for commit, expected in ((first, before), (second, after), (first, before)):
        repo.checkout(commit)
        assert tree(repo.root) == expected


def test_a_tracked_file_gives_way_to_what_is_added_below_it(repo: Repository) -> None:
    write(repo.root, "place", "a file")
    repo.add(["."])
    (repo.root / "place").unlink()
    write(repo.root, "place/inner", "inner")
    result = repo.add(["place/inner"])  # `place` itself was not named, but cannot stay
    assert (result.added, result.removed) == (["place/inner"], ["place"])
    assert repo.status().staged.added == ["place/inner"]


@pytest.mark.parametrize(
    ("tracked", "target", "named"), [("place/inner", "place", "place"), ("place", "place/inner", "place")]
)
def test_mv_to_where_something_else_is_tracked_is_refused(
    repo: Repository, tracked: str, target: str, named: str
) -> None:
    write(repo.root, "file", "moved")
    write(repo.root, tracked, "gone from disk, but tracked")
    commit_all(repo)
    (repo.root / tracked).unlink()
    if tracked != "place":
        (repo.root / "place").rmdir()
    with pytest.raises(errors.WouldOverwrite) as caught:
        repo.move(["file"], target)
    assert list(caught.value.paths) == [named]
    assert (repo.root / "file").exists()
    repo.remove([named])
    repo.move(["file"], target)
    assert repo.status().staged.renamed == [("file", target)]


def test_the_executable_bit_is_versioned_and_nothing_else_of_the_mode(repo: Repository) -> None:
    write(repo.root, "run.sh", "#!/bin/sh\n", executable=True)
    write(repo.root, "data", "x")
    first = commit_all(repo)
    (repo.root / "data").chmod(0o600)
    assert repo.status().clean
    (repo.root / "data").chmod(0o755)
    assert repo.status().modified == ["data"]
    second = commit_all(repo)
    repo.checkout(first)
    assert not os.access(repo.root / "data", os.X_OK) and os.access(repo.root / "run.sh", os.X_OK)
    repo.checkout(second)
    assert os.stat(repo.root / "data").st_mode & 0o100
    assert (repo.root / "data").read_text() == "x"


def test_unreadable_files_are_named_and_the_rest_is_added(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    write(root, "fine", "fine")
    write(root, "secret", "secret").chmod(0)
    write(root, "locked/inner", "inner")
    (root / "locked").chmod(0)
    give_to_nobody(root)
    (root / "locked").chmod(0)
    out = as_nobody(
        """
repo = Repository.init(sys.argv[1], settings=settings)
result = repo.add(["."])
assert result.added == ["fine"], result
skipped = {entry.path.rstrip("/"): entry.reason for entry in result.skipped}
assert set(skipped) == {"secret", "locked"}, skipped
assert all("permission" in reason.lower() for reason in skipped.values()), skipped
assert "locked" in {entry.path.rstrip("/") for entry in repo.status().skipped}
repo.commit("what could be read")
print([entry.path for entry in repo.ls(recursive=True)])
""",
        str(root),
    )
    (root / "locked").chmod(0o755)
    assert out.strip() == "['fine']"


def test_tracked_files_that_cannot_be_read_are_not_taken_for_removed(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    write(root, "folder/inner", "inner")
    give_to_nobody(root)
    as_nobody(
        """
repo = Repository.init(sys.argv[1], settings=settings)
repo.add(["."])
repo.commit("all")
os.chmod(sys.argv[1] + "/folder", 0)
try:
    status = repo.status()
    assert status.removed == [] and [entry.path.rstrip("/") for entry in status.skipped] == ["folder"], status
    assert repo.add(["."]).removed == []
finally:
    os.chmod(sys.argv[1] + "/folder", 0o755)
""",
        str(root),
    )


def test_sockets_and_pipes_are_named_and_skipped(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    write(repo.root, "fine", "fine")
    os.mkfifo(repo.root / "pipe")
    monkeypatch.chdir(repo.root)  # the name of a socket may not be long
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        result = repo.add(["."])
    assert result.added == ["fine"]
    assert [entry.path for entry in result.skipped] == ["pipe", "socket"]
    assert "pipe" in result.skipped[0].reason and "socket" in result.skipped[1].reason
    assert [entry.path for entry in repo.status().skipped] == ["pipe", "socket"]
    repo.commit("fine")


def test_names_that_collide_by_case_or_normalisation_are_warned_of(repo: Repository) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert unicodedata.normalize("NFC", decomposed) == composed
    for name in ("Readme", "README", "other", f"x/{composed}", f"x/{decomposed}"):
        write(repo.root, name, name)
    if len(tree(repo.root)) < 5:
        pytest.fail("this test needs a file system that keeps such names apart, as CI has")
    result = repo.add(["."])
    assert len(result.added) == 5, "a warning, not a refusal"
    assert sorted(map(sorted, result.collisions)) == sorted(
        map(sorted, [["Readme", "README"], [f"x/{composed}", f"x/{decomposed}"]])
    )


def test_a_new_name_that_collides_with_a_tracked_one_is_warned_of(repo: Repository) -> None:
    write(repo.root, "Folder/a", "1")
    commit_all(repo)
    write(repo.root, "folder/a", "2")
    assert [sorted(group) for group in repo.add(["."]).collisions] == [["Folder", "folder"]]


def test_a_file_that_changes_while_it_is_read_is_stored_whole_or_skipped(repo: Repository) -> None:
    """Whatever was stored was on disk at one moment: every version holds one letter alone."""
    path = write(repo.root, "growing", b"a" * 3_000_000)
    write(repo.root, "still", "still")
    stop = threading.Event()

    def keep_writing() -> None:
        letter = 0
        with open(path, "r+b") as file:
            while not stop.is_set():
                letter = (letter + 1) % 26
                file.seek(0)
                file.write(bytes([97 + letter]) * 3_000_000)
                file.flush()

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        result = repo.add(["."])
    finally:
        stop.set()
        writer.join()
    assert "still" in result.added, "the rest continues"
    skipped = [entry.path for entry in result.skipped]
    assert ("growing" in result.added) != ("growing" in skipped)
    if skipped:
        assert "chang" in result.skipped[0].reason
    else:
        repo.commit("caught in one piece")
        assert len(set(repo.at().read("growing"))) == 1
        write(repo.root, "growing", b"at rest")
    repo.add(["."])  # now that it is still, nothing stands in the way
    repo.commit("still", allow_empty=True)
    assert repo.at().read("growing") == path.read_bytes()
    assert repo.status().clean


def test_a_file_that_was_changed_right_after_it_was_added_is_seen_as_modified(repo: Repository) -> None:
    """Same size, same inode and, on coarse clocks, the same times: only the content tells."""
    for number in range(50):
        write(repo.root, "file", b"%04d" % number)
        repo.add(["file"])
        (repo.root / "file").write_bytes(b"%04d" % (number + 5000))
        assert repo.status().modified == ["file"]


def test_a_changed_content_with_its_old_times_is_seen_as_modified(repo: Repository) -> None:
    path = write(repo.root, "file", "old")
    commit_all(repo)
    times = path.stat()
    path.write_text("new")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert repo.status().modified == ["file"], "the change time cannot be set back"


def test_touching_a_file_changes_nothing(repo: Repository) -> None:
    path = write(repo.root, "file", "same")
    commit_all(repo)
    os.utime(path, (1, 1))
    assert repo.status().clean
    assert repo.add(["."]).modified == []


def test_oxideignore_follows_gitignore(repo: Repository) -> None:
    write(repo.root, ".oxideignore", "*.tmp\n/build/\n!keep.tmp\ncache/**\nback\\ slash\n# comment\n")
    write(repo.root, "deep/.oxideignore", "local\n")
    kept = ["keep.tmp", "data/build/x", "deep/other", "local"]
    ignored = ["a.tmp", "deep/b.tmp", "build/out", "cache/x/y", "back slash", "deep/local"]
    for path in kept + ignored:
        write(repo.root, path, path)
    added = repo.add(["."]).added
    assert added == sorted([*kept, ".oxideignore", "deep/.oxideignore"])
    repo.commit("without what is ignored")
    assert repo.status().clean
    rules = {entry.path: entry for entry in repo.check_ignore(kept + ignored)}
    assert sorted(rules) == sorted(ignored)
    assert (rules["a.tmp"].source, rules["a.tmp"].line, rules["a.tmp"].pattern) == (".oxideignore", 1, "*.tmp")
    assert rules["deep/local"].source == "deep/.oxideignore"


def test_a_tracked_file_stays_tracked_when_a_rule_would_ignore_it(repo: Repository) -> None:
    write(repo.root, "kept.log", "one")
    commit_all(repo)
    write(repo.root, ".oxideignore", "*.log\n")
    write(repo.root, "kept.log", "two")
    write(repo.root, "new.log", "new")
    status = repo.status()
    assert status.modified == ["kept.log"]
    assert [entry.path for entry in status.untracked] == [".oxideignore"]


def test_untracked_folders_are_one_entry_with_their_number_of_files(repo: Repository) -> None:
    write(repo.root, "tracked/file", "x")
    commit_all(repo)
    for path in ("images/1", "images/deep/2", "images/deep/3", "tracked/new", "tracked/more/4", "loose"):
        write(repo.root, path, path)
    assert [tuple(entry) for entry in repo.status().untracked] == [
        ("images/", 3),
        ("loose", 1),
        ("tracked/more/", 1),
        ("tracked/new", 1),
    ]


def test_contents_of_every_size_class_come_back(repo: Repository) -> None:
    mebi = 1 << 20
    for size in (0, 1, 4095, 4096, 4097, 65_536, mebi - 1, mebi, mebi + 1, 5 * mebi):
        write(repo.root, f"noise/{size}.mp4", noise(size, size))
        write(repo.root, f"text/{size}.csv", (b"a,b,c\n" * (size // 6 + 1))[:size])
    assert_round_trip(repo)


def test_a_rename_on_disk_is_staged_as_one(repo: Repository) -> None:
    write(repo.root, "old/name.jpg", "picture")
    commit_all(repo)
    (repo.root / "new").mkdir()
    os.rename(repo.root / "old/name.jpg", repo.root / "new/name.jpg")
    (repo.root / "old").rmdir()
    assert repo.add(["."]).renamed == [("old/name.jpg", "new/name.jpg")]
    assert names(repo.status().staged) == {"renamed": [("old/name.jpg", "new/name.jpg")]}
