"""Looks names up with a bound: the resolver of the machine has none, and would hold whoever asks it."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLong
from ipaddress import ip_address

from farm_app.addresses import is_ones_own

LOOK_UP_S = 2.0
"""A name that takes longer is out of reach."""


class NameUnknown(OSError):
    """Nobody knows an address for a name, or nobody says so in time."""


Addresses = tuple[str, ...]

_asked: dict[str, Future[Addresses]] = {}
_asking = threading.Lock()


def connect(host: str, port: int, timeout_s: float) -> socket.socket:
    """Opens a connection to the first address of a host that takes one.

    Raises:
        NameUnknown: the host has no address.
        OSError: no address takes a connection; the last one's failure.
    """
    deadline_s = time.monotonic() + timeout_s
    failure: OSError | None = None
    for address in addresses_of(host, timeout_s):
        if not is_ones_own(address):
            failure = NameUnknown(f"{host} leads to {address}, where no node can be")
            continue
        try:
            return socket.create_connection(
                (address, port), max(0.001, deadline_s - time.monotonic())
            )
        except OSError as error:
            failure = error
    raise failure or NameUnknown(f"{host} has no address")


def addresses_of(host: str, timeout_s: float) -> Addresses:
    """Returns the addresses of a host as they are now, in the resolver's order.

    Raises:
        NameUnknown: it has none, or the resolver does not answer in time.
    """
    bare = host.strip("[]")
    try:
        return (str(ip_address(bare)),)
    except ValueError:
        pass
    try:
        return _lookup(bare).result(min(timeout_s, LOOK_UP_S))
    except TooLong:
        raise NameUnknown(f"the resolver says nothing of {bare}") from None
    except (OSError, UnicodeError) as error:
        raise NameUnknown(f"{bare}: {error}") from error


def _lookup(name: str) -> Future[Addresses]:
    """Returns the answer to come; a name that is being looked up is not asked for once more."""
    with _asking:
        found = _asked.get(name)
        if found is None:
            found = _asked[name] = Future()
            threading.Thread(
                target=_look_up, args=(name, found), name="resolver", daemon=True
            ).start()
    return found


def _look_up(name: str, answer: Future[Addresses]) -> None:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except Exception as error:  # noqa: BLE001 - it is the asker's
        answer.set_exception(error)
    else:
        answer.set_result(tuple(dict.fromkeys(str(address[0]) for *_, address in found)))
    finally:
        with _asking:
            _asked.pop(name, None)
