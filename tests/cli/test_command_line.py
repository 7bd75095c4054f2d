"""Parsing, help, suggestions, failures and progress: what needs no real repository."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

import click
import pytest
import samples
from oxide import errors
from oxide.types import Branch, CheckoutResult, Diff, LogEntry, MergeResult, Skipped, Status, Tag
from oxide_cli import main, opening, paths, progress, suggestions
from oxide_cli.verbs import VERBS


class FakeRepository:
    """Answers with hand-made values and remembers how it was asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = str(root)
        self.calls: list[tuple[object, ...]] = []
        self.names = {"main", "experiment", "HEAD"}
        self.merged = MergeResult("up-to-date", None, [], None)
        self.current = samples.CLEAN
        self.failure: BaseException | None = None

    def _answer(self, *call: object) -> None:
        self.calls.append(call)
        if self.failure is not None:
            raise self.failure

    def resolve_revision(self, revision: str) -> str:
        if revision not in self.names:
            raise errors.UnknownRevision(f"there is no branch, tag or commit '{revision}'", hint="see `oxide branch`")
        return samples.identifier("a")

    def current_branch(self) -> str | None:
        return "main"

    def branches(self) -> list[Branch]:
        return [
            Branch("main", samples.identifier("a"), True, None),
            Branch("experiment", None, False, "origin/experiment"),
        ]

    def tags(self) -> list[Tag]:
        return [Tag("v1.0", samples.identifier("b"))]

    def status(self, progress: object = None) -> Status:
        self._answer("status")
        return self.current

    def log(self, revision: str, paths: Sequence[str] = (), limit: int | None = None) -> Iterator[LogEntry]:
        self._answer("log", revision, list(paths), limit)
        return iter([samples.entry("b", "a", branches=("main",)), samples.entry("a")])

    def diff(
        self,
        a: str | None = None,
        b: str | None = None,
        *,
        staged: bool = False,
        paths: Sequence[str] = (),
        progress: object = None,
    ) -> Diff:
        self._answer("diff", a, b, staged, list(paths))
        return samples.DIFF

    def ls(self, revision: str, path: str) -> None:
        raise errors.NotFound(f"{path} is not in {revision}")

    def diff_rows(
        self, table: str, a: str | None = None, b: str | None = None, *, paths: Sequence[str] = ()
    ) -> list[dict[str, object]]:
        return [{"key": "01", "before": None, "after": {"label": "cat"}}]

    def checkout(self, target: str, **options: object) -> CheckoutResult:
        self._answer(
            "checkout",
            target,
            options.get("create", False),
            options.get("force", False),
            options.get("branch_only", False),
        )
        return CheckoutResult(target, samples.identifier("a"), ["a", "b"], [], [Skipped("c", "permission denied")])

    def merge(self, revision: str, **options: object) -> MergeResult:
        self._answer("merge", revision)
        return self.merged

    def commit(self, message: str | None, **options: object) -> None:
        raise errors.InvalidInput("a commit needs a message", hint="give one")

    def remove(self, paths: Sequence[str], **options: object) -> list[str]:
        self._answer("remove", list(paths), options)
        return list(paths)

    def add(self, paths: Sequence[str], **options: object) -> None:
        self._answer("add", list(paths))

    def gc(self, **options: object) -> None:
        self._answer("gc", options["keep"])
        raise errors.OxideError("enough")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRepository:
    fake = FakeRepository(tmp_path)
    monkeypatch.setattr(opening, "open_repository", lambda: fake)
    monkeypatch.chdir(tmp_path)
    return fake


@pytest.fixture
def oxide(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = main.run(list(arguments))
        said = capfd.readouterr()
        return code, said.out, said.err

    return call


Oxide = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_examples(verb: str, oxide: Oxide) -> None:
    code, out, err = oxide(verb, "--help")
    assert (code, err) == (0, "")
    assert VERBS[verb] in out
    assert f"Examples:\n  {'eval' if verb == 'completion' else 'oxide ' + verb}" in out
    assert oxide("help", verb)[1] == out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_one_module_that_begins_with_its_line_of_help(verb: str) -> None:
    command = import_module(f"oxide_cli.commands.{verb.replace('-', '_')}").command
    assert isinstance(command, click.Command)
    assert command.name == verb
    assert (command.help or "").startswith(VERBS[verb])


@pytest.mark.parametrize(
    "verb", [verb for verb in VERBS if verb not in ("cat", "completion", "metadata", "runs", "stash")]
)
def test_every_verb_speaks_json(verb: str) -> None:
    command = import_module(f"oxide_cli.commands.{verb.replace('-', '_')}").command
    assert "--json" in [option for parameter in command.params for option in parameter.opts]


def test_without_a_verb_all_verbs_are_listed(oxide: Oxide) -> None:
    code, out, _ = oxide()
    assert code == 0
    assert all(f"  {verb} " in out for verb in VERBS)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("comit", "commit"), ("stauts", "status"), ("chekout", "checkout"), ("st", "status"), ("reflog", "operations")],
)
def test_a_mistyped_verb_gets_a_suggestion(typed: str, meant: str, oxide: Oxide) -> None:
    assert oxide(typed) == (2, "", f"error: there is no verb `{typed}`\nhint: did you mean `oxide {meant}`?\n")


