"""Damage as the user meets it: a sentence, the next command, an exit code of the documents, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from damage.catalogue import find
from damage.conftest import Copy
from damage.packs import flip, replace
from support import Oxide

DAMAGED = 7


@pytest.mark.parametrize(
    ("kind", "verb"),
    [
        ("pack of tables", ["status"]),
        ("pack of contents", ["cat", "table.csv"]),
        ("own file", ["cat", "other.mp4"]),
        ("newest operation", ["commit", "-m", "more"]),
        ("repository file", ["log"]),
    ],
)
def test_it_is_said_and_repaired(kind: str, verb: list[str], copy: Copy, tmp_path: Path) -> None:
    tree = copy()
    path = find(tree, kind)[0]
    if kind == "pack of tables":
        flip(path, path.stat().st_size - 1)
    else:
        replace(path, path.read_bytes()[:-100] if kind != "repository file" else b"{")
    oxide = Oxide(tree, tmp_path)
    ran = oxide(*verb, code=DAMAGED)
    assert ran.err.startswith("error: ") and "\nhint: " in ran.err and "Traceback" not in ran.err
    found = oxide("fsck", "--data", code=DAMAGED)
    if kind == "repository file":
        assert '{"format":1,"optional":[],"required":[]}' in found.err
        path.write_text('{"format":1,"optional":[],"required":[]}')
    else:
        assert path.name in found.out or "other.mp4" in found.out
        oxide("fsck", "--data", "--repair")
    assert "everything is intact" in oxide("fsck", "--data").out
    oxide(*(verb if verb[0] != "commit" else ["status"]))


def test_a_newer_format_is_refused_by_name(copy: Copy, tmp_path: Path) -> None:
    tree = copy()
    file = tree / ".oxide" / "repository"
    oxide = Oxide(tree, tmp_path)
    file.write_text('{"format":2,"optional":[],"required":[]}')
    ran = oxide("status", code=1)
    assert "format 2" in ran.err and "newer version" in ran.err
    file.write_text('{"format":1,"optional":[],"required":["teleport"]}')
    for verb in (["status"], ["fsck", "--repair"], ["commit", "-m", "x"]):
        ran = oxide(*verb, code=1)
        assert "'teleport'" in ran.err and "newer version" in ran.err
    file.write_text('{"format":1,"optional":["teleport"],"required":[]}')
    oxide("status")
