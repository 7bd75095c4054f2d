"""Fixtures of the engine's tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `support` is shared by the test folders

from support import AUTHOR  # noqa: E402  (needs the line above)

from oxide import Repository  # noqa: E402
from oxide.settings import Settings  # noqa: E402


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
