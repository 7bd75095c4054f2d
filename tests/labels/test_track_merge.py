"""Keyframes go and come with the annotation that they belong to, whatever is merged and however it is decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import pytest
from labels.team import box, by_bob, changed, dangling, diverge, start
from oxide import Repository
from oxide.labels.annotation import Annotation, Keyframe

FRAMES = tuple(Keyframe(at, (1.0, 1.0, 4.0, 4.0), label="van") for at in (0, 10, 20))
MOVED = (replace(FRAMES[0], box=(9.0, 9.0, 4.0, 4.0)), *FRAMES[1:])
MOVED_ELSEWHERE = (replace(FRAMES[0], box=(7.0, 7.0, 4.0, 4.0)), *FRAMES[1:])
LONGER = (*FRAMES, Keyframe(30, (1.0, 1.0, 4.0, 4.0)))


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    repo = start(tmp_path / "tree", ["a.mp4", "b.png"])
    repo.annotate("a.mp4", track(), box("tree"))
    repo.commit("track")
    return repo


def track() -> Annotation:
    return Annotation("box", "car", (1, 1, 4, 4), frames=(0, 20), track="1", keyframes=FRAMES)


def the_track(repo: Repository) -> Annotation | None:
    return next((each for each in repo.annotations("a.mp4") if each.track == "1"), None)


def the_id(repo: Repository) -> str:
    found = the_track(repo)
    assert found is not None and found.id is not None
    return found.id


CHANGES: dict[str, Callable[[Repository], object]] = {
    "remove": lambda repo: repo.remove_annotations([the_id(repo)]),
    "relabel": lambda repo: changed(repo, "a.mp4", the_id(repo), label="bus"),
    "relabel keyframes": lambda repo: repo.rename_label("van", "lorry"),
    "move": lambda repo: changed(repo, "a.mp4", the_id(repo), keyframes=MOVED),
    "move elsewhere": lambda repo: changed(repo, "a.mp4", the_id(repo), keyframes=MOVED_ELSEWHERE),
    "lengthen": lambda repo: changed(repo, "a.mp4", the_id(repo), keyframes=LONGER),
    "shorten": lambda repo: changed(repo, "a.mp4", the_id(repo), keyframes=FRAMES[1:]),
    "remove the file": lambda repo: repo.remove(["a.mp4"]),
}


@pytest.mark.parametrize(("ours", "theirs"), list(permutations(CHANGES, 2)))
def test_no_keyframe_is_without_its_annotation(repo: Repository, ours: str, theirs: str) -> None:
    diverge(repo, lambda: CHANGES[ours](repo), lambda: CHANGES[theirs](by_bob(repo)))
    conflicts = repo.merge("other").conflicts
    assert dangling(repo) == []
    for sides in product(("ours", "theirs", "base"), repeat=len(conflicts)):
        for order in (1, -1):
            steps = 0
            for conflict, side in list(zip(conflicts, sides, strict=True))[::order]:
                if conflict.name in {each.name for each in repo.conflicts()}:
                    repo.resolve([conflict.name], side)
                    steps += 1
                assert dangling(repo) == []
            assert repo.conflicts() == []
            for _ in range(steps):
                repo.undo()
            if len(conflicts) == 1:
                break


@pytest.mark.parametrize("change", ["relabel", "relabel keyframes", "move", "lengthen", "shorten"])
@pytest.mark.parametrize("removed_here", [True, False])
def test_a_track_removed_and_changed_is_one_conflict(repo: Repository, change: str, removed_here: bool) -> None:
    before = the_track(repo)
    CHANGES[change](repo)
    after = the_track(repo)
    repo.undo()
    names = ("remove", change) if removed_here else (change, "remove")
    diverge(repo, lambda: CHANGES[names[0]](repo), lambda: CHANGES[names[1]](repo))
    (conflict,) = repo.merge("other").conflicts
    assert (conflict.table, conflict.reason) == ("annotations", "removed")
    assert before is not None and after is not None
    for side, expected in (("ours", None), ("theirs", after), ("base", before)):
        wanted = side if removed_here else {"ours": "theirs", "theirs": "ours"}.get(side, side)
        repo.resolve([before.id or ""], wanted)
        found = the_track(repo)
        assert (found is None) == (expected is None)
        if found is not None and expected is not None:
            assert (found.label, found.keyframes) == (expected.label, expected.keyframes)
        assert dangling(repo) == []
        repo.undo()


def test_a_removal_by_hand_decides_about_keyframes(repo: Repository) -> None:
    diverge(repo, lambda: CHANGES["shorten"](repo), lambda: CHANGES["move"](repo))
    (conflict,) = repo.merge("other").conflicts
    assert conflict.table == "keyframes"
    repo.remove_annotations([the_id(repo)])
    assert repo.conflicts() == [] and dangling(repo) == []


def test_taking_back_an_import_whose_tracks_were_changed(repo: Repository) -> None:
    run = "5" * 24
    (imported,) = repo.annotate("a.mp4", replace(track(), track="2", run_id=run, source="import"))
    repo.commit("import")
    changed(repo, "a.mp4", imported, keyframes=LONGER)
    repo.commit("longer")
    (conflict,) = repo.revert_import(run).conflicts
    assert (conflict.annotation, conflict.reason) == (imported, "removed")
    for side, expected in (("ours", LONGER), ("theirs", None)):
        repo.resolve([imported], side)
        found = [each.keyframes for each in repo.annotations("a.mp4") if each.id == imported]
        assert found == ([expected] if expected else []) and dangling(repo) == []
        repo.undo()