def test_a_verb_like_no_other_gets_the_list(oxide: Oxide) -> None:
    assert oxide("xyzzy")[2].endswith("hint: `oxide --help` lists the verbs\n")


def test_a_path_given_to_checkout_is_explained(repository: FakeRepository, oxide: Oxide) -> None:
    (repository.root / "cat.jpg").write_bytes(b"")
    repository.failure = errors.UnknownRevision("no branch, tag or commit is named cat.jpg")
    assert "oxide restore cat.jpg" in oxide("checkout", "cat.jpg")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["commit", "--mesage", "x"],
        ["add"],
        ["merge"],
        ["merge", "--abort", "main"],
        ["resolve", "a.jpg"],
        ["resolve", "a.jpg", "--ours", "--theirs"],
        ["diff", "--stat", "--name-only"],
        ["diff", "main..HEAD", "main"],
        ["diff", "main...HEAD"],
        ["diff", "main", "HEAD", "--staged"],
        ["log", "main", "HEAD", "--", "a"],
        ["sql", "SELECT 1", "--parquet"],
        ["gc", "--keep", "soon"],
        ["commit", "-m", " "],
        ["commit"],
        ["commit", "-m", "x", "--author", "<a@b>"],
        ["commit", "--author", "bad"],
        ["commit", "-m", " ", "--author", "Ada <ada@example.org"],
        ["branch", "-d", "a", "b"],
        ["stash", "pop", "newest"],
        ["-C", "/nonexistent", "status"],
        ["log", "-n", "-1"],
        ["add", "/elsewhere"],
        ["completion", "tcsh"],
    ],
)
def test_wrong_usage_is_told_with_a_hint(arguments: list[str], repository: FakeRepository, oxide: Oxide) -> None:
    code, out, err = oxide(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert "\nhint: " in err
    assert not [call for call in repository.calls if call[0] != "status"]


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (errors.NotARepository("no repository here", hint="oxide init"), 3, "not_a_repository"),
        (errors.WouldOverwrite("1 file would be overwritten", paths=["a.jpg"]), 6, "would_overwrite"),
        (errors.IntegrityError("an object is damaged"), 7, "integrity"),
        (errors.OxideError("something else"), 1, "error"),
        (OSError(28, "No space left on device"), 1, "io"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (errors.Interrupted("stopped"), 130, "interrupted"),
        (ZeroDivisionError("division by zero"), 1, "internal"),
    ],
)
def test_failures_end_with_their_exit_code(
    error: BaseException, code: int, word: str, repository: FakeRepository, oxide: Oxide
) -> None:
    repository.failure = error
    ended, out, err = oxide("status", "--json")
    assert (ended, out) == (code, "")
    told = json.loads(err)["error"]
    assert told["code"] == word
    assert told["message"]
    assert isinstance(told["hint"], str)
    ended, out, err = oxide("status")
    assert (ended, out) == (code, "")
    assert err.startswith("error: ")


def test_usage_errors_are_json_too(oxide: Oxide) -> None:
    for wrong in ("--nonsense", "--porcelain"):
        code, out, err = oxide("status", "--json", wrong)
        assert (code, out) == (2, "")
        assert set(json.loads(err)["error"]) == {"code", "message", "hint"}


def test_paths_of_a_refusal_are_listed(repository: FakeRepository, oxide: Oxide) -> None:
    repository.failure = errors.WouldOverwrite("files would be overwritten", hint="--force", paths=["a", "b\nc"])
    assert oxide("checkout", "main")[2] == 'error: files would be overwritten\n  a\n  "b\\nc"\nhint: --force\n'


