"""Lets a service process reach broker and database over the test's cables, whatever address it is told."""

from collections.abc import Mapping
from typing import Any

import uvloop

from laboratory.replacing import replace


def reroute(cables: Mapping[int, int]) -> None:
    """Connections to these ports of this machine go to those; the broker names its own port, so settings do not do."""
    connect = uvloop.Loop.create_connection

    async def over_the_cable(
        loop: uvloop.Loop, factory: Any, host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        return await connect(loop, factory, host, cables.get(port, port), **options)

    replace(uvloop.Loop, "create_connection", over_the_cable)
