"""The capped cache of segments."""

from __future__ import annotations

import os
import time
from pathlib import Path

from oxide.sql.cache import mark_used, trim


def make(folder: Path, name: str, age: float, size: int = 100) -> str:
    path = folder / name
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - age, time.time() - age))
    return str(path)


def test_oldest_go_first_and_used_ones_stay(tmp_path: Path) -> None:
    used = make(tmp_path, "used", 90_000)
    make(tmp_path, "old", 80_000)
    make(tmp_path, "older", 85_000)
    make(tmp_path, "newer", 70_000)
    make(tmp_path, "just-now", 1)
    assert trim(tmp_path, [used], cap=500) == 0
    assert trim(tmp_path, [used], cap=300) == 200
    assert sorted(os.listdir(tmp_path)) == ["just-now", "newer", "used"]
    assert trim(tmp_path, [used], cap=0) == 100
    assert sorted(os.listdir(tmp_path)) == ["just-now", "used"]


def test_use_is_noted(tmp_path: Path) -> None:
    path = make(tmp_path, "used", 90_000)
    mark_used([path, str(tmp_path / "vanished")])
    assert time.time() - os.stat(path).st_mtime < 60
    assert trim(tmp_path, [], cap=0) == 0


def test_no_cache_yet(tmp_path: Path) -> None:
    assert trim(tmp_path / "missing", [], cap=0) == 0
