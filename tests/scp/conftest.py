"""Both ways of receiving, for the tests that must hold for both."""

from __future__ import annotations

import pytest


@pytest.fixture(params=[True, False], ids=["fast-lane", "slow-lane"])
def fast_lane(request: pytest.FixtureRequest) -> bool:
    """Every test that asks for this runs through both ways of receiving."""
    return bool(request.param)
