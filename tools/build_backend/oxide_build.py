"""PEP 517 backend: maturin builds the extension and the root `engine`; this adds the roots `server` and `cli`.

Maturin knows one Python root only. Wheels get the packages of the other roots as members, editable installs get their
folders as lines of the `.pth` file. Both get the executable as it is in `cli/scripts`: what installers write for an
entry point imports modules that take longer than some verbs. Everything else (metadata, tags, sdist) is maturin's.
"""

import base64
import hashlib
import zipfile
from pathlib import Path

import maturin
from maturin import (  # noqa: F401  (hooks that a frontend looks up here)
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

HERE = Path(__file__).resolve().parents[2]
EXTRA_PACKAGES = {"server": "oxide_server", "cli": "oxide_cli"}
SCRIPTS = HERE / "cli" / "scripts"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = maturin.build_wheel(wheel_directory, config_settings, metadata_directory)
    members = {}
    for root, package in EXTRA_PACKAGES.items():
        for path in sorted((HERE / root / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                members[path.relative_to(HERE / root).as_posix()] = path.read_bytes()
    _rewrite(Path(wheel_directory, name), lambda old: members | _scripts(old))
    return name


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = maturin.build_editable(wheel_directory, config_settings, metadata_directory)
    lines = "".join(f"{HERE / root}\n" for root in EXTRA_PACKAGES).encode()

    def extended(old):
        (pth,) = (member for member in old if member.endswith(".pth"))
        return {pth: old[pth].rstrip(b"\n") + b"\n" + lines, **_scripts(old)}

    _rewrite(Path(wheel_directory, name), extended)
    return name


def _scripts(members):
    """The executables as members of a wheel that has these; installers write the interpreter into the first line."""
    (record,) = (name for name in members if name.endswith(".dist-info/RECORD"))
    folder = record.removesuffix(".dist-info/RECORD") + ".data/scripts"
    return {f"{folder}/{path.name}": path.read_bytes() for path in SCRIPTS.iterdir()}


def _rewrite(wheel, changes):
    """Write the wheel again with the members of `changes(members)` added or replaced, and RECORD brought up to date."""
    with zipfile.ZipFile(wheel) as archive:
        infos = {info.filename: info for info in archive.infolist()}
        members = {name: archive.read(name) for name in infos}
    members.update(changes(members))
    (record,) = (name for name in members if name.endswith(".dist-info/RECORD"))
    del members[record]
    rows = [f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in members.items()]
    members[record] = ("".join(rows) + f"{record},,\n").encode()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = infos.get(name) or zipfile.ZipInfo(name)
            mode = 0o100755 if ".data/scripts/" in name else 0o644
            info.external_attr = info.external_attr or mode << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)


def _digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
