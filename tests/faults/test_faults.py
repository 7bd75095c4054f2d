"""Dying, a full disk, a broken disk and short writes at every change of a file; and that no change is left out.

``OXIDE_FAULTS=all`` runs every case: each scenario, each of its points, first and last pass, each fault.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import matrix, sources
from faults.matrix import Matrix, Outcome, Passed

REACHED_ELSEWHERE = {
    "store/group.rs::append": (
        "oxide-core/src/store/tests/faults.rs",
        "a_full_pack_whose_flush_fails_is_never_published",
    ),
}
"""Callers that would need a pack of 128 MiB in each case, and the test that goes there instead."""


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    """All scenarios, prepared and run once undisturbed."""
    with matrix.folder(tmp_path_factory.mktemp("faults")) as folder, Matrix(folder) as found:
        yield found


@pytest.fixture(scope="module")
def outcomes(faults: Matrix) -> list[Outcome]:
    """All scenarios with faults: a choice of cases, or all."""
    everything = os.environ.get(matrix.EVERYTHING) == "all"
    return faults.run(faults.all_cases() if everything else faults.chosen_cases())


def test_nothing_is_lost_whatever_fails(outcomes: list[Outcome]) -> None:
    wrong = [
        f"{outcome.case.scenario}, {outcome.case.variable} in {outcome.case.passed.caller}: {violation}"
        for outcome in outcomes
        for violation in outcome.violations
    ]
    assert not wrong, "\n".join(wrong)


def test_every_point_meets_every_fault(faults: Matrix, outcomes: list[Outcome]) -> None:
    met = {(outcome.case.passed, outcome.case.fault) for outcome in outcomes if outcome.fired}
    missing = {(passed, fault) for passed in faults.points() for fault in matrix.possible(passed.point)} - met
    assert not missing


def test_the_list_of_points_is_the_one_that_the_scenarios_pass(faults: Matrix, outcomes: list[Outcome]) -> None:
    undisturbed, after_a_fault = matrix.listed()
    assert faults.points() == undisturbed, f"write it anew: python {matrix.__file__}"
    seen: set[Passed] = set().union(*(outcome.passed for outcome in outcomes)) - undisturbed
    assert seen <= after_a_fault, f"write it anew: python {matrix.__file__}"


def test_every_change_of_a_file_is_on_the_list() -> None:
    """A write that no scenario reaches has no fault: it needs one, or a test of its own that is named here."""
    listed = set().union(*matrix.listed())
    reached = {(passed.caller, passed.point.partition(".")[0]) for passed in listed}
    missing = {
        f"{call.caller} calls fsx::{call.function}"
        for call in sources.calls()
        if not any((call.caller, operation) in reached for operation in sources.points_of(call.function))
        if call.caller not in REACHED_ELSEWHERE
    }
    assert not missing, f"add a scenario to {Path(__file__).with_name('scenarios.py')}: {sorted(missing)}"


def test_a_point_names_the_place_that_asked_for_the_change() -> None:
    inside = {passed for passed in set().union(*matrix.listed()) if passed.caller.startswith("fsx/")}
    assert not inside, "functions of fsx on the way to a point are marked track_caller"


def test_what_is_reached_elsewhere_exists() -> None:
    callers = {call.caller for call in sources.calls()}
    for caller, (file, test) in REACHED_ELSEWHERE.items():
        assert caller in callers
        assert f"fn {test}()" in (sources.ROOT / file).read_text(encoding="utf-8")


def test_everything_that_changes_a_file_passes_a_point() -> None:
    """Each function of `fsx` that calls the system passes a point first, or is part of one that does."""
    functions = sources.fsx_functions()
    changing = {name for name, body in functions.items() if sources.SYSTEM.search(body)}
    assert len(changing) > 15, "the pattern finds the calls"
    for name in changing:
        if not sources.points_of(name):
            users = [user for user, body in functions.items() if user != name and f"{name.split('::')[-1]}(" in body]
            assert users and all(sources.points_of(user) for user in users), (
                f"fsx::{name} changes files without a point"
            )


def test_nothing_else_in_the_core_changes_files() -> None:
    wrong = [
        f"{path.relative_to(sources.ROOT)}: {match[0]}"
        for path in sources.files()
        for match in sources.SYSTEM.finditer(sources.code(path))
    ]
    assert not wrong, "\n".join(wrong)
