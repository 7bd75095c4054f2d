"""Says what this machine lacks to build Oxide, one line each with the remedy; exit status 1 when something is missing.

Run with whatever `python3` there is, so it keeps to syntax that old interpreters know.
"""

import os
import platform
import shutil
import subprocess
import sys


def missing():
    if platform.system() not in ("Linux", "Darwin"):
        yield "Linux or macOS: Oxide does not run on %s yet" % platform.system()
    if sys.version_info < (3, 11):
        yield (
            "Python 3.11 or newer: this is %s; name another one with `make PYTHON=python3.12 ...`"
            % platform.python_version()
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        yield "Python's venv module: `apt install python3-venv` or your system's package of that name"
    if not any(shutil.which(name) for name in (os.environ.get("CC", ""), "cc", "gcc", "clang") if name):
        yield "a C compiler (cc, gcc or clang): `apt install gcc libc6-dev`, on macOS `xcode-select --install`"
    if not shutil.which("cargo"):
        yield "cargo, Rust's build tool, 1.89 or newer: see https://rustup.rs"
        return
    try:
        version = subprocess.check_output(["cargo", "--version"], universal_newlines=True).split()[1]
    except (OSError, subprocess.CalledProcessError) as error:
        yield "a cargo that starts: `cargo --version` says %s" % error
        return
    if tuple(int(part) for part in version.split("-")[0].split(".")[:2]) < (1, 89):
        yield "cargo 1.89 or newer: this is %s; `rustup update` brings it" % version


if __name__ == "__main__":
    problems = list(missing())
    for problem in problems:
        print("missing: " + problem, file=sys.stderr)
    sys.exit(1 if problems else 0)
