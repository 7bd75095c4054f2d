"""Fixtures of the tests of damage: one sound repository, and copies of it to break."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from damage.specimen import fill
from damage.verbs import Outcomes, observe

Copy = Callable[[], Path]


@pytest.fixture(scope="session")
def specimen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working tree whose repository holds every kind of object. Never changed: see ``copy``."""
    folder = tmp_path_factory.mktemp("specimen")
    fill(folder / "tree", folder / "outside")
    return folder / "tree"


@pytest.fixture
def copy(specimen: Path, tmp_path: Path) -> Copy:
    """Makes a copy of the specimen and gives its tree."""
    made = iter(range(1000))

    def copy() -> Path:
        return Path(shutil.copytree(specimen, tmp_path / f"copy-{next(made)}", symlinks=True))

    return copy


@pytest.fixture(scope="session")
def sound(specimen: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What every verb gives in a sound copy."""
    tree = Path(shutil.copytree(specimen, tmp_path_factory.mktemp("sound") / "tree", symlinks=True))
    return observe(tree)
