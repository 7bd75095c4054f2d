"""Every file of a repository, broken in every way: verbs either work or say what is wrong, ``fsck`` finds it, ``fsck
--repair`` mends what can be mended and names what cannot."""

from __future__ import annotations

import contextlib
import struct
import zlib
from pathlib import Path

import pytest
from damage.catalogue import DERIVED, ROLES, Damage, every_damage
from damage.conftest import Copy
from damage.packs import payloads
from damage.verbs import Failed, Outcomes, observe, opened, wrong
from oxide.errors import OxideError
from oxide.types import FsckResult

NO_TRACE = {("run of operations", "deleted")}
"""Nothing that is left knows of it: operations may be forgotten from the oldest on."""

LATER = {"log", "ls", *(f"cat {path}" for path in ("clip.mp4", "other.mp4", "table.csv", "images/007.png"))}
"""What an operation that is set aside does not change: it staged a file."""


def check(tree: Path, *, repair: bool = False) -> FsckResult | Failed:
    try:
        return opened(tree).fsck(data=True, repair=repair)
    except OxideError as error:
        return Failed(error.code, error.exit_code, str(error), error.hint)


def records(tree: Path) -> set[tuple[bytes, int]]:
    """Every record of every pack that can be read."""
    found = set()
    for pack in sorted((tree / ".oxide" / "packs").glob("*.pack")):
        with contextlib.suppress(AssertionError, struct.error):  # of a damaged index it cannot be said
            found |= {(entry.id, entry.kind) for entry, payload in payloads(pack) if zlib.crc32(payload) == entry.crc}
    return found


def finds(damage: Damage) -> bool:
    """Whether ``fsck`` can tell: what is not there was never needed, a torn journal is what a killed writer leaves."""
    gone = ROLES[damage.kind] == DERIVED and damage.what == "deleted"
    torn = damage.kind == "journal" and damage.what.startswith(("cut", "emptied"))
    return not gone and not torn and (damage.kind, damage.what) not in NO_TRACE


@pytest.mark.parametrize(
    "damage", list(every_damage()), ids=lambda damage: f"{damage.kind}-{damage.what}".replace(" ", "_")
)
def test_damaged_file(damage: Damage, copy: Copy, sound: Outcomes) -> None:
    tree = copy()
    name = damage.apply(tree)
    derived = ROLES[damage.kind] == DERIVED

    found = check(tree)
    if isinstance(found, Failed):
        assert damage.kind == "repository file" and found.code == "integrity" and found.hint, found
    else:
        assert bool(found.problems) == finds(damage), found.problems
        for problem in found.problems:
            assert problem.object and problem.remedy and not problem.repaired, problem

    used = copy()
    damage.apply(used)
    outcomes = observe(used, changing=derived)
    if damage.what == "deleted" and not derived and "operation" in damage.kind:
        outcomes = {verb: outcome for verb, outcome in outcomes.items() if verb in LATER}
    assert not wrong(sound, outcomes, name)
    if derived:
        assert not [verb for verb, outcome in outcomes.items() if isinstance(outcome, Failed)]

    before = records(tree)
    mended = check(tree, repair=True)
    assert before - records(tree) == set(), "a repair dropped sound records"
    if isinstance(mended, Failed):
        return
    left = check(tree)
    assert isinstance(left, FsckResult)
    unmended = {problem.object for problem in mended.problems if not problem.repaired}
    assert {problem.object for problem in left.problems} <= unmended, "a second repair would do more"
    assert all(problem.remedy for problem in left.problems)
    outcomes = observe(tree)
    if derived:
        assert left.ok
        assert outcomes == sound
    if "operation" in damage.kind:
        outcomes = {verb: outcome for verb, outcome in outcomes.items() if verb in LATER}
        assert outcomes == {verb: sound[verb] for verb in LATER}
    assert not wrong(sound, outcomes, name)
    if damage.kind in ("pack of contents", "own file"):
        # The working copy holds every content of HEAD.
        lost = [verb for verb, outcome in outcomes.items() if isinstance(outcome, Failed)]
        assert set(lost) <= {"checkout"}, lost
