"""Addresses of servers without what is secret in them."""

import re

_HOST = r"(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d+)?"
_ADDRESS = re.compile(
    rf"(?P<scheme>[a-z][a-z\d+]*)://(?:[^@/?#]*@)?(?P<hosts>{_HOST}(?:,{_HOST})*|)"
    r"(?P<path>(?:/[\w.~/-]*)?)(?:[?#][^@]*)?",
    re.ASCII,
)


def server_address(url: str) -> str:
    """Return scheme, hosts and path of a URL, without users, passwords and parameters.

    Return an empty text if the hosts are not certain, as with a password that is not encoded.
    """
    match = _ADDRESS.fullmatch(url)
    return f"{match['scheme']}://{match['hosts']}{match['path']}" if match else ""
