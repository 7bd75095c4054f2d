"""Documents keep their word: links lead somewhere, and what they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    missing = [target for target in targets if "://" not in target and not (document.parent / target).exists()]
    assert not missing, missing


def test_make_targets_in_documents_exist(root: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        named = set(re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z-]+)", document.read_text(encoding="utf-8")))
        assert named <= targets, f"{document.name} names {named - targets}"


def test_verbs_in_documents_exist(root: Path) -> None:
    """Every `oxide VERB` in README and CONTRIBUTING is a verb of the command line."""
    from oxide_cli.verbs import VERBS

    for name in ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/durability.md", "docs/glossary.md"):
        text = (root / name).read_text(encoding="utf-8")
        verbs = set(re.findall(r"(?:^|`)oxide ([a-z][a-z-]*)", text, re.MULTILINE))
        assert verbs <= set(VERBS), f"{name} names {verbs - set(VERBS)}"


def test_architecture_lists_every_module_of_the_core(root: Path) -> None:
    library = (root / "oxide-core" / "src" / "lib.rs").read_text(encoding="utf-8")
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    missing = [name for name in re.findall(r"^(?:pub )?mod (\w+);", library, re.MULTILINE) if f"`{name}`" not in text]
    assert not missing, missing
