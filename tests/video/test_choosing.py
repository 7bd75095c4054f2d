"""Which frames are chosen: the formulas that the documentation states."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oxide.errors import InvalidInput
from oxide.video.choosing import Choice

TIMES = st.lists(st.integers(1, 400), max_size=120).map(
    lambda gaps: [sum(gaps[:at]) / 1000 for at in range(len(gaps) + 1)]
)


def test_the_plain_ones() -> None:
    assert Choice("first").indexes(range(60)) == [0]
    assert Choice("first-middle-last").indexes(range(60)) == [0, 30, 59]
    assert Choice("first-middle-last").indexes(range(2)) == [0, 1]
    assert Choice("all").indexes(range(3)) == [0, 1, 2]
    assert Choice("count", 3).indexes(range(60)) == [10, 30, 50]
    assert Choice("count", 9).indexes(range(4)) == [0, 1, 2, 3]
    assert Choice("fps", 5).indexes([index / 25 for index in range(50)]) == list(range(0, 50, 5))
    assert all(Choice(kind).indexes([]) == [] for kind in ("first", "first-middle-last", "all"))


@given(TIMES, st.integers(1, 200))
def test_count_takes_the_middles_of_equal_parts(times: list[float], wanted: int) -> None:
    found = Choice("count", wanted).indexes(times)
    assert len(found) == min(wanted, len(times))
    expected = {math.floor((j + 0.5) * len(times) / wanted) for j in range(wanted)}
    assert set(found) == (expected if wanted < len(times) else set(range(len(times))))


@given(TIMES, st.sampled_from([0.5, 1, 3, 10, 25, 60]))
def test_fps_takes_what_is_shown_at_each_moment(times: list[float], rate: float) -> None:
    shown = set()
    for moment in range(int(times[-1] * rate + 1e-6) + 1):
        shown.add(max(at for at, time in enumerate(times) if time <= moment / rate + 1e-6 / rate))
    assert set(Choice("fps", rate).indexes(times)) == shown


@pytest.mark.parametrize(
    ("kind", "number"),
    [("last", None), ("count", None), ("count", 0), ("count", 1.5), ("fps", -1), ("fps", math.inf), ("all", 3)],
)
def test_what_cannot_be(kind: str, number: float | None) -> None:
    with pytest.raises(InvalidInput):
        Choice(kind, number)
