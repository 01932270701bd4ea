"""Who asks, as far as a request says: the client's address, of which only what our own proxies wrote is believed."""

from ipaddress import IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

# A provider gives each connection a network of this size, in which it may take any address.
IPV6_PREFIX = 64
UNKNOWN = "unknown"


def ip_of(request: HttpRequest) -> str:
    """
    The address to count by. Each of our TRUSTED_PROXY_COUNT proxies adds one entry at the end of X-Forwarded-For; the first of
    those is the client, and whatever stands before it the client may have made up. With fewer entries than proxies the request
    came past them: then the connection's own address counts. All that have none, as on a unix socket, count as one.
    """
    proxies: int = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    entries = request.headers.get("X-Forwarded-For", "").split(",")
    found = entries[-proxies] if 0 < proxies <= len(entries) else request.META.get("REMOTE_ADDR", "")
    try:
        address = ip_address(found.strip())
    except ValueError:
        return UNKNOWN
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(IPv6Network((address, IPV6_PREFIX), strict=False).network_address)
    return str(address)
