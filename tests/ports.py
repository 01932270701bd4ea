"""Free ports below the range from which the kernel takes ports for outgoing connections."""

import os
import socket
from contextlib import suppress

FIRST, LAST = 18_000, 32_000
_next = FIRST + os.getpid() * 31 % (LAST - FIRST)
_reservations: list[socket.socket] = []


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_ours(port: int) -> bool:
    """Whether this process has the port to itself until it ends, among all test processes of this machine.

    Nobody listens on it while what does is started or stopped: without that, another test run would take it for a free one.
    """
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with suppress(OSError):
        # In no folder: the kernel forgets the name with the process.
        name.bind(f"\0redreport-tests-port-{port}")
        _reservations.append(name)
        return True
    name.close()
    return False


def free_ports(count: int = 1) -> int:
    """The first of `count` neighbouring free ports; each call looks further on."""
    global _next
    for _ in range(LAST - FIRST):
        first = _next
        _next = first + count if first + 2 * count < LAST else FIRST
        if all(is_free(port) and is_ours(port) for port in range(first, first + count)):
            return first
    raise RuntimeError("no free ports")
