"""Imports point one way: command line -> engine, server -> engine; Rust modules use only those that stand before."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

FORBIDDEN = {
    "engine/oxide": {"oxide_cli", "oxide_server", "click", "fastapi"},
    "server/oxide_server": {"oxide_cli", "click"},
    "cli/oxide_cli": {"oxide_server"},
}


def imported_packages(path: Path) -> Iterator[tuple[int, str]]:
    """Every absolute import in a file, inside functions too, as (line, top-level package)."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.partition(".")[0]


@pytest.mark.parametrize("room", FORBIDDEN)
def test_python_imports_point_one_way(root: Path, room: str) -> None:
    wrong = [
        f"{path.relative_to(root)}:{line} imports {package}"
        for path in sorted((root / room).rglob("*.py*"))
        if path.suffix in {".py", ".pyi"}
        for line, package in imported_packages(path)
        if package in FORBIDDEN[room]
    ]
    assert not wrong, "\n".join(wrong)


def test_command_line_reaches_the_core_through_the_engine_only(root: Path) -> None:
    """The core's functions have one caller, the engine; only the verb `version` reads the core's version itself."""
    wrong = [
        str(path.relative_to(root))
        for room in ("cli/oxide_cli", "server/oxide_server")
        for path in sorted((root / room).rglob("*.py"))
        if path.name != "version.py"
        and re.search(r"\boxide\._core\b|from oxide import .*\b_core\b", path.read_text(encoding="utf-8"))
    ]
    assert not wrong, wrong


