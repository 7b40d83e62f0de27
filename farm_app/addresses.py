"""Which hosts a node may have: names and addresses of one machine each, written in the usual way."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

# A host whose last part is a number is an address to every resolver, also as 127.1, 2130706433 or 0x7f000001.
_NUMBER: Final = re.compile(r"0[xX][0-9A-Fa-f]*|[0-9]+")


def why_no_node(host: str) -> str:
    """Say in a sentence why no node can be at this host, or nothing."""
    if host.strip() != host:
        return "A host name or address, without spaces or lines around it."
    is_ipv6 = host.startswith("[")
    if host.rstrip(".").lower() in _CLOUD_NAMES:
        return f"No node can be at {host}, where clouds tell a machine its secrets."
    if not is_ipv6 and not _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return ""
    try:
        address = ip_address(host.strip("[]") if is_ipv6 else host)
    except ValueError:
        return "Write an address in full, such as 192.168.0.20 or [fd00::20]."
    kind = _kind(address)
    return f"No node can be at {kind}. Give its own address or name." if kind else ""


def _kind(address: IPv4Address | IPv6Address) -> str:
    """Name what an address is instead of one machine's own."""
    if isinstance(address, IPv6Address) and (inner := _ipv4_in(address)) is not None:
        return _kind(inner)
    if address in _CLOUD:
        return f"{address}, where clouds tell a machine its secrets"
    if address.is_unspecified:
        return f"{address}, which is every address of a machine"
    if address.is_link_local:
        return f"the link-local address {address}"
    if address.is_multicast or (isinstance(address, IPv4Address) and address.is_reserved):
        return f"{address}, which is no single machine's"
    return ""


def _ipv4_in(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that packets to this one reach, if it only wraps one."""
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def is_ones_own(address: str) -> bool:
    """Say whether what a name leads to can be a node."""
    return not _kind(ip_address(address))


_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")
_CLOUD: Final = frozenset(map(ip_address, ("100.100.100.200", "fd00:ec2::254", "192.0.0.192")))
_CLOUD_NAMES: Final = frozenset({"metadata.google.internal", "metadata"})
MOST: Final = 256
_SHARED: Final = IPv4Network("100.64.0.0/10")
"""Of carriers, and of private networks that are laid over others."""
_ORIGIN: Final = re.compile(r"(?:http://)?(\[[0-9A-Fa-f:.]+\]|[^\s/:@\[\]]+)(?::(\d{1,5}))?/?")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]*|\[[0-9A-Fa-f:.]+\]")
_RANGE: Final = re.compile(r"([0-9.]+)(?:/(\d{1,2})|-([0-9.]+))(?::(\d{1,5}))?")

Address = tuple[str, int]
"""Host and port."""


class BadAddress(ValueError):
    """What was typed names no address that a node can have; says why, and what would do."""


def address_in(typed: str, port: int = 8188) -> Address:
    """Return the one address that somebody typed: ``192.168.0.20``, ``rig:8189`` or ``http://rig:8188/``.

    Raises:
        BadAddress: It is none, or no node can have it.
    """
    found = _ORIGIN.fullmatch(typed.strip())
    if found is None or not _NAME.fullmatch(found[1]):
        raise BadAddress(_why_no_address(typed.strip()))
    host = found[1].rstrip(".")
    if why := why_no_node(host):
        raise BadAddress(why)
    return host, _port(found[2], port)


def _why_no_address(typed: str) -> str:
    if "@" in typed:
        return "Eliot sends no user name or password to a node. Leave them out."
    if typed.startswith("https:"):
        return "Nodes are asked over plain http. Leave https:// out."
    if "://" in typed and not typed.startswith("http:"):
        return "Only addresses that begin with http:// can be a ComfyUI."
    return (
        "Write a host name or address, with its port if that is not 8188: 192.168.0.20 or rig:8189."
    )


def _port(typed: str | None, usual: int) -> int:
    port = int(typed) if typed else usual
    if not 1 <= port <= 65_535:
        raise BadAddress(f"There is no port {port}: ports go from 1 to 65535.")
    return port


def addresses_in(typed: str, port: int = 8188) -> list[Address]:
    """Return every address in a text: addresses and ranges, apart by spaces, commas or lines, each once.

    A range is ``192.168.0.20-40``, ``192.168.0.20-192.168.1.9`` or ``192.168.0.0/24``, on a private network or this
    machine: Eliot does not scan other people's.

    Raises:
        BadAddress: One of them is wrong, or they are more than `MOST`.
    """
    found: dict[Address, None] = {}
    for word in re.split(r"[\s,;]+", typed.strip()):
        if not word:
            continue
        ranged = _RANGE.fullmatch(word)
        several = _in_range(ranged, word, port) if ranged else [address_in(word, port)]
        found |= dict.fromkeys(several)
        if len(found) > MOST:
            raise BadAddress(f"These are more than {MOST} addresses. Search a smaller range.")
    if not found:
        raise BadAddress("Write the addresses to look at, such as 192.168.0.20-40.")
    return list(found)


def _in_range(found: "re.Match[str]", word: str, port: int) -> list[Address]:
    try:
        first, last = _ends(found)
    except ValueError:
        raise BadAddress(f"{word} is no range. Write 192.168.0.20-40 or 192.168.0.0/24.") from None
    count = int(last) - int(first) + 1
    if count < 1:
        raise BadAddress(f"{word} ends before it begins.")
    if count > MOST:
        raise BadAddress(f"{word} is {count:,} addresses; at most {MOST} are looked at together.")
    if not (_is_ones_own(first) and _is_ones_own(last)):
        raise BadAddress(f"{word} is not a private network. Only your own may be searched.")
    number = _port(found[4], port)
    return [(str(IPv4Address(int(first) + step)), number) for step in range(count)]


def _ends(found: "re.Match[str]") -> tuple[IPv4Address, IPv4Address]:
    start = IPv4Address(found[1])
    if found[2]:
        network = IPv4Network((found[1], int(found[2])), strict=False)
        hosts = network.num_addresses > 2
        first, last = network.network_address, network.broadcast_address
        return (first + 1, last - 1) if hosts else (first, last)
    end = found[3]
    return start, IPv4Address(end if "." in end else f"{found[1].rpartition('.')[0]}.{end}")


def _is_ones_own(address: IPv4Address) -> bool:
    is_own = address.is_private or address.is_loopback or address in _SHARED
    return is_own and not _kind(address)
