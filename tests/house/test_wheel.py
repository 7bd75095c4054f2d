"""`pip install .` brings all three packages, the extension and the script, and nothing else."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

PACKAGES = {"engine": "oxide", "server": "oxide_server", "cli": "oxide_cli"}
BUILT = {".so", ".pyc"}


def source_members(root: Path) -> set[str]:
    """What the three packages hold, as paths inside a wheel."""
    return {
        path.relative_to(root / folder).as_posix()
        for folder, package in PACKAGES.items()
        for path in (root / folder / package).rglob("*")
        if path.is_file() and path.suffix not in BUILT
    }


def test_wheel_holds_exactly_the_packages_and_the_extension(root: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        members = set(archive.namelist())
        scripts = {name: archive.read(name).decode() for name in members if ".data/" in name}
        entries = archive.read(next(name for name in members if name.endswith("entry_points.txt"))).decode()
        metadata = archive.read(next(name for name in members if name.endswith(".dist-info/METADATA"))).decode()
    code = {name for name in members if ".dist-info/" not in name} - scripts.keys()
    assert code == source_members(root) | {"oxide/_core.abi3.so"}
    assert [name.partition(".data/")[2] for name in scripts] == ["scripts/oxide"]
    assert all(text.startswith("#!python\n") for text in scripts.values())
    assert "oxide=oxide.filesystem:OxideFileSystem" in entries.replace(" ", "")
    version = re.search(r'\[workspace\.package\][^\[]*?version = "(.+?)"', (root / "Cargo.toml").read_text())
    assert version is not None
    assert f"\nVersion: {version[1]}\n" in metadata
    assert "-cp310-abi3-" in wheel.name
    assert any(name.endswith("LICENSE") for name in members)


def test_each_package_is_marked_as_typed(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert {f"{package}/py.typed" for package in PACKAGES.values()} <= set(archive.namelist())


def test_record_lists_every_member_with_its_digest(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        record = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        rows = {row[0]: row[1:] for row in csv.reader(archive.read(record).decode().splitlines())}
        assert set(rows) == set(archive.namelist())
        assert len(archive.namelist()) == len(set(archive.namelist()))
        for name, (digest, size) in rows.items():
            if name == record:
                continue
            data = archive.read(name)
            encoded = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={encoded}", str(len(data))), name


def test_wheel_installs_into_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """The extension loads and all packages import from the wheel alone, not from the source tree."""
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run(command, check=True)
    code = "import oxide, oxide._core, oxide_cli, oxide_server; print(oxide.__file__)"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(tmp_path)
    said = subprocess.check_output(
        [str(tmp_path / "venv" / "bin" / "oxide"), "init"], cwd=tmp_path, env=environment, text=True
    )
    assert str(tmp_path) in said


def test_editable_install_sees_all_three_roots(root: Path) -> None:
    """In a development environment each package is imported from its own folder."""
    code = "import oxide, oxide_cli, oxide_server; print(oxide.__file__, oxide_cli.__file__, oxide_server.__file__)"
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd="/", capture_output=True, text=True, check=True)
    assert [Path(path).parent for path in done.stdout.split()] == [
        root / folder / package
        for folder, package in (("engine", "oxide"), ("cli", "oxide_cli"), ("server", "oxide_server"))
    ]
