"""Ports for servers that must be told one before they listen."""

import os
import random
import socket

BELOW = range(12000, 32000)
"""Below the ports that connections take by themselves (ip_local_port_range): nobody's call can
have it between the look here and the server's start."""

_random = random.Random(os.urandom(8))
"""Its own: the tests' seed is the same in every worker, and so would be their ports."""


def free_port() -> int:
    """Return a port of this machine nobody listens on."""
    for port in _random.sample(BELOW, k=100):
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    raise AssertionError("no port is free")
