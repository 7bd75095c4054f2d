"""What goes wrong says what, on which object, and what next; and leaves nothing half done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from oxide import Repository, errors
from oxide.settings import Settings
from support import AUTHOR, as_nobody, give_to_nobody, write


@pytest.fixture
def filled(repo: Repository) -> Repository:
    for number in range(3):
        write(repo.root, "file", str(number))
        repo.add(["file"])
        repo.commit(f"commit {number}")
    repo.create_branch("experiment")
    return repo


def failure(call: Callable[[], object], kind: type[errors.OxideError], *words: str) -> errors.OxideError:
    """The failure of a call: of this kind, one sentence that holds these words, and a hint."""
    with pytest.raises(kind) as caught:
        call()
    error = caught.value
    for word in words:
        assert word in error.message + error.hint, error.message
    assert "\n" not in error.message.strip() and "Traceback" not in error.message
    return error


def change_repository_file(repo: Repository, **changes: object) -> None:
    path = repo.root / ".oxide" / "repository"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}, sort_keys=True, separators=(",", ":")))


def test_not_a_repository(tmp_path: Path, settings: Settings) -> None:
    error = failure(
        lambda: Repository.open(tmp_path, settings=settings), errors.NotARepository, str(tmp_path), "oxide init"
    )
    assert error.exit_code == 3


def test_a_repository_is_found_from_below(filled: Repository, settings: Settings) -> None:
    (filled.root / "deep" / "er").mkdir(parents=True)
    assert Repository.open(filled.root / "deep" / "er", settings=settings).root == filled.root


def test_init_twice_keeps_what_is_there(filled: Repository, settings: Settings) -> None:
    before = [entry.commit.id for entry in filled.log()]
    try:
        Repository.init(filled.root, settings=settings)
    except errors.AlreadyExists as error:
        assert str(filled.root) in error.message
    assert [entry.commit.id for entry in filled.log()] == before


def test_a_newer_format_is_refused(filled: Repository, settings: Settings) -> None:
    change_repository_file(filled, format=99)
    failure(lambda: Repository.open(filled.root, settings=settings).status(), errors.Unsupported, "99")


def test_an_unknown_required_feature_is_refused_by_name(filled: Repository, settings: Settings) -> None:
    change_repository_file(filled, required=["teleportation"])
    failure(lambda: Repository.open(filled.root, settings=settings).status(), errors.Unsupported, "teleportation")


def test_an_unknown_optional_feature_is_no_obstacle(filled: Repository, settings: Settings) -> None:
    change_repository_file(filled, optional=["nicer colours"])
    assert Repository.open(filled.root, settings=settings).status().clean


@pytest.mark.parametrize("content", ["", "{", "[]", "\0" * 100, '{"format":"one"}'])
def test_a_damaged_repository_file_is_an_error_and_no_crash(
    filled: Repository, settings: Settings, content: str
) -> None:
    (filled.root / ".oxide" / "repository").write_text(content)
    failure(lambda: Repository.open(filled.root, settings=settings).status(), errors.OxideError)


@pytest.mark.parametrize(
    "revision",
    ["experimemt", "mian", "experiment~99", "HEAD~99", "deadbeef", "", "HEAD~x", "origin/main", "a" * 64, "main@{"],
)
def test_an_unknown_revision(filled: Repository, revision: str) -> None:
    failure(lambda: filled.resolve_revision(revision), errors.OxideError)
    for call in (filled.checkout, filled.merge, filled.revert, filled.cherry_pick, filled.at, filled.show):
        before = filled.status()
        with pytest.raises(errors.OxideError):
            call(revision)
        assert filled.status() == before


def test_a_mistyped_branch_gets_a_suggestion(filled: Repository) -> None:
    error = failure(lambda: filled.checkout("experimemt"), errors.UnknownRevision, "experimemt", "experiment")
    assert "experiment" in error.hint


def test_an_ambiguous_id_names_the_candidates(repo: Repository) -> None:
    """Commits are made until two share their first four digits."""
    found: dict[str, str] = {}
    number = 0
    while True:
        made = repo.commit(str(number), allow_empty=True).id
        twin = found.setdefault(made[:4], made)
        if twin != made:
            break
        number += 1
        assert number < 5000
    error = failure(lambda: repo.resolve_revision(made[:4]), errors.AmbiguousRevision, made[:4])
    assert made[:8] in error.message + error.hint and twin[:8] in error.message + error.hint
    assert repo.resolve_revision(made[:16]) == made


def test_paths_outside_the_tree_are_refused(filled: Repository) -> None:
    outside = write(filled.root.parent, "outside", "x")
    for path in ("../outside", str(outside), "/", "folder/../../outside"):
        for call in (filled.add, filled.remove, filled.restore):
            failure(lambda call=call, path=path: call([path]), errors.InvalidInput)
    with pytest.raises(errors.OxideError):
        filled.move(["file"], "../moved")
    assert outside.exists() and (filled.root / "file").exists()


@pytest.mark.parametrize("path", [".oxide", ".oxide/repository", "./.oxide/config"])
def test_the_control_folder_is_never_versioned(filled: Repository, path: str) -> None:
    with pytest.raises(errors.OxideError):
        filled.add([path])
    filled.add(["."])
    assert filled.status().clean


def test_a_missing_path_is_named(filled: Repository) -> None:
    for call in (filled.add, filled.remove, filled.restore):
        failure(lambda call=call: call(["no such file"]), errors.NotFound, "no such file")
    failure(lambda: filled.move(["no such file"], "there"), errors.NotFound, "no such file")
    failure(lambda: filled.at().read("no such file"), errors.NotFound, "no such file")


def test_one_missing_path_among_others_stages_nothing(filled: Repository) -> None:
    write(filled.root, "new", "new")
    with pytest.raises(errors.NotFound):
        filled.add(["new", "no such file"])
    assert filled.status().staged.added == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "with space",
        "..",
        "a..b",
        "/lead",
        "trail/",
        "-dash",
        "a\nb",
        "HEAD",
        "x~1",
        "x^",
        "a:b",
        "a@{b",
        "x.lock/..",
        "tab\t",
        "\0",
    ],
)
def test_names_that_no_branch_may_have(filled: Repository, name: str) -> None:
    failure(lambda: filled.create_branch(name), errors.InvalidInput)
    failure(lambda: filled.create_tag(name), errors.InvalidInput)


def test_names_that_are_taken(filled: Repository) -> None:
    failure(lambda: filled.create_branch("experiment"), errors.AlreadyExists, "experiment")
    filled.create_tag("v1")
    failure(lambda: filled.create_tag("v1"), errors.AlreadyExists, "v1")
    failure(lambda: filled.checkout("experiment", create=True), errors.AlreadyExists, "experiment")


def test_the_current_branch_cannot_be_deleted(filled: Repository) -> None:
    failure(lambda: filled.delete_branch("main"), errors.OxideError, "main")
    failure(lambda: filled.delete_branch("no such branch"), errors.OxideError, "no such branch")
    failure(lambda: filled.delete_tag("no such tag"), errors.OxideError, "no such tag")


def test_verbs_before_the_first_commit(repo: Repository) -> None:
    assert repo.status().head is None
    assert list(repo.log()) == []
    for call in (
        lambda: repo.commit("nothing"),
        lambda: repo.checkout("main~1"),
        lambda: repo.create_branch("x"),
        lambda: repo.create_tag("x"),
        lambda: repo.merge("main"),
        lambda: repo.commit("nothing", amend=True),
        repo.stash_push,
        repo.stash_pop,
        repo.redo,
        repo.merge_abort,
    ):
        failure(call, errors.OxideError)


def test_an_empty_message_and_a_commit_of_nothing(filled: Repository) -> None:
    failure(lambda: filled.commit("nothing new"), errors.NothingToDo)
    write(filled.root, "file", "next")
    filled.add(["file"])
    failure(lambda: filled.commit("  \n"), errors.InvalidInput)
    failure(lambda: filled.commit(None), errors.InvalidInput)
    assert filled.status().staged.modified == ["file"]


def test_switch_takes_branches_alone(filled: Repository) -> None:
    with pytest.raises(errors.OxideError):
        filled.checkout(filled.resolve_revision("HEAD~1"), branch_only=True)
    assert filled.status().branch == "main"


# -- folders that cannot be written, disks that are full ---------------------------------------------------------------
def test_a_read_only_folder_refuses_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    write(root, "folder/file", "one")
    give_to_nobody(root)
    as_nobody(
        """
