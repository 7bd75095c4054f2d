"""Repositories that older versions wrote: this version reads every one of them, whole, and goes on working in it."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from golden.make_golden import describe
from oxide import Repository
from oxide.labels import schemas
from oxide.settings import Settings
from support import AUTHOR, write

HERE = Path(__file__).resolve().parent
VERSIONS = sorted(path.name.removesuffix(".tar.gz") for path in HERE.glob("*.tar.gz"))


@pytest.fixture(params=VERSIONS)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Repository, dict[str, Any]]:
    """A stored repository unpacked, and its manifest."""
    root = tmp_path / "golden"
    with tarfile.open(HERE / f"{request.param}.tar.gz") as archive:
        archive.extractall(root, filter="data")
    manifest = json.loads((HERE / f"{request.param}.json").read_text())
    return Repository.open(root, settings=Settings(None, dict(AUTHOR))), manifest


def test_there_is_a_golden_repository() -> None:
    assert "v1" in VERSIONS, "run `python tests/golden/make_golden.py` once and check its files in"


def test_everything_in_it_is_found_again(golden: tuple[Repository, dict[str, Any]]) -> None:
    repo, manifest = golden
    found = json.loads(json.dumps(describe(repo)))
    for part, expected in manifest.items():
        assert found[part] == expected, part


def test_every_content_is_the_one_that_was_stored(golden: tuple[Repository, dict[str, Any]]) -> None:
    repo, manifest = golden
    for commit, expected in manifest["commits"].items():
        at = repo.at(commit)
        for path, (_, size, _, _, sha256, _) in expected["files"].items():
            content = at.read(path)
            assert (len(content), hashlib.sha256(content).hexdigest()) == (size, sha256), path


def test_it_is_sound(golden: tuple[Repository, dict[str, Any]]) -> None:
    repo, _ = golden
    result = repo.fsck(data=True)
    assert result.ok and result.problems == []


def test_work_goes_on_in_it(golden: tuple[Repository, dict[str, Any]]) -> None:
    repo, manifest = golden
    repo.restore(["."])
    assert repo.status().removed == [] and repo.status().modified == []
    write(repo.root, "images/000.png", "edited by a later version")
    repo.add(["."])
    made = repo.commit("Later")
    assert list(made.parents) == [manifest["branches"]["main"]]
    repo.checkout("experiment/more")
    repo.checkout("v1")
    repo.checkout("main")
    assert repo.status().clean
    assert repo.merge("experiment/more").kind == "up-to-date"
    repo.gc(keep=0, now=True)
    assert repo.fsck(data=True).ok


def test_the_schemas_of_labels_stay(tmp_path: Path) -> None:
    """Their ids are what later versions look for: a field that comes, goes or changes is another schema."""
    expected = {
        "annotations": "c5d3e82b0c3c20ab6f4fcec080531bd9827cde18c583cb2917be4c43d6a0496f",
        "keyframes": "6e513f065ad2bd839d89e579fd8333d9ba4df9c485d2ca914cf45ac8ce29a60f",
        "metadata": "20fb00566d266ba3e41360ce4b9e1bbc6c42f769e8a467444160edbd9ed23814",
        "ontology": "66766c3e4219b36de15c70a70a8d544ab259ed71b8f63dcb34c9c2ae1f9fd39a",
        "views": "3c1aa4c9239ec23186682a5005f5e9cfcff916ca3a7d27666e354141fcc1c25e",
        "runs": "111c5210dd229f26521e38c8d38b6e29e8a45919e2af07af76a974d843558aa8",
    }
    repo = Repository.init(tmp_path / "dataset", settings=Settings(None, dict(AUTHOR)))
    with repo.store.begin() as session:
        made = {name: schemas.write(session, name) for name in schemas.SCHEMAS}
    assert made == schemas.IDS == expected
    described = (HERE.parents[1] / "docs" / "format.md").read_text(encoding="utf-8")
    for name, schema in expected.items():
        assert f"| {schema} |" in described, name
