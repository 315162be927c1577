"""Tests here share `job_exchange_stories`."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from job_exchange_stories import CONTRACTOR_KEY, NOW, Exchange, Story, jwk


@pytest.fixture
def story() -> Story:
    """A story on a fixed day, for decisions that are given the time."""
    return Story(NOW)


@pytest.fixture
def exchange(story: Story) -> Exchange:
    """The service in memory; it knows the client, the contractor with a key of his own, and the rate card."""
    made = Exchange()
    made.know(story.client(), story.contractor(key=jwk(CONTRACTOR_KEY)), story.rate_card())
    return made
