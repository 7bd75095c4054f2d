"""Fixtures of the query tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from sql.plain_repository import PlainRepository, file_row


@pytest.fixture
def plain(tmp_path: Path) -> PlainRepository:
    """Three commits (v1, v2, V2) of a few files; ``V2`` differs from ``v2`` in more than case."""
    repository = PlainRepository(tmp_path / "control")
    repository.add_commit("v1", [file_row("a.png", 1, 10), file_row("b.png", 2, 20), file_row("dir/c.png", 3, 30)])
    repository.add_commit("v2", [file_row("a.png", 4, 11), file_row("dir/c.png", 3, 30), file_row("it's.png", 5, 50)])
    repository.add_commit("V2", [file_row("a.png", 4, 11), file_row("moved.png", 3, 30), file_row("it's.png", 5, 50)])
    return repository
