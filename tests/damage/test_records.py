"""One record of each kind lost or with a flipped bit."""

from __future__ import annotations

from pathlib import Path

import pytest
from damage import packs
from damage.conftest import Copy
from damage.verbs import Failed, Outcomes, observe, opened, wrong

KINDS = [kind for kind in packs.KINDS if kind != "schema"]
"""Schemas that tables of the specimen use are known without being stored."""


def needed(tree: Path, kind: str) -> list[packs.Place]:
    """Records of a kind that something refers to, best one of HEAD first."""
    repo = opened(tree)
    head = repo.read_commit("HEAD")
    view = repo.store.head()
    assert view is not None
    first = {
        "commit": head.id,
        "view": view["view"],
        "page": repo.staged_tables()["files"][1],
        "blob": next(entry.content_id for entry in repo.ls() if entry.path == "notes.txt"),
    }.get(kind)
    found = [place for place in packs.places(tree / ".oxide", kind) if kind != "list" or place.entry.raw > 20]
    return sorted(found, key=lambda place: (place.entry.id.hex() != first, -place.entry.raw))


def lose(place: packs.Place) -> None:
    kept = [(entry, payload) for entry, payload in packs.payloads(place.pack) if entry[:2] != place.entry[:2]]
    packs.rewrite(place.pack, kept)


def flip(place: packs.Place) -> None:
    packs.flip(place.pack, place.entry.offset + place.entry.stored // 2, bit=3)


@pytest.mark.parametrize("harm", [lose, flip])
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_record(kind: str, harm: object, copy: Copy, sound: Outcomes) -> None:
    assert callable(harm)
    tree = copy()
    place = needed(tree, kind)[0]
    identity = place.entry.id.hex()
    others = {entry[:2] for pack in (tree / ".oxide" / "packs").glob("*.pack") for entry in packs.entries(pack)}
    others.discard(place.entry[:2])
    harm(place)

    found = opened(tree).fsck(data=True)
    assert not found.ok
    named = [problem for problem in found.problems if identity in problem.object + problem.problem]
    assert named and all(problem.remedy for problem in found.problems), found.problems
    assert not wrong(sound, observe(tree, changing=False), place.pack.name)

    mended = opened(tree).fsck(data=True, repair=True)
    kept = {entry[:2] for pack in (tree / ".oxide" / "packs").glob("*.pack") for entry in packs.entries(pack)}
    assert others <= kept, "a repair dropped a sound record"
    left = opened(tree).fsck(data=True)
    outcomes = observe(tree)
    assert not wrong(sound, outcomes, place.pack.name)
    if kind in ("blob", "recipe"):  # the working copy holds these
        assert mended.ok and left.ok, left.problems
        assert outcomes == sound
    else:
        assert not left.ok
        assert {problem.object for problem in left.problems} <= {problem.object for problem in mended.problems}


def test_a_stored_schema_that_is_built_in_is_not_missed(copy: Copy, sound: Outcomes) -> None:
    tree = copy()
    for place in packs.places(tree / ".oxide", "schema"):
        lose(place)
    assert opened(tree).fsck(data=True).ok
    outcomes = observe(tree)
    assert outcomes == sound
    assert not [verb for verb, outcome in outcomes.items() if isinstance(outcome, Failed)]
