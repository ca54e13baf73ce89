"""Ports for servers that have to know theirs before they listen."""

import random
import socket

PORTS = range(10_000, 30_000)
"""Below those that systems give to connections (32,768 on Linux, 49,152 elsewhere): such a connection may come at any
moment, and then the server can't listen."""


def free_port() -> int:
    """A loopback port that nobody listens on, and that nobody else is likely to choose meanwhile."""
    for port in random.SystemRandom().sample(PORTS, 100):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise RuntimeError("every port is taken")
