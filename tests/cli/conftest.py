"""Shared by the tests of the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from installed import Place


@pytest.fixture
def empty(tmp_path: Path) -> Place:
    """An empty folder, with settings of nobody."""
    root = tmp_path / "dataset"
    root.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OXIDE_", "_OXIDE"))}
    for name in ("NO_COLOR", "PAGER"):
        kept.pop(name, None)
    environment = {
        **kept,
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "OXIDE_USER_NAME": "Ada",
        "OXIDE_USER_EMAIL": "ada@example.org",
        "LC_ALL": "C.UTF-8",
    }
    return Place(root, environment)


@pytest.fixture
def place(empty: Place) -> Place:
    """A repository with one commit of four files."""
    empty("init")
    empty.write("images/cat.jpg", "cat")
    empty.write("images/dog.jpg", "dog")
    empty.write("images/labels/labels.txt", "cat\ndog\n")
    empty.write("notes.txt", "notes")
    empty.commit("First version")
    return empty