def test_the_library_neither_prints_nor_reads_the_home_folder(root: Path) -> None:
    wrong = []
    for path in sorted((root / "engine" / "oxide").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            text = node.value if isinstance(node, ast.Constant) else None
            if name in {"print", "expanduser", "home", "stdout", "stderr"} or text == "HOME":
                wrong.append(f"{path.relative_to(root)}:{getattr(node, 'lineno', 0)} {name or text}")
    assert not wrong, "\n".join(wrong)


def test_one_module_opens_connections(root: Path) -> None:
    """Every DuckDB connection has the limits that this module sets."""
    opening = {
        path.relative_to(root).as_posix()
        for room in FORBIDDEN
        for path in (root / room).rglob("*.py")
        if re.search(r"\bduckdb\.connect\b|from duckdb import connect", path.read_text(encoding="utf-8"))
    }
    assert opening == {"engine/oxide/sql/connection.py"}


# -- Rust ------------------------------------------------------------------------------------------------------------
def without_tests_and_comments(source: str) -> str:
    """Rust source without line comments and without what follows `#[cfg(test)] mod`, which closes a file here."""
    source = re.sub(r"//[^\n]*", "", source)
    return re.split(r"#\[cfg\(test\)\]\s*(?:pub(?:\([^)]*\))? )?mod \w+\s*\{", source)[0]


def sources(folder: Path) -> list[Path]:
    """Rust files, but for those that hold nothing but tests."""
    return [path for path in sorted(folder.rglob("*.rs")) if "tests" not in {*path.parts, path.stem}]


def module_order(library: str) -> list[str]:
    """The modules in the order that the crate's own documentation states."""
    stated = re.search(r"`(error\b.*?)`", library.replace("//!", ""), re.DOTALL)
    assert stated is not None, "oxide-core/src/lib.rs no longer states its order of modules"
    return re.findall(r"\w+", stated[1])


def used_modules(source: str, names: set[str]) -> set[str]:
    """Modules of the crate that a source names by `crate::`, alone or in a list between braces."""
    used = set(re.findall(r"\bcrate::(\w+)", source))
    for group in re.findall(r"\bcrate::\{(.*?)\}\s*;", source, re.DOTALL):
        flat = group
        while re.search(r"::\{[^{}]*\}", flat):  # `tree::{a, b}` names one module of the crate
            flat = re.sub(r"::\{[^{}]*\}", "", flat)
        used |= {part.strip().partition("::")[0] for part in flat.split(",")}
    return used & names


def test_rust_modules_use_only_earlier_ones(root: Path) -> None:
    folder = root / "oxide-core" / "src"
    library = (folder / "lib.rs").read_text(encoding="utf-8")
    order = module_order(library)
    declared = set(re.findall(r"^(?:pub )?mod (\w+);", library, re.MULTILINE))
    unordered = declared - set(order) - {"trace"}  # spans may be measured anywhere: trace uses nothing of the crate
    assert not unordered, f"modules without a place in the order: {sorted(unordered)}"
    assert not set(order) - declared, f"the order names modules that do not exist: {sorted(set(order) - declared)}"
    level = {name: position for position, name in enumerate(order)}
    foundation = {"error", "hash", "counters", "progress"}  # one step: these may use each other
    wrong = []
    for path in sources(folder):
        module = path.relative_to(folder).parts[0].removesuffix(".rs")
        if module == "lib":
            continue
        used = used_modules(without_tests_and_comments(path.read_text(encoding="utf-8")), declared) - {module}
        if module == "trace":
            wrong += [f"{path.name}: trace uses {name}" for name in used]
            continue
        later = {name for name in used if name != "trace" and level[name] > level[module]}
        if module in foundation:
            later -= foundation
        wrong += [f"{path.relative_to(root)} uses {name}, which stands after {module}" for name in sorted(later)]
    assert not wrong, "\n".join(wrong)


def test_the_order_check_sees_every_way_to_name_a_module() -> None:
    source = "use crate::fsx;\nuse crate::{pack::{a, b}, tree::c, hash};\nlet x = crate::gc::run();"
    names = {"fsx", "pack", "tree", "hash", "gc", "a", "b", "c"}
    assert used_modules(source, names) == {"fsx", "pack", "tree", "hash", "gc"}


def test_only_fsx_changes_files(root: Path) -> None:
    """Writes pass the one module with fault points, so that tests can make each of them fail."""
    changing = re.compile(
        r"\bfs::(?:write|rename|remove_file|remove_dir|remove_dir_all|create_dir|create_dir_all|hard_link|copy)\b"
        r"|\bFile::create(?:_new)?\b|\bunix::fs::symlink\b"
    )
    folder = root / "oxide-core" / "src"
    wrong = [
        f"{path.relative_to(root)}: {match[0]}"
        for path in sources(folder)
        if path.relative_to(folder).parts[0].removesuffix(".rs") != "fsx"
        for match in changing.finditer(without_tests_and_comments(path.read_text(encoding="utf-8")))
    ]
    assert not wrong, "\n".join(wrong)


WRITERS = "engine/oxide/formats/"
"""Formats write into a folder of their own beside the target that the user named, see ``labels/exporting.py``."""

USERS_FILES = {
    ("engine/oxide/labels/exporting.py", "mkdir"): "an export, made beside the target that the user named",
    ("engine/oxide/labels/exporting.py", "open"): "the same",
    ("engine/oxide/labels/exporting.py", "rmdir"): "an empty folder gives way to the export of that name",
    ("engine/oxide/labels/exporting.py", "tempfile"): "the folder that an export is made in",
    ("engine/oxide/sql/output.py", "open"): "the same",
    ("engine/oxide/sql/output.py", "os.open"): "the result of a query, written where the user said",
    ("engine/oxide/sql/output.py", "os.replace"): "the same",
    ("engine/oxide/sql/output.py", "os.unlink"): "the same",
}
"""What Python may change by itself: nothing under `.oxide`."""

CHANGING = {
    "os": "unlink remove rename renames replace link symlink mkdir makedirs rmdir removedirs utime chmod truncate",
    "shutil": "copy copy2 copyfile copytree copymode copystat move rmtree copyfileobj",
}
METHODS = {"write_text", "write_bytes", "mkdir", "unlink", "rmdir", "touch", "symlink_to", "hardlink_to"}


def file_changes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Calls that change files, as (line, what)."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            yield from ((node.lineno, "tempfile") for name in names if name.partition(".")[0] == "tempfile")
        if not isinstance(node, ast.Call):
            continue
        function, name = node.func, ast.unparse(node.func)
        words = [
            argument.value
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ]
        module, _, called = name.rpartition(".")
        if called in CHANGING.get(module, "").split():
            yield node.lineno, name
        elif (
            isinstance(function, ast.Attribute) and function.attr in METHODS and module not in ("_core", "oxide._core")
        ):
            yield node.lineno, function.attr
        elif (
            called == "open" and module != "os" and any(re.fullmatch(r"[rbt]*[wax+][rwabt+]*", word) for word in words)
        ):
            yield node.lineno, "open"
        elif name == "os.open" and re.search(r"O_CREAT|O_TRUNC|O_APPEND", ast.unparse(node)):
            yield node.lineno, name


def test_python_changes_files_through_the_core_only(root: Path) -> None:
    """So that every change under `.oxide` has a fault point."""
    found = {
        (str(path.relative_to(root)), what): line
        for room in ("engine", "cli", "server")
        for path in sorted((root / room).rglob("*.py"))
        if not str(path.relative_to(root)).startswith(WRITERS)
        for line, what in file_changes(ast.parse(path.read_text(encoding="utf-8"), str(path)))
    }
    wrong = [f"{file}:{line} {what}" for (file, what), line in found.items() if (file, what) not in USERS_FILES]
    assert not wrong, "\n".join(wrong)
    assert set(found) == set(USERS_FILES), "an exception that nothing needs"


def test_the_check_of_changes_sees_every_way_to_make_one() -> None:
    for line in (
        "os.unlink(path)", "shutil.rmtree(path)", "path.write_text('x')", "path.mkdir()", "open(path, 'wb')",
        "path.open('a')", "open(path, mode='r+')", "os.open(path, os.O_CREAT)", "import tempfile",
    ):  # fmt: skip
        assert list(file_changes(ast.parse(line))), line
    for line in ("open(path)", "open(path, encoding='utf-8')", "name.replace('a', 'w')", "_core.remove_file(path)"):
        assert not list(file_changes(ast.parse(line))), line
