"""Start-up is a feature: the everyday verbs load click, the engine and the core, and nothing heavy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ALLOWED = {"click", "oxide", "oxide_cli"}
EVERYDAY = [
    ["status"],
    ["add", "added.txt"],
    ["commit", "-m", "second"],
    ["log"],
    ["diff"],
    ["branch"],
    ["branch", "other"],
    ["checkout", "other"],
]

REPORT = """
import sys
before = set(sys.modules)
sys.argv = ["oxide", *sys.argv[1:]]
try:
    from oxide_cli.main import main
    code = main()
except SystemExit as exit:
    code = exit.code
print("\\n".join(sorted(set(sys.modules) - before)), file=open("../modules.txt", "w"))
sys.exit(code)
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit, one changed and one new file."""
    folder = tmp_path_factory.mktemp("budget") / "repository"
    folder.mkdir()
    (folder / "kept.txt").write_text("kept")
    (folder / "changed.txt").write_text("before")
    for arguments in (["init"], ["add", "."], ["commit", "-m", "first"]):
        run_script(folder, arguments)
    (folder / "added.txt").write_text("added")
    return folder


def run_script(folder: Path, arguments: list[str]) -> None:
    """Run the installed script."""
    script = Path(sys.executable).parent / "oxide"
    environment = {**os.environ, "OXIDE_USER_NAME": "Ada", "OXIDE_USER_EMAIL": "ada@example.org"}
    done = subprocess.run(
        [str(script), *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def loaded_modules(folder: Path, arguments: list[str]) -> set[str]:
    """The modules that a verb loads beyond those of a bare interpreter."""
    environment = {**os.environ, "OXIDE_USER_NAME": "Ada", "OXIDE_USER_EMAIL": "ada@example.org"}
    command = [sys.executable, "-I", "-c", REPORT, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set((folder.parent / "modules.txt").read_text().split())


def test_everyday_verbs_load_nothing_heavy(repository: Path) -> None:
    """In the order in which they would be typed, on one repository."""
    for arguments in EVERYDAY:
        loaded = loaded_modules(repository, arguments)
        foreign = {name.partition(".")[0] for name in loaded} - ALLOWED - set(sys.stdlib_module_names)
        assert not foreign, f"`oxide {' '.join(arguments)}` loads {sorted(foreign)}"
        assert "oxide._core" in loaded


@pytest.mark.parametrize("verb", ["status", "log", "diff", "branch"])
def test_json_is_loaded_for_json_output_only(repository: Path, verb: str) -> None:
    assert "json" not in loaded_modules(repository, [verb])
    assert "json" in loaded_modules(repository, [verb, "--json"])


def test_import_oxide_loads_no_table_library() -> None:
    heavy = {"duckdb", "pyarrow", "numpy", "polars", "pandas", "click"}
    code = f"import sys; import oxide; print(*({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
