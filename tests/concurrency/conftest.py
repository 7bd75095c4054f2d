"""Fixtures of the tests with many processes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `support` is shared by the test folders

from oxide import Repository
from oxide.settings import Settings
from support import AUTHOR


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """An empty repository; beside its folder there is room for what is outside the tree."""
    return Repository.init(tmp_path / "tree", settings=Settings(None, dict(AUTHOR)))