root = sys.argv[1]
repo = Repository.init(root, settings=settings)
repo.add(["."])
first = repo.commit("one").id
with open(root + "/folder/file", "w") as file:
    file.write("two")
with open(root + "/folder/more", "w") as file:
    file.write("more")
repo.add(["."])
second = repo.commit("two").id
os.chmod(root + "/folder", 0o555)
try:
    result = repo.checkout(first)
except errors.OxideError as error:
    assert "folder" in str(error), error
    assert repo.resolve_revision("HEAD") == second
else:
    assert result.failed, "what could not be changed is named"
    assert all("ermission" in entry.reason for entry in result.failed), result.failed
finally:
    os.chmod(root + "/folder", 0o755)
assert repo.fsck(data=True).ok
repo.checkout(second, force=True)
repo.restore(["."], force=True)
assert open(root + "/folder/file").read() == "two"
""",
        str(root),
    )


def test_a_read_only_repository_can_be_read(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    write(root, "file", "one")
    repo = Repository.init(root, settings=Settings(None, dict(AUTHOR)))
    repo.add(["."])
    repo.commit("one")
    for path in [root, *root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    for parent in root.parents:
        if parent.stat().st_uid == root.stat().st_uid and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o055)
    as_nobody(
        """
repo = Repository.open(sys.argv[1], settings=settings)
assert repo.status().clean and len(list(repo.log())) == 1 and repo.at().read("file") == b"one"
try:
    repo.create_tag("v1")
except errors.OxideError as error:
    assert "ermission" in str(error) or "read-only" in str(error).lower(), error
else:
    raise AssertionError("a repository that cannot be written took a tag")
""",
        str(root),
    )
    for path in [root, *root.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
