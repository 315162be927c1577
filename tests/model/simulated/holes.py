"""What the model found in chassis/ itself, as it was before it was mended there: it must go on finding each of them.

The true path of the model has the remedies named here, as the chassis has them now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from simulated.keeper import Keeper
from simulated.mutants import LateZombie
from simulated.publish import Publisher
from simulated.world import Climate, Parts


class RewritesWithTheNextPublication(Keeper):
    """Publisher.publish: what was sent late is put right after the next publication of the same replica, if ever.

    A replica that lost its partitions publishes nothing more, and the compacted topic's last word stays old.
    Remedy: the keeper's round does it too.
    """

    async def _owed(self) -> None:
        """Nobody does."""


class ForgetsAnotherRewrite(Publisher):
    """Publisher._rewrite: of two at once (a publisher serves all readers and the keeper) the first clears the other's.

    Remedy: take the suspects out before, put them back when it fails.
    """

    async def rewrite_owed(self) -> None:
        if self.suspects:
            suspects = set(self.suspects)
            await self.rewrite_compacted(suspects)
            self.suspects -= suspects


@dataclass(frozen=True)
class Hole:
    """How to see it, and what is seen to help."""

    parts: Parts
    climate: Climate
    remedied_parts: Parts
    remedied: Climate


_FROZEN = ("freeze", "cut_database")
_CLOSED = ("cut_producer", "broker_away", "deafen")

HOLES: Mapping[str, Hole] = {
    "writes again only with the next publication": Hole(
        Parts(keeper=RewritesWithTheNextPublication), Climate(only=_FROZEN), Parts(), Climate(only=_FROZEN)
    ),
    # A process that is killed between its late message and the repair is to the others one that never repairs: only
    # it knew. Remedy: the slow full republish of design point 7 (`Keeper._republish`).
    "killed before it wrote again": Hole(
        Parts(publisher=LateZombie), Climate(), Parts(publisher=LateZombie), Climate(republish=True)
    ),
    # The kernel goes on sending for a socket that was closed, also when its process was killed (tcp_orphan_retries).
    # Remedy: the same; SO_LINGER 0 on the producer's sockets makes it rare.
    "a closed connection delivers": Hole(
        Parts(),
        Climate(only=_CLOSED, closed_connections_deliver=True),
        Parts(),
        Climate(only=_CLOSED, closed_connections_deliver=True, republish=True),
    ),
}
