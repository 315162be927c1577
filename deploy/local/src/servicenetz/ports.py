"""Ports for a stack: free ones, kept from run to run while nobody else takes them."""

import random
import socket

# Below the range the kernel lends to outgoing connections (32768 upwards on Linux), so that a server that was
# killed finds its port again when it comes back.
FIRST, LAST = 20_000, 32_000
ATTEMPTS = 200


class NoFreePort(Exception):
    """Two hundred ports tried and all of them taken."""


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(taken: set[int]) -> int:
    """A free port outside `taken`; drawn by lot, so that two stacks starting at once rarely want the same."""
    for _ in range(ATTEMPTS):
        port = random.randrange(FIRST, LAST)
        if port not in taken and is_free(port):
            return port
    raise NoFreePort(f"No free port between {FIRST} and {LAST} on 127.0.0.1.")