def test_an_interruption_says_how_to_continue(repository: FakeRepository, oxide: Oxide) -> None:
    repository.failure = KeyboardInterrupt()
    assert oxide("-q", "merge", "my branch") == (
        130,
        "",
        "error: interrupted\n"
        "hint: nothing is lost; run the same command again to continue: oxide -q merge 'my branch'\n",
    )


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (["log"], ("log", "HEAD", [], None)),
        (["log", "-n", "3", "experiment"], ("log", "experiment", [], 3)),
        (["log", "--", "gone.jpg"], ("log", "HEAD", ["gone.jpg"], None)),
        (["log", "main", "--", "-odd"], ("log", "main", ["-odd"], None)),
        (["log", "here.jpg"], ("log", "HEAD", ["here.jpg"], None)),
        (["log", "--", "."], ("log", "HEAD", [], None)),
        (["diff"], ("diff", None, None, False, [])),
        (["diff", "main"], ("diff", "main", None, False, [])),
        (["diff", "main", "experiment"], ("diff", "main", "experiment", False, [])),
        (["diff", "main..experiment"], ("diff", "main", "experiment", False, [])),
        (["diff", "main.."], ("diff", "main", "HEAD", False, [])),
        (["diff", "..main", "--", "a/"], ("diff", "HEAD", "main", False, ["a"])),
        (["diff", "--staged", "here.jpg"], ("diff", None, None, True, ["here.jpg"])),
        (["switch", "-c", "new"], ("checkout", "new", True, False, True)),
        (["checkout", "--force", "main"], ("checkout", "main", False, True, False)),
        (["gc", "--keep", "2w"], ("gc", 14 * 86400.0)),
        (["gc", "--keep", "0"], ("gc", 0.0)),
        (["gc"], ("gc", 14 * 86400.0)),
    ],
)
def test_arguments_reach_the_engine(
    arguments: list[str], call: tuple[object, ...], repository: FakeRepository, oxide: Oxide
) -> None:
    (repository.root / "here.jpg").write_bytes(b"")
    oxide(*arguments)
    assert repository.calls[-1] == call


@pytest.mark.parametrize("word", ["experimnt", "main..experimnt", "experimnt..", "..experimnt"])
def test_a_word_that_is_neither_revision_nor_path_is_refused(
    word: str, repository: FakeRepository, oxide: Oxide
) -> None:
    code, out, err = oxide("diff", word)
    assert (code, out) == (2, "")
    assert err == "error: there is no branch, tag or commit 'experimnt'\nhint: see `oxide branch`\n"
    code, out, err = oxide("log", "main", "experimnt")
    assert (code, out) == (2, "")
    assert "neither a revision nor a path" in err


def test_log_json_is_one_list(repository: FakeRepository, oxide: Oxide) -> None:
    code, out, _ = oxide("log", "--json")
    assert code == 0
    assert [entry["id"][0] for entry in json.loads(out)] == ["b", "a"]


def test_log_as_a_graph(repository: FakeRepository, oxide: Oxide) -> None:
    assert (
        oxide("log", "--graph", "--oneline")[1] == "* bbbbbbbbbbbbbbbb (main) Add cats\n* aaaaaaaaaaaaaaaa Add cats\n"
    )


def test_diff_forms(repository: FakeRepository, oxide: Oxide) -> None:
    assert oxide("diff", "--name-only")[1].split("\n")[0] == "b.jpg"
    assert oxide("diff", "--exit-code")[0] == 1
    assert oxide("diff", "--rows", "splits") == (0, "+ 01  label: cat\n", "")
    value = json.loads(oxide("diff", "--json", "--rows", "splits")[1])
    assert set(value) == {"files", "tables", "rows"}


def test_branch_listing(repository: FakeRepository, oxide: Oxide) -> None:
    assert oxide("branch")[1] == "  experiment  no commit yet  origin/experiment\n* main        aaaaaaaaaaaaaaaa\n"
    value = json.loads(oxide("branch", "--json")[1])
    assert value[1] == {"name": "main", "head": "a" * 64, "current": True, "upstream": None}


def test_what_could_not_be_changed_is_named_and_ends_with_nine(repository: FakeRepository, oxide: Oxide) -> None:
    code, out, err = oxide("checkout", "main")
    assert code == 9
    assert out == "On branch main -> aaaaaaaaaaaaaaaa\n2 files written\n"
    assert "warning: skipped c: permission denied" in err


def test_a_merge_with_conflicts_names_the_next_command(repository: FakeRepository, oxide: Oxide) -> None:
    from test_rendering import CONFLICT

    repository.merged = MergeResult("conflicts", None, [CONFLICT], None)
    code, out, err = oxide("merge", "experiment")
    assert code == 6
    assert "images/cat.jpg: both sides changed its content" in out
    assert "oxide conflicts" in err
    assert "oxide resolve PATH --ours" in err
    code, out, err = oxide("merge", "experiment", "--json")
    assert (code, err) == (6, "")
    assert json.loads(out)["kind"] == "conflicts"


