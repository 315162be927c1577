"""The whole network, two of each service."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from story_network import DISTRIBUTOR, Network, rate_card

from chassis.testing.network import Outside
from contracts import catalogue
from servicenetz.stack import Stack


@pytest.fixture(scope="session")
def whole_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two of each service."""
    folder: Path = tmp_path_factory.mktemp("stories")
    with Stack(folder, replicas=2, environment={"MATCHING_OFFER_EXPIRY_SECONDS": "600"}) as stack:
        yield stack


@pytest.fixture(scope="session")
async def network(whole_stack: Stack) -> AsyncIterator[Network]:
    """The network with its prices published."""
    async with Outside(whole_stack.kafka_bootstrap) as outside:
        await outside.watch(*catalogue.TOPICS.values())
        network = Network(whole_stack, outside)
        reply = await network.ask(rate_card(), DISTRIBUTOR)
        assert reply.TYPE == "billing.CommandAccepted.v1", reply
        yield network
