"""Fixtures of the tests of queries."""

from __future__ import annotations

import pytest
from query.universe import Universe, build


@pytest.fixture(scope="session")
def universe(tmp_path_factory: pytest.TempPathFactory) -> Universe:
    """A repository with random data, which no test changes."""
    return build(tmp_path_factory.mktemp("universe"))
