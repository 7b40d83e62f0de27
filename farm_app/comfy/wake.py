"""Wakes a sleeping machine: the packet that its network card listens for. Nothing answers it."""

from __future__ import annotations

import re
import socket

_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")
TIMES = 3
"""A packet over UDP may be lost, and a second one does no harm."""


def magic_packet(mac: str) -> bytes:
    """Returns six bytes of ones, then the address of the card sixteen times.

    Raises:
        ValueError: not a MAC address.
    """
    if not _MAC.fullmatch(mac):
        raise ValueError(f"{mac!r} is no MAC address")
    return b"\xff" * 6 + bytes.fromhex(re.sub("[:-]", "", mac)) * 16


def wake(mac: str, host: str, port: int) -> None:
    """Sends the packet to an address of the network, usually everybody's.

    Raises:
        ValueError: not a MAC address.
        OSError: the network does not take it.
    """
    packet = magic_packet(mac)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        for _ in range(TIMES):
            sender.sendto(packet, (host, port))
