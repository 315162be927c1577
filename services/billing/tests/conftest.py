"""What the tests of billing start from: a rate card, two partners, a completed job. They share `billing_books`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.ids import uuid7

sys.path.insert(0, str(Path(__file__).parent))

from billing_books import Story


@pytest.fixture(scope="session")
def new_story() -> Callable[[], Story]:
    """Stories with ids of their own: topics are shared by the whole session."""
    return lambda: Story(uuid7(), uuid7(), uuid7(), uuid7())


@pytest.fixture
def story(new_story: Callable[[], Story]) -> Story:
    return new_story()
