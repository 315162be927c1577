"""Tests that share a broker stay together when several processes run them."""

from __future__ import annotations

import pytest


def test_pytest_xdist_keeps_the_groups(request: pytest.FixtureRequest) -> None:
    """pytest 9.2 and pytest-xdist 3.8 drop them without a word, and each starts stacks of its own (issue 1386)."""
    spread = [
        item.nodeid
        for item in request.session.items
        if item.get_closest_marker("xdist_group") and "@" not in item.nodeid
    ]
    assert not (getattr(request.config.option, "loadgroup", False) and spread)
