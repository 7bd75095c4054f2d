"""Files outside the tree, added by reference: a link stands in the tree, the bytes stay where they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from oxide import Repository
from oxide.errors import AlreadyExists, IntegrityError, InvalidInput, NotFound, Unsupported
from oxide.types import FileEntry
from support import link, noise, tree, write

CONTENT = noise("film", 3_000_000)


@pytest.fixture
def film(root: Path) -> Path:
    """A file beside the tree whose name needs escaping in a URI."""
    return write(root.parent, "archive/my film ü%.mp4", CONTENT)


def entry(repo: Repository, path: str, revision: str = "HEAD") -> FileEntry:
    return next(found for found in repo.ls(revision, recursive=True) if found.path == path)


def stored_bytes(repo: Repository) -> int:
    return sum(path.stat().st_size for path in repo.control.rglob("*") if path.is_file())


def add_and_commit(repo: Repository, *paths: Path | str) -> str:
    repo.add([os.fspath(path) for path in paths], reference=True)
    return repo.commit("by reference").id


def test_a_file_outside_becomes_a_link_and_is_not_copied(repo: Repository, film: Path) -> None:
    result = repo.add([film], reference=True)
    assert (result.added, result.bytes) == ([film.name], len(CONTENT))
    assert os.readlink(repo.root / film.name) == str(film)
    repo.commit("film")
    found = entry(repo, film.name)
    assert (found.type, found.size, found.executable) == ("reference", len(CONTENT), False)
    assert stored_bytes(repo) < 100_000
    assert repo.at("HEAD").read(film.name) == CONTENT
    with repo.at("HEAD").open(film.name) as stream:
        assert stream.read() == CONTENT
    assert repo.status().clean
    assert repo.fsck(data=True).ok


def test_content_id_and_sha256_are_those_of_the_file(repo: Repository, film: Path) -> None:
    add_and_commit(repo, film)
    write(repo.root, "copy.mp4", CONTENT)
    repo.add(["copy.mp4"])
    repo.commit("by value")
    by_reference, by_value = entry(repo, film.name), entry(repo, "copy.mp4")
    assert by_value.type == "file"
    assert (by_reference.content_id, by_reference.sha256) == (by_value.content_id, by_value.sha256)
    film.unlink()
    assert repo.at("HEAD").read(film.name) == CONTENT, "bytes that are stored by value are used"
    assert repo.fsck(data=True).ok


def test_links_uris_and_folders(repo: Repository, film: Path) -> None:
    write(film.parent, "day/one.mp4", "one")
    write(film.parent, "day/deep/two.mp4", "two")
    link(repo.root, "here.mp4", film.as_posix())
    result = repo.add(["here.mp4", film.as_uri(), film.parent / "day"], reference=True, into="clips")
    names = ["clips/day/deep/two.mp4", "clips/day/one.mp4", f"clips/{film.name}", "here.mp4"]
    assert result.added == names
    repo.commit("all")
    assert {found.path: found.type for found in repo.ls(recursive=True)} == dict.fromkeys(names, "reference")
    assert repo.at("HEAD").read("clips/day/deep/two.mp4") == b"two"
    again = repo.add([film.parent / "day"], reference=True, into="clips")
    assert (again.added, again.modified) == ([], [])


def test_status_reads_no_external_file(repo: Repository, film: Path) -> None:
    from oxide import _core

    add_and_commit(repo, film)
    write(film.parent, film.name, "changed in place")
    os.utime(repo.root / film.name, ns=(1, 1), follow_symlinks=False)
    _core.reset_counters()
    assert repo.status().clean
    film.unlink()
    assert repo.status().clean
    counters = _core.counters()
    assert counters.get("files_hashed", 0) == 0, counters


def test_a_file_in_place_of_the_link_is_a_modification(repo: Repository, film: Path) -> None:
    add_and_commit(repo, film)
    (repo.root / film.name).unlink()
    write(repo.root, film.name, CONTENT)
    assert repo.status().modified == [film.name]
    repo.restore([film.name], force=True)
    assert os.readlink(repo.root / film.name) == str(film)
    assert repo.status().clean
    (repo.root / film.name).unlink()
    write(repo.root, film.name, CONTENT)
    repo.add([film.name])
    repo.commit("by value now")
    assert entry(repo, film.name).type == "file"


def test_another_target_is_a_modification_unless_the_content_is_the_same(repo: Repository, film: Path) -> None:
    add_and_commit(repo, film)
    other = write(film.parent, "other.mp4", "other content")
    (repo.root / film.name).unlink()
    link(repo.root, film.name, other.as_posix())
    assert repo.status().modified == [film.name]
    moved = film.rename(film.parent / "moved.mp4")
    (repo.root / film.name).unlink()
    link(repo.root, film.name, moved.as_posix())
    assert repo.status().clean
    repo.add([film.name], reference=True)
    assert repo.at("HEAD").read(film.name) == CONTENT, "the new place is recorded"
    (repo.root / film.name).unlink()
    repo.restore([film.name])
    assert os.readlink(repo.root / film.name) == str(moved)


def test_plain_add_keeps_a_reference_while_its_link_is_unchanged(repo: Repository, film: Path) -> None:
    add_and_commit(repo, film)
    os.utime(repo.root / film.name, ns=(1, 1), follow_symlinks=False)
    result = repo.add(["."])
    assert (result.added, result.modified) == ([], [])
    (repo.root / film.name).unlink()
    link(repo.root, film.name, "elsewhere")
    repo.commit("a plain link", all=True)
    assert entry(repo, film.name).type == "link"
    assert repo.at("HEAD~1").read(film.name) == CONTENT


def test_a_changed_or_vanished_file_is_named(repo: Repository, film: Path) -> None:
    add_and_commit(repo, film)
    for damage in ("shorter", noise("other", len(CONTENT)), None):
        film.unlink()
        if damage is not None:
            write(film.parent, film.name, damage)
        with pytest.raises(IntegrityError) as caught:
            repo.at("HEAD").read(film.name)
        assert film.as_uri() in str(caught.value)
        assert "put it back" in caught.value.hint
        assert repo.fsck().ok
        problems = repo.fsck(data=True).problems
        assert len(problems) == 1
        assert film.as_uri() in problems[0].problem
        assert film.name in problems[0].problem
        assert "put it back" in problems[0].remedy
        write(film.parent, film.name, CONTENT)
    assert repo.fsck(data=True).ok


def test_adding_again_takes_the_new_content(repo: Repository, film: Path) -> None:
    first = add_and_commit(repo, film)
    film.write_bytes(b"second version")
    result = repo.add([film.name], reference=True)
    assert result.modified == [film.name]
    repo.commit("second")
    assert repo.at("HEAD").read(film.name) == b"second version"
    with pytest.raises(IntegrityError):
        repo.at(first).read(film.name)


def test_checkout_undo_stash_and_move_carry_references(repo: Repository, film: Path) -> None:
    write(repo.root, "plain", "plain")
    repo.add(["."])
    repo.commit("plain")
    add_and_commit(repo, film)
    full = tree(repo.root)
    repo.checkout("HEAD~1")
    assert film.name not in tree(repo.root)
    repo.checkout("main")
    assert tree(repo.root) == full
    assert repo.status().clean

    repo.move([film.name], "renamed.mp4")
    repo.commit("move")
    assert entry(repo, "renamed.mp4").type == "reference"
    assert repo.status().clean
    repo.undo()
    repo.undo()
    assert tree(repo.root) == full

    item = entry(repo, film.name).item_id
    os.rename(repo.root / film.name, repo.root / "by hand.mp4")
    assert repo.add(["."]).renamed == [(film.name, "by hand.mp4")]
    repo.stash_push("later")
    assert tree(repo.root) == full
    repo.stash_pop()
    repo.commit("by hand")
    assert (entry(repo, "by hand.mp4").type, entry(repo, "by hand.mp4").item_id) == ("reference", item)

    repo.remove(["by hand.mp4"])
    assert not os.path.lexists(repo.root / "by hand.mp4")
    assert film.read_bytes() == CONTENT
    assert repo.fsck(data=True).ok


def test_merging_with_a_side_that_refers(repo: Repository, film: Path) -> None:
    write(repo.root, "plain", "plain")
    repo.add(["."])
    repo.commit("plain")
    repo.checkout("side", create=True)
    add_and_commit(repo, film)
    repo.checkout("main")
    write(repo.root, "plain", "changed")
    repo.commit("changed", all=True)
    assert repo.merge("side").kind == "merged"
    assert os.readlink(repo.root / film.name) == str(film)
    assert entry(repo, film.name).type == "reference"
    assert repo.status().clean


def test_the_collector_keeps_where_files_lie(repo: Repository, film: Path) -> None:
    add_and_commit(repo, film)
    repo.gc(keep=0, now=True)
    assert Repository.open(repo.root).at("HEAD").read(film.name) == CONTENT
    assert repo.fsck(data=True).ok


def test_equal_files_at_two_places(repo: Repository, film: Path) -> None:
    twin = write(film.parent, "twin.mp4", CONTENT)
    add_and_commit(repo, film, twin)
    assert [os.readlink(repo.root / path.name) for path in (film, twin)] == [str(film), str(twin)]
    assert repo.status().clean
    (repo.root / "twin.mp4").unlink()
    repo.restore(["twin.mp4"])
    assert repo.status().clean
    assert (repo.root / "twin.mp4").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("s3://bucket/film.mp4", Unsupported),
        ("https://example.org/film.mp4", Unsupported),
        ("file://elsewhere/film.mp4", InvalidInput),
        ("../nowhere.mp4", NotFound),
        ("missing", NotFound),
        ("inside", InvalidInput),
        ("to-inside", InvalidInput),
        ("relative", InvalidInput),
        ("to-folder", InvalidInput),
        ("dangling", NotFound),
        (".", InvalidInput),
        ("..", InvalidInput),
        ("../pipe", InvalidInput),
    ],
)
def test_what_cannot_be_referred_to(repo: Repository, film: Path, path: str, error: type[Exception]) -> None:
    write(repo.root, "inside", "inside")
    link(repo.root, "to-inside", (repo.root / "inside").as_posix())
    link(repo.root, "relative", os.path.relpath(film, repo.root))
    link(repo.root, "to-folder", film.parent.as_posix())
    link(repo.root, "dangling", "/nowhere/at/all")
    os.mkfifo(repo.root.parent / "pipe")
    before = tree(repo.root)
    with pytest.raises(error) as caught:
        repo.add([film, path], reference=True)
    assert getattr(caught.value, "hint", ""), "it says what to do"
    assert tree(repo.root) == before, "nothing was made"


def test_a_taken_name_is_refused(repo: Repository, film: Path) -> None:
    write(repo.root, film.name, "mine")
    with pytest.raises(AlreadyExists):
        repo.add([film], reference=True)
    assert (repo.root / film.name).read_text() == "mine"
