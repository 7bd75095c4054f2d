"""mv: never onto anything, all or nothing."""

from __future__ import annotations

import pytest
from oxide import Repository, errors
from support import tree, write


def test_two_sources_with_one_base_name_are_refused(repo: Repository) -> None:
    for path in ("a/x", "b/x", "d/keep"):
        write(repo.root, path, path)
    repo.add(["."])
    repo.commit("three")
    write(repo.root, "a/x", "worked on")
    before = tree(repo.root)
    with pytest.raises(errors.WouldOverwrite):
        repo.move(["a/x", "b/x"], "d")
    assert tree(repo.root) == before
    assert not repo.status().staged


def test_a_source_inside_another_is_refused(repo: Repository) -> None:
    for path in ("a/b/x", "d/keep"):
        write(repo.root, path, path)
    repo.add(["."])
    repo.commit("two")
    before = tree(repo.root)
    with pytest.raises(errors.InvalidInput):
        repo.move(["a", "a/b"], "d")
    assert tree(repo.root) == before


def test_folders_move_with_their_untracked_files_and_undo_brings_the_tracked_ones_back(repo: Repository) -> None:
    write(repo.root, "a/b/x", "x")
    repo.add(["."])
    repo.commit("one")
    write(repo.root, "a/b/untracked", "mine")
    assert repo.move(["a/b"], "c/d") == [("a/b/x", "c/d/x")]
    assert sorted(tree(repo.root)) == ["c/d/untracked", "c/d/x"]
    assert repo.status().staged.renamed == [("a/b/x", "c/d/x")]
    repo.undo()
    assert sorted(tree(repo.root)) == ["a/b/x", "c/d/untracked"]
    assert not repo.status().staged and not repo.status().modified
