"""Addresses that a photo may be fetched from: those of the public internet.

A URL that a client sends could lead to servers that only this machine can reach.  So a name is
resolved once, all its addresses are checked, and the connection goes to one of these addresses.
"""

import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291: all that is assigned
_DOCUMENTATION = IPv6Network("3fff::/20")  # RFC 9637, which older versions of Python lack
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an address of IPv4
# The metadata service of Azure has a public address that each machine sees for itself.
_METADATA = frozenset({IPv4Address("168.63.129.16")})


class NotPublic(Exception):
    """A host has an address that is not public; the text says so."""


class Unknown(Exception):
    """A host has no address, or the name server does not answer."""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return True for an address of one host in the public internet.

    An address of IPv6 that stands for one of IPv4 is as public as that one.
    """
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and address not in _METADATA
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    if address.ipv4_mapped:
        return is_public(address.ipv4_mapped)
    if address.sixtofour:
        return is_public(address.sixtofour)
    if address not in _GLOBAL_UNICAST or address in _DOCUMENTATION:
        return False
    return address.is_global and not address.teredo and not address.scope_id


def resolve(host: str, port: int, private_hosts: Collection[str]) -> list[str]:
    """Return the addresses of a host, each of them checked.

    Args:
        host: The name in a URL, or an address in any spelling, without brackets.
        port: The port.
        private_hosts: Hosts that may have any address.

    Raises:
        NotPublic: An address is not public.
        Unknown: The host has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unknown(f"The host {host} was not found.") from error
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    if host not in private_hosts and not all(map(is_public, map(ip_address, addresses))):
        raise NotPublic(
            f"The host {host} has an address that is not public. Send a URL of the internet, or "
            "add the host to PHOTO_HOSTS."
        )
    return addresses
