"""How many random queries are asked."""

from __future__ import annotations

import os

import hypothesis

LONG = os.environ.get("OXIDE_TEST_PROFILE") == "long"


def many(number: int) -> hypothesis.settings:
    """Settings for some examples: the same in every run; with ``OXIDE_TEST_PROFILE=long`` many more and new ones."""
    return hypothesis.settings(
        max_examples=number * (20 if LONG else 1),
        derandomize=not LONG,
        database=None,
        phases=[
            hypothesis.Phase.generate
        ],  # what fails is one filter of sixteen: the failure tells it, nothing is shrunk
        suppress_health_check=list(hypothesis.HealthCheck),
    )
