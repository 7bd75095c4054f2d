"""The core's sources as the tests of faults read them: which function calls `fsx` where, and what changes files."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (ROOT / "oxide-core" / "src", ROOT / "pyext" / "src")
FSX = ROOT / "oxide-core" / "src" / "fsx"
FUNCTION = re.compile(r"^\s*(?:pub(?:\([a-z]+\))? )?(?:unsafe )?fn (\w+)")
CALL = re.compile(r"\bfsx::((?:at::)?\w+)\(")


class Call(NamedTuple):
    """A call of a function of `fsx`: ``caller`` is `file::function`."""

    caller: str
    function: str


@cache
def _functions(file: str) -> list[tuple[int, str]]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return [(number, match[1]) for number, line in enumerate(lines, 1) if (match := FUNCTION.match(line))]


def caller(site: str) -> str:
    """`file::function` of `file:line` as the log has it; the file is relative to its crate's sources."""
    file, _, line = site.rpartition(":")
    around = [name for number, name in _functions(_in_repository(file)) if number <= int(line)]
    return f"{_short(file)}::{around[-1] if around else ''}"


def _in_repository(file: str) -> str:
    """Rust gives paths relative to the workspace, or absolute ones."""
    for crate in ("oxide-core", "pyext"):
        at = file.find(f"{crate}/src/")
        if at >= 0:
            return file[at:]
    return file


def _short(file: str) -> str:
    return _in_repository(file).replace("oxide-core/src/", "").replace("pyext/src/", "pyext/")


def code(path: Path) -> str:
    """A source without its tests and comments, each line in its place."""
    text = re.split(r"#\[cfg\(test\)\]\s*(?:pub(?:\(\w+\))? )?mod tests", path.read_text(encoding="utf-8"))[0]
    return re.sub(r"//[^\n]*", "", text)


def files() -> list[Path]:
    """The sources outside `fsx` that are no tests."""
    found = [path for folder in FOLDERS for path in sorted(folder.rglob("*.rs"))]
    return [path for path in found if FSX not in path.parents and path.name != "tests.rs" and "tests" not in path.parts]


def calls() -> set[Call]:
    """Every call of a function of `fsx` that changes files."""
    changing = set(changing_functions())
    found = set()
    for path in files():
        function = ""
        for line in code(path).splitlines():
            if match := FUNCTION.match(line):
                function = match[1]
            caller = f"{_short(str(path.relative_to(ROOT)))}::{function}"
            found |= {Call(caller, name) for name in CALL.findall(line) if name in changing}
    return found


SYSTEM = re.compile(
    r"\b(?:std::)?fs::(?:write|rename|remove_\w+|create_dir\w*|hard_link|copy|set_permissions)\("
    r"|rustix::fs::(?:rename\w*|unlink\w*|mkdir\w*|symlink\w*|link\w*|fchmod\w*|chmod\w*|ftruncate|fallocate|utimens\w*"
    r"|mknod\w*|copy_file_range|sendfile)\("
    r"|\bFile::create\w*\(|\.create(?:_new)?\(true\)|\.truncate\(true\)|unix::fs::symlink\(|\.set_len\(|\.set_permissions\(|\.set_modified\("
    r"|\.set_times\(|\.sync_all\(|\.sync_data\(|\.write_all(?:_at)?\(|\.write_at\(|rustix::fs::syncfs\("
    r"|reflink_copy::|OFlags::(?:CREATE|WRONLY|RDWR|TRUNC)|MmapMut"
)
"""What changes a file, as Rust writes it."""
POINT = re.compile(r"\b(?:fault_point|write_point)\(\s*\"([a-z-]+)\"")


def _bodies(path: Path) -> dict[str, str]:
    """Functions of a source by name, with their bodies."""
    pieces = re.split(r"(?m)^(?=(?:    )?(?:pub(?:\([a-z]+\))? )?fn )", code(path))
    return {match[1]: piece for piece in pieces if (match := FUNCTION.match(piece))}


@cache
def fsx_functions() -> dict[str, str]:
    """Every function of `fsx` with its body; those of `at` as `at::name`."""
    found = {}
    for path in sorted(FSX.glob("*.rs")):
        if path.name not in ("tests.rs", "faults.rs", "recording.rs"):
            prefix = "at::" if path.stem == "at" else ""
            found |= {prefix + name: body for name, body in _bodies(path).items()}
    return found


def _called(body: str, prefix: str) -> set[str]:
    names = {name for name in fsx_functions() if name.startswith(prefix)}
    own = {name.removeprefix(prefix) for name in names}
    words = set(re.findall(r"(?<![.:\w])(\w+)\(", body[body.index("{") :])) | set(
        re.findall(r"map_or\([^)]*, (\w+)\)", body)
    )
    return {prefix + word for word in words & own} if prefix else words & set(fsx_functions())


@cache
def points_of(function: str) -> frozenset[str]:
    """Names of the operations whose points a function of `fsx` passes, itself or through others."""
    body = fsx_functions()[function]
    prefix = "at::" if function.startswith("at::") else ""
    own = frozenset(POINT.findall(body))
    return own.union(*(points_of(name) for name in _called(body, prefix) if name != function))


def changing_functions() -> list[str]:
    """Functions of `fsx` that change files: themselves or through others."""
    return [name for name in fsx_functions() if points_of(name)]
