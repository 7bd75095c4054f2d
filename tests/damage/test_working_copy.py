"""Lost contents that still lie in the working copy are taken back from there, when their hash is the same."""

from __future__ import annotations

from pathlib import Path

from damage import packs
from damage.conftest import Copy
from damage.verbs import opened
from support import write


def lose_contents(tree: Path) -> None:
    """Every content that is stored goes."""
    for pack in (tree / ".oxide" / "packs").glob("data-*.pack"):
        kept = [(entry, payload) for entry, payload in packs.payloads(pack) if entry.kind == packs.KINDS["external"]]
        packs.rewrite(pack, kept)
    for path in (tree / ".oxide" / "objects").glob("*/*"):
        path.unlink()


def test_what_the_working_copy_holds_is_taken_back(copy: Copy) -> None:
    tree = copy()
    repo = opened(tree)
    expected = {entry.path: repo.at("HEAD").read(entry.path) for entry in repo.ls(recursive=True)}
    lose_contents(tree)
    lost = {problem.object for problem in opened(tree).fsck(data=True).problems}
    mended = opened(tree).fsck(data=True, repair=True)
    back = {problem.object for problem in mended.problems if problem.repaired}
    assert back and back < lost, "older versions are not in the working copy"
    repo = opened(tree)
    assert {path: repo.at("HEAD").read(path) for path in expected} == expected
    for problem in mended.problems:
        assert problem.repaired or "another copy of the repository" in problem.remedy
    assert {problem.object for problem in repo.fsck(data=True).problems} == lost - back


def test_a_file_that_was_changed_since_is_not_taken(copy: Copy) -> None:
    tree = copy()
    repo = opened(tree)
    identity = next(entry.content_id for entry in repo.ls() if entry.path == "clip.mp4")
    for name in ("clip.mp4", "table.csv"):
        data = bytearray((tree / name).read_bytes())
        data[len(data) // 2] ^= 1
        write(tree, name, bytes(data))
    lose_contents(tree)
    mended = opened(tree).fsck(repair=True)
    [problem] = [problem for problem in mended.problems if problem.object == identity]
    assert not problem.repaired and "'clip.mp4'" in problem.problem
    assert "no file of the working copy holds it" in problem.remedy


def test_it_is_found_under_any_path_that_it_ever_had(copy: Copy) -> None:
    tree = copy()
    repo = opened(tree)
    identity = next(entry.content_id for entry in repo.ls() if entry.path == "clip.mp4")
    repo.move(["clip.mp4"], "moved.mp4")
    repo.commit("Move")
    lose_contents(tree)
    mended = opened(tree).fsck(repair=True)
    assert all(problem.repaired for problem in mended.problems if problem.object == identity)
    assert opened(tree).at("v1").read("clip.mp4") == (tree / "moved.mp4").read_bytes()
