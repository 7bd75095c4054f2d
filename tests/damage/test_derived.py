"""Derived files can all go: ``fsck --repair`` brings back a working repository with the same results."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from damage import packs
from damage.conftest import Copy
from damage.verbs import Outcomes, observe, opened

FORMAT = Path(__file__).resolve().parents[2] / "docs" / "format.md"


def derived() -> list[str]:
    """The folders that the format calls derived."""
    found = re.findall(r"^  (\S+)/ +derived:", FORMAT.read_text(encoding="utf-8"), re.MULTILINE)
    assert {"index", "cache/segments", "cache/history"} <= set(found)
    return found


def test_everything_derived_can_go(copy: Copy, sound: Outcomes) -> None:
    tree = copy()
    for folder in derived():
        assert os.listdir(tree / ".oxide" / folder)
        shutil.rmtree(tree / ".oxide" / folder)
    mended = opened(tree).fsck(data=True, repair=True)
    assert mended.ok
    assert {"packs-data", "packs-meta"} <= set(os.listdir(tree / ".oxide" / "index")), (
        "the merged indexes are made again"
    )
    assert observe(tree) == sound
    assert opened(tree).fsck(data=True).problems == []


def test_nothing_has_to_be_repaired_for_that(copy: Copy, sound: Outcomes) -> None:
    tree = copy()
    for folder in derived():
        shutil.rmtree(tree / ".oxide" / folder)
    assert observe(tree) == sound


def test_every_file_derived_is_noticed_and_made_again(copy: Copy, sound: Outcomes) -> None:
    tree = copy()
    damaged = set()
    for folder in derived():
        for path in (tree / ".oxide" / folder).iterdir():
            if path.stat().st_size and path.name != "stat.journal":
                packs.flip(path, path.stat().st_size - 1)
                damaged.add(path.name)
    found = opened(tree).fsck()
    assert len(found.problems) == len(damaged), found.problems
    assert {problem.kind for problem in found.problems} == {"index", "cache"}
    mended = opened(tree).fsck(repair=True)
    assert mended.ok and all(problem.repaired for problem in mended.problems)
    assert opened(tree).fsck(data=True).problems == []
    assert observe(tree) == sound
