"""Long work on labels and metadata says how far it is, and the command line shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from labels.workbench import make_repository
from oxide import Annotation, Keyframe, Label, Repository
from oxide.labels import advancing
from oxide_cli import main, progress

Verb = Callable[[Repository, Any], object]


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setattr(advancing, "TOLD_EVERY", 2)
    repo = make_repository(tmp_path / "dataset", *(f"{number}.png" for number in range(6)))
    (repo.root / "facts.jsonl").write_text(
        "".join(f'{{"path": "{number}.png", "weather": "rain"}}\n' for number in range(6)), "utf-8"
    )
    frames = (Keyframe(0, (0, 0, 1, 1), label="kitty"), Keyframe(9, (5, 5, 1, 1)))
    for number in range(6):
        repo.annotate(
            f"{number}.png",
            Annotation("box", "cat", (0, 0, 1, 1), attributes={"pose": "lying"}),
            Annotation("box", "dog", (0, 0, 1, 1), frames=(0, 9), keyframes=frames),
        )
    repo.set_metadata(["."], {"split": "train"})
    return repo


def ids(repo: Repository) -> list[str]:
    return [each.id or "" for number in range(6) for each in repo.annotations(f"{number}.png")]


VERBS: dict[str, Verb] = {
    "annotate": lambda repo, tell: repo.annotate(
        "0.png", *[Annotation("class", str(number)) for number in range(9)], progress=tell
    ),
    "remove": lambda repo, tell: repo.remove_annotations(ids(repo), progress=tell),
    "set": lambda repo, tell: repo.set_metadata(["."], {"weather": "sun"}, progress=tell),
    "unset": lambda repo, tell: repo.unset_metadata(["."], ["split"], progress=tell),
    "import": lambda repo, tell: repo.import_metadata(repo.root / "facts.jsonl", progress=tell),
    "rename": lambda repo, tell: repo.rename_label("cat", "lynx", progress=tell),
    "merge": lambda repo, tell: repo.merge_labels(["cat", "kitty"], "lynx", progress=tell),
    "split": lambda repo, tell: repo.split_label("cat", "pose", progress=tell),
    "would rename": lambda repo, tell: repo.rename_label("cat", "lynx", dry_run=True, progress=tell),
    "count": lambda repo, tell: repo.used_labels(progress=tell),
    "check": lambda repo, tell: repo.check_labels(progress=tell),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_tells_how_far_it_is(repo: Repository, verb: str) -> None:
    told: dict[str, list[tuple[int, int]]] = {}

    def tell(phase: str, done: int, total: int, bytes_done: int, bytes_total: int) -> None:
        told.setdefault(phase, []).append((done, total))

    VERBS[verb](repo, tell)
    assert told
    for steps in told.values():
        assert steps[0][0] == 0 and [done for done, _ in steps] == sorted({done for done, _ in steps})
        assert len({total for _, total in steps}) == 1
    assert any(steps[-1] == (total, total) for steps in told.values() if (total := steps[-1][1]))


def test_a_callback_that_raises_changes_nothing(repo: Repository) -> None:
    def stop(*step: object) -> None:
        raise KeyboardInterrupt

    before = repo.staged_tables()
    for verb in VERBS.values():
        with pytest.raises(KeyboardInterrupt):
            verb(repo, stop)
        assert repo.staged_tables() == before


@pytest.mark.parametrize(
    "words",
    [
        "annotate 0.png --label cat",
        "metadata set . weather=sun",
        "metadata unset 0.png split",
        "metadata import facts.jsonl",
        "label rename cat lynx",
        "label merge cat lynx",
        "label split cat --by pose",
        "label remove cat --into lynx",
        "label list --count",
    ],
)
def test_the_command_line_shows_it(
    repo: Repository, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repo.root)
    monkeypatch.setenv("OXIDE_PROGRESS", "json")
    monkeypatch.setattr(progress, "FIRST_AFTER", 0)
    if "remove" in words:
        repo.add_labels(Label("cat"))
    assert main.run(words.split()) == 0
    shown = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    assert shown and all(set(step) >= {"phase", "files", "files_total"} for step in shown)
