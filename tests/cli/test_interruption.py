"""Ctrl-C while a question is answered: one line, the code of an interruption, and nothing left of it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from installed import Place, executable

ENDLESS = [
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t, files",
    "SELECT a.range FROM files, range(10000000) a, range(10000000) b WHERE hash(a.range + b.range) = 3",
]
UNSTOPPABLE = "SELECT len(regexp_extract_all(repeat('a', 1000000), '(a?){1000}')) FROM files"
"""A single call of a function, which DuckDB does not interrupt."""
HOURS = "36000"


def interrupted(place: Place, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """What a command says that gets Ctrl-C while its query runs."""
    process = subprocess.Popen(
        [executable(), *arguments],
        cwd=place.root,
        env={**place.environment, "OXIDE_SQL_TIMEOUT": HOURS, "TMPDIR": str(_temporary(place))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while not list((place.root / ".oxide" / "cache").rglob("*.parquet")):  # the last thing before the query itself
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    time.sleep(0.5)
    assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=600)  # met only by what never ends
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def _temporary(place: Place) -> Path:
    folder = place.root.parent / "temporary"
    folder.mkdir(exist_ok=True)
    return folder


def left_behind(place: Place) -> list[str]:
    """Temporary files in the folder, in the repository and where the system keeps them."""
    roots = (place.root, place.root / ".oxide" / "tmp", _temporary(place))
    names = [path.name for root in roots if root.exists() for path in root.iterdir()]
    return sorted({*names} - {".oxide", "images", "notes.txt"})


@pytest.mark.parametrize(
    ("query", "options"),
    [(UNSTOPPABLE, [])]
    + [(query, options) for query in ENDLESS for options in ([], ["--csv"], ["-o", "o.parquet"], ["-o", "o.csv"])],
)
def test_a_statement_that_is_interrupted(place: Place, query: str, options: list[str]) -> None:
    said = interrupted(place, "sql", query, *options)
    assert (said.returncode, said.stdout, said.stderr) == (130, b"", b"error: interrupted\n")
    assert left_behind(place) == []
    assert place("sql", "SELECT count(*) AS n FROM files", "--json").json == [{"n": 4}]


def test_a_statement_that_is_interrupted_says_so_in_json(place: Place) -> None:
    said = interrupted(place, "sql", ENDLESS[0], "--json")
    assert (said.returncode, said.stdout) == (130, b"")
    assert json.loads(said.stderr)["error"]["code"] == "interrupted"


@pytest.mark.parametrize("options", [[], ["--json"]], ids=" ".join)
def test_a_query_that_is_interrupted(place: Place, options: list[str]) -> None:
    place("metadata", "set", "notes.txt", f"long={'a' * 100_000}")
    patterns = [{"metadata.long": {"$glob": "*" + "a" * 40_000 + f"b{number}"}} for number in range(20)]
    place.write("../slow.json", json.dumps({"$or": patterns}))
    said = interrupted(place, "query", "@../slow.json", *options)
    assert (said.returncode, said.stdout) == (130, b"")
    assert b"interrupted" in said.stderr and said.stderr.count(b"\n") == 1
    assert left_behind(place) == []
    assert place("query", "path:notes.txt").out == "notes.txt\n"


def test_a_statement_that_takes_too_long_has_printed_nothing(place: Place) -> None:
    for option in ("--json", "--csv"):
        said = place("sql", ENDLESS[0], option, code=1, OXIDE_SQL_TIMEOUT="0.5")
        assert said.out == "" and "stopped after 0.5 seconds" in said.err
