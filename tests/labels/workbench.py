"""Repositories with pictures, for tests of labels."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from oxide import Repository
from oxide.settings import Settings
from support import AUTHOR, picture, write


def make_repository(root: Path, *names: str) -> Repository:
    """A repository with some pictures, committed."""
    repository = Repository.init(root, settings=Settings(None, dict(AUTHOR)))
    for name in names:
        write(root, name, picture((root.name, name)))
    repository.add(["."])
    repository.commit("Pictures", allow_empty=True)
    return repository


def real_pictures(number: int) -> list[Path]:
    """Real pictures beside the repository; the test is skipped where a machine has none."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data" / "catdog"
    folder = Path(os.environ.get("OXIDE_TEST_PICTURES", beside))
    found = sorted(folder.rglob("*.jpg")) if folder.is_dir() else []
    if len(found) < number:
        pytest.skip(
            "no real pictures: ../shared/data/catdog is not beside the checkout "
            "(OXIDE_TEST_PICTURES names another folder)"
        )
    return found[:number]
