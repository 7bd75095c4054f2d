"""Fixtures of the engine's tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `support` is shared by the test folders

from oxide import Repository
from oxide.settings import Settings
from support import AUTHOR


@pytest.fixture
def settings() -> Settings:
    """Settings that depend on nothing around the test."""
    return Settings(None, dict(AUTHOR))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a working tree; beside it tests may put what is outside the tree."""
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder


@pytest.fixture
def repo(root: Path, settings: Settings) -> Repository:
    """An empty repository."""
    return Repository.init(root, settings=settings)
