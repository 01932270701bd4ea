"""Sockets other than loopback are closed in tests: what tries to reach another machine fails at once and says where to."""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class SocketClosedError(AssertionError):
    """A test tried to reach an address that is not on this machine."""


def is_loopback(host: str | bytes | None) -> bool:
    if host is None:
        return True
    name = host.decode() if isinstance(host, bytes) else host
    try:
        return ipaddress.ip_address(name.split("%")[0]).is_loopback
    except ValueError:
        return name in ("", "localhost", socket.gethostname())


def refuse_other_machines(address: Any) -> None:
    if isinstance(address, tuple) and not is_loopback(address[0]):
        raise SocketClosedError(f"sockets other than loopback are closed in tests: {address[0]}:{address[1]}")


@contextmanager
def closed_sockets() -> Iterator[None]:
    """Within this block, this process connects, sends and resolves names on this machine only."""
    originals = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex", "sendto")}
    resolve = socket.getaddrinfo

    def guarded(name: str) -> Any:
        def call(self: socket.socket, *arguments: Any) -> Any:
            refuse_other_machines(arguments[-1])
            return originals[name](self, *arguments)

        return call

    def getaddrinfo(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        refuse_other_machines((host, port))
        return resolve(host, port, *arguments, **options)

    for name in originals:
        setattr(socket.socket, name, guarded(name))
    socket.getaddrinfo = getaddrinfo
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(socket.socket, name, original)
        socket.getaddrinfo = resolve
