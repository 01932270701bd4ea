"""Free ports below the range from which the kernel takes ports for outgoing connections."""

import os
import socket

FIRST, LAST = 18_000, 32_000
# Test processes side by side each have a stretch of their own: a port that is free is not yet taken.
STRETCHES, STRETCH = 4, (LAST - FIRST) // 4
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_next = FIRST + _worker % STRETCHES * STRETCH + os.getpid() * 31 % STRETCH


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int = 1) -> int:
    """The first of `count` neighbouring free ports; each call looks further on."""
    global _next
    for _ in range(LAST - FIRST):
        first = _next
        _next = first + count if first + 2 * count < LAST else FIRST
        if all(is_free(port) for port in range(first, first + count)):
            return first
    raise RuntimeError("no free ports")
