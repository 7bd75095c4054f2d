"""On tiny sets every row has a figure, parts add up, and nothing is left behind. No time is asserted."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benches.calls import counted
from benches.counts import added, compare
from benches.rows import AGEING, COMMITS, COUNTS, ROWS
from benches.verify import WrongResult, holds

ROOT = Path(__file__).resolve().parents[2]


def bench(work: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    """Start a run on tiny sets with oxide alone."""
    command = [sys.executable, "-m", "benches", "--scale", "tiny", "--tools", "oxide", "--rounds", "1"]
    words = [*command, "--folder", str(work), "--out", str(out), *options]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run of all sets wrote, but for the instructions: valgrind takes a minute."""
    work, out = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("out")
    names = ["medium", "small", "videos", "table", "commits", "labels", "clips", "queries", "huge", "traced"]
    finish(bench(work, out, "--sets", *names))
    assert list(work.iterdir()) == []
    return out


def lines_of(page: str) -> dict[str, list[list[str]]]:
    """The tables' rows by their first cell."""
    found: dict[str, list[list[str]]] = {}
    for line in page.splitlines():
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            found.setdefault(cells[0], []).append(cells[1:])
    return found


def test_every_row_of_the_page_has_a_figure_of_ours(out: Path) -> None:
    rows = lines_of((out / "benchmarks.md").read_text())
    for row in (*ROWS, *COUNTS, *COMMITS):
        expected = [each for each in (*ROWS, *COUNTS, *COMMITS) if each.title == row.title]
        assert len(rows[row.title]) == len(expected), row.title
        for target, reached, ours, *_ in rows[row.title]:
            assert ours[0].isdigit(), (row.title, ours)
            assert bool(target) == (reached in ("yes", "yes, the aim too", "no"))
    for verb in AGEING:
        assert rows[f"{verb} after all commits (x after ten)"][0][2][0].isdigit()


def test_every_sample_says_when_and_of_what(out: Path) -> None:
    found = json.loads((out / "benchmarks.json").read_text())
    assert found.keys() == {"machine", "sets", "failures", "patience", "counts", "counted", "samples", "facts"}
    assert found["sets"].keys() >= {
        "medium",
        "small",
        "videos",
        "table",
        "commits",
        "labels",
        "clips",
        "queries",
        "huge",
    }
    for sample in found["samples"]:
        assert sample["tool"] == "oxide"
        assert sample["version"].startswith("oxide")
        assert sample["date"].endswith("Z")
        assert sample["load"] >= 0
        assert sample["memory"] > 0
        assert sample["durable"] >= sample["seconds"] > 0
    if sys.platform == "linux":
        first = next(sample for sample in found["samples"] if sample["operation"] == "first")
        assert first["written"] > 40 * 1_000  # the set's least bytes went to the disk


def test_the_plot_is_a_picture_of_rows_with_targets(out: Path) -> None:
    picture = ElementTree.fromstring((out / "benchmarks.svg").read_text())
    texts = [element.text or "" for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert any(text.endswith("init, add, commit (x cp)") for text in texts)


def test_system_calls_are_counted_where_strace_is(out: Path) -> None:
    facts = json.loads((out / "benchmarks.json").read_text())["facts"]
    traced = {fact["name"]: fact["value"] for fact in facts if fact["set"] == "traced"}
    if shutil.which("strace") is None:
        assert traced == {}
    else:
        assert traced["restore: created"] >= 20  # every file of the set
        assert traced["first: system calls"] > traced["status: system calls"]


def test_a_part_measured_again_replaces_its_figures_and_keeps_the_others(out: Path, tmp_path: Path) -> None:
    before = json.loads((out / "benchmarks.json").read_text())["samples"]
    finish(bench(tmp_path, out, "--sets", "small"))
    after = json.loads((out / "benchmarks.json").read_text())["samples"]
    assert [sample for sample in after if sample["set"] != "small"] == [
        sample for sample in before if sample["set"] != "small"
    ]
    small = [[sample for sample in samples if sample["set"] == "small"] for samples in (before, after)]
    assert {sample["operation"] for sample in small[0]} == {sample["operation"] for sample in small[1]}
    assert all(sample not in before for sample in small[1])


def test_a_run_that_is_ended_leaves_nothing_behind(tmp_path: Path) -> None:
    work, out = tmp_path / "work", tmp_path / "out"
    work.mkdir()
    process = bench(work, out, "--sets", "medium")
    assert process.stdout is not None
    assert any("round 1" in line for line in process.stdout), "it ended by itself"
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert list(work.iterdir()) == [], said


def test_a_wrong_byte_is_no_result(tmp_path: Path) -> None:
    for side in ("wanted", "found"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "a").write_bytes(b"abc")
    holds("tool", tmp_path / "wanted", tmp_path / "found")
    (tmp_path / "found" / "a").write_bytes(b"abd")
    with pytest.raises(WrongResult, match="tool: a is not what was stored"):
        holds("tool", tmp_path / "wanted", tmp_path / "found")


def test_a_log_of_strace_is_counted_by_calls_not_by_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        '10 openat(AT_FDCWD, ""..., O_RDONLY|O_CLOEXEC) = 3\n'
        '10 openat(AT_FDCWD, ""..., O_WRONLY|O_CREAT|O_EXCL, 0666) = 4\n'
        '10 openat(AT_FDCWD, ""..., O_WRONLY|O_CREAT|O_EXCL, 0666) = -1 EEXIST (File exists)\n'
        '11 mkdir(""..., 0777 <unfinished ...>\n'
        '10 openat(AT_FDCWD, ""..., O_RDWR|O_CREAT, 0666 <unfinished ...>\n'
        "11 <... mkdir resumed>) = 0\n"
        "10 <... openat resumed>) = -1 ENOSPC (No space left on device)\n"
        "10 --- SIGCHLD {si_signo=SIGCHLD} ---\n"
        "11 +++ exited with 0 +++\n"
    )
    assert counted(log) == (5, 2)


def test_instructions_are_compared_in_percent() -> None:
    lines = compare({"add": {"core": 100_000_000}}, {"add": {"core": 103_000_000}, "status": {"core": 5_000_000}})
    assert [line.split()[-2:] for line in lines] == [["+3.00", "%"], ["M", "new"]]


def test_instructions_are_added_once_and_by_where_they_lie() -> None:
    log = """summary: 111
ob=(2) /usr/lib/libpython3.11.so.1.0
fn=(1) start
0 100
+3 7
cob=(5) /somewhere/oxide/_core.abi3.so
cfn=(9) hash
calls=1 0
* 4
ob=(5)
fn=(9)
0 3
-2 1
"""
    assert added(log.splitlines()) == (111, 4)
