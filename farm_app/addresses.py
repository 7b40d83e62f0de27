"""Which hosts a node may have: names and addresses of one machine each, written in the usual way."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

# A host whose last part is a number is an address to every resolver, also as 127.1, 2130706433 or 0x7f000001.
_NUMBER: Final = re.compile(r"0[xX][0-9A-Fa-f]*|[0-9]+")


def why_no_node(host: str) -> str:
    """Say in a sentence why no node can be at this host, or nothing."""
    if host.strip() != host:
        return "A host name or address, without spaces or lines around it."
    is_ipv6 = host.startswith("[")
    if not is_ipv6 and not _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return ""
    try:
        address = ip_address(host.strip("[]") if is_ipv6 else host)
    except ValueError:
        return "Write an address in full, such as 192.168.0.20 or [fd00::20]."
    kind = _kind(getattr(address, "ipv4_mapped", None) or address)
    return f"No node can be at {kind}. Give its own address or name." if kind else ""


def _kind(address: IPv4Address | IPv6Address) -> str:
    """Name what an address is instead of one machine's own."""
    if address.is_unspecified:
        return f"{address}, which is every address of a machine"
    if address.is_link_local:
        return f"the link-local address {address}"
    if address.is_multicast or (isinstance(address, IPv4Address) and address.is_reserved):
        return f"{address}, which is no single machine's"
    return ""