def test_quiet_leaves_out_the_talk(repository: FakeRepository, oxide: Oxide) -> None:
    assert oxide("-q", "rm", "a.jpg") == (0, "", "")
    assert oxide("rm", "a.jpg")[1] == "removed a.jpg\n1 file removed\n"
    assert oxide("rm", "--dry-run", "a.jpg") == (0, "would remove a.jpg\n", "")


def test_paths_are_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    (root / "images" / "train").mkdir(parents=True)
    (tmp_path / "door").symlink_to(root)
    (root / "link").symlink_to("/")
    monkeypatch.chdir(root / "images")
    assert paths.to_root(root, "train/../a b.jpg") == "images/a b.jpg"
    assert paths.to_root(root, "..") == "."
    assert paths.to_root(root, "../link") == "link"
    assert paths.to_root(root, str(root / "x")) == "x"
    assert paths.to_root(root, str(tmp_path / "door" / "images" / "y")) == "images/y"
    assert paths.to_root(tmp_path / "door", "z") == "images/z"
    assert paths.to_root(root, "caf\udce9") == "images/caf\udce9"
    for outside in ("../..", "../../rooted", "/"):
        with pytest.raises(errors.InvalidInput):
            paths.to_root(root, outside)
    with pytest.raises(errors.InvalidInput):
        paths.to_root(root, "")


def test_progress_waits_then_shows_rate_and_remaining_time() -> None:
    now = 0.0
    stream = io.StringIO()
    report = progress.Reporter(stream, progress.LineStyle(lambda: 80), lambda: now)
    report("add", 1, 100, 1_000_000, 100_000_000)
    assert stream.getvalue() == ""
    now = 2.0
    report("add", 50, 100, 40_000_000, 100_000_000)
    now = 2.05
    report("add", 51, 100, 41_000_000, 100_000_000)
    report.clear()
    assert stream.getvalue() == ("\r\x1b[Kadd: 50 of 100 files, 40.0 MB of 100.0 MB, 20.0 MB/s, 3 s left" + "\r\x1b[K")


def test_progress_as_json_lines() -> None:
    now = 0.0
    stream = io.StringIO()
    report = progress.Reporter(stream, progress.JsonStyle(), lambda: now)
    for seconds in (1.0, 2.0):
        now = seconds
        report("scan", 10, 0, 0, 0)
    report.clear()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["files"] for line in lines] == [10, 10]
    assert lines[0]["remaining"] is None


def test_progress_is_silent_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OXIDE_PROGRESS", raising=False)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert progress.reporter() is None


def test_suggestions_are_never_far_fetched() -> None:
    assert suggestions.nearest("mian", ["main", "experiment"]) == "main"
    assert suggestions.nearest("MAIN", ["main", "mine"]) == "main"
    assert suggestions.nearest("zebra", ["main"]) is None


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, oxide: Oxide) -> None:
    code, out, _ = oxide("completion", shell)
    assert code == 0
    assert "_OXIDE_COMPLETE" in out


def test_completion_offers_branches_and_tags(repository: FakeRepository) -> None:
    from oxide_cli import completion

    context = click.Context(main.oxide)
    parameter = click.Argument(["x"])
    assert completion.revisions(context, parameter, "") == ["main", "experiment", "v1.0", "HEAD"]
    assert completion.revisions(context, parameter, "main..e") == ["main..experiment"]
    assert completion.branches(context, parameter, "e") == ["experiment"]
    assert completion.tags(context, parameter, "") == ["v1.0"]


def test_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OXIDE_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/ada")
    assert opening.user_file() == Path("/home/ada/.config/oxide/config.json")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/xdg")
    assert opening.user_file() == Path("/xdg/oxide/config.json")
    monkeypatch.setenv("OXIDE_CONFIG", "/mine.json")
    assert opening.user_file() == Path("/mine.json")


FORBIDDEN = ("json", "difflib", "dataclasses", "rich", "duckdb", "pyarrow", "numpy", "subprocess", "asyncio", "logging")


@pytest.mark.parametrize("verb", ["status", "add", "commit", "log", "diff", "checkout", "branch"])
def test_everyday_verbs_import_little(verb: str) -> None:
    """Counted in a fresh process: what the module of the verb brings in, beyond click's own imports."""
    program = (
        "import sys, click; before = set(sys.modules)\n"
        f"import oxide_cli.main, oxide_cli.commands.{verb}, oxide_cli.rendering.status\n"
        "new = set(sys.modules) - before\n"
        f"print([name for name in {FORBIDDEN!r} if name in new])\n"
        "print(sorted(name for name in new if name.startswith('oxide_cli.commands.')))\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said == f"[]\n['oxide_cli.commands.{verb}']\n"
