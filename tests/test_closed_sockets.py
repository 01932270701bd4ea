import socket
import urllib.request

import pytest

from tests.closed_sockets import SocketClosedError


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("10.1.2.3", 443), ("example.com", 443)])
def test_connecting_to_another_machine_is_refused(address: tuple[str, int]) -> None:
    with pytest.raises(SocketClosedError, match=address[0]), socket.create_connection(address, timeout=1):
        pass


def test_connecting_to_another_machine_by_ipv6_is_refused() -> None:
    with socket.socket(socket.AF_INET6) as client, pytest.raises(SocketClosedError):
        client.connect(("2001:db8::1", 443, 0, 0))


def test_datagrams_to_another_machine_are_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client, pytest.raises(SocketClosedError):
        client.sendto(b"?", ("192.0.2.1", 53))


def test_an_http_client_does_not_get_out() -> None:
    with pytest.raises(SocketClosedError):
        urllib.request.urlopen("http://example.com/", timeout=1)


def test_loopback_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=1).close()
