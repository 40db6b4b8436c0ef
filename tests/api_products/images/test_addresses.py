"""The rule of addresses: only hosts of the public internet are asked for photos."""

import socket
from ipaddress import ip_address, ip_network
from itertools import islice

import pytest

from api_products.images import addresses

PRIVATE = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/29",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "168.63.129.16/32",
    "100.100.100.200/32",
    "169.254.169.254/32",
    "169.254.170.2/32",
    "::/128",
    "::1/128",
    "::/96",
    "::7f00:1/128",
    "::ffff:0:0:0/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001:db8::/32",
    "2001::/32",
    "2001:2::/48",
    "2001:10::/28",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fd00:ec2::254/128",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
    "4000::/3",
    "8000::/1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "2001:4860:4860::8888",
]


def samples(network):
    """Some addresses of a network: its first ones, its last one, and some between."""
    net = ip_network(network)
    step = max(1, net.num_addresses // 8)
    yield from islice(net, 3)
    yield net[-1]
    for place in range(0, net.num_addresses, step):
        yield net[place]


def wrapped(address):
    """The forms of IPv6 that stand for an address of IPv4."""
    yield ip_address(f"::ffff:{address}")
    yield ip_address(f"64:ff9b::{address}")
    yield ip_address(int(ip_address("2002::")) | int(address) << 80)
    yield ip_address(int(ip_address("2002::1")) | int(address) << 80)


@pytest.mark.parametrize("network", PRIVATE)
def test_no_address_of_a_network_that_is_not_public_is_allowed(network):
    for address in samples(network):
        assert not addresses.is_public(address), address
        if address.version == 4:
            for form in wrapped(address):
                assert not addresses.is_public(form), form


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_allowed_in_every_form(text):
    address = ip_address(text)
    assert addresses.is_public(address)
    if address.version == 4:
        for form in wrapped(address):
            assert addresses.is_public(form), form


@pytest.mark.parametrize("text", ["2001:0:4136:e378:8000:63bf:3fff:fdd2", "2606:4700::1%eth0"])
def test_tunnels_and_scopes_are_not_allowed(text):
    assert not addresses.is_public(ip_address(text))


LOOPBACK = [
    *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0x7F.0.0.0x1"),
    *("0177.0.0.1", "0177.1", "017700000001", "127.000.000.001", "0", "0.0.0.0", "00.0.0.0"),
    *("::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::", "localhost"),
    *("2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "::ffff:a9fe:a9fe"),
    *("10.1", "0xa000001", "012.0.0.1", "192.168.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
    *("fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1"),
]


@pytest.mark.parametrize("host", LOOPBACK)
def test_no_spelling_of_a_private_address_resolves(host):
    with pytest.raises((addresses.NotPublic, addresses.Unknown)):
        addresses.resolve(host, 80, ())


def test_a_named_host_may_be_private():
    assert addresses.resolve("127.0.0.1", 80, {"127.0.0.1"}) == ["127.0.0.1"]


def answering(*answers):
    return lambda *args, **kwargs: [
        (socket.AF_INET6 if ":" in answer else socket.AF_INET, 1, 6, "", (answer, 80))
        for answer in answers
    ]


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", answering("8.8.8.8", "10.0.0.1", "1.1.1.1"))
    with pytest.raises(addresses.NotPublic, match="has an address that"):
        addresses.resolve("shop.example", 80, ())


def test_every_public_address_is_returned_once(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", answering("8.8.8.8", "2606:4700::1111", "8.8.8.8"))
    assert addresses.resolve("shop.example", 80, ()) == ["8.8.8.8", "2606:4700::1111"]


def test_a_name_without_an_address_is_unknown():
    for name in ("nothing.invalid", "a" * 64 + ".example", "foo%2f.bar"):
        with pytest.raises(addresses.Unknown, match="was not found"):
            addresses.resolve(name, 80, ())
