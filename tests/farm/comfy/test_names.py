"""Names are looked up with a bound, whatever the machine's resolver does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from farm_app.comfy import names
from farm_app.comfy.client import ComfyClient
from farm_app.comfy.errors import Unreachable
from farm_app.comfy.names import NameUnknown, addresses_of, connect
from farm_app.comfy.watch import Watch
from tests.farm.comfy.node import ScriptedNode, says


class Resolver:
    """Stands for the machine's own: some names it knows, the rest it thinks about for ever."""

    def __init__(self) -> None:
        self.known: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.over = threading.Event()

    def __call__(self, host: str, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if host not in self.known:
            self.asked.append(host)
            self.over.wait(10)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        kind = socket.SOCK_STREAM
        return [(socket.AF_INET, kind, 6, "", (one, port or 0)) for one in self.known[host]]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    found = Resolver()
    found.known = {"127.0.0.1": ["127.0.0.1"], "127.0.0.2": ["127.0.0.2"]}
    monkeypatch.setattr(socket, "getaddrinfo", found)
    yield found
    found.over.set()


def test_an_address_needs_no_look_up(resolver: Resolver) -> None:
    assert addresses_of("192.168.0.20", 1.0) == ("192.168.0.20",)
    assert addresses_of("[fd00::20]", 1.0) == ("fd00::20",)
    assert resolver.asked == []


def test_a_name_that_leads_where_no_node_can_be_is_not_followed(resolver: Resolver) -> None:
    resolver.known["cloud.lan"] = ["169.254.169.254"]
    with pytest.raises(NameUnknown, match="where no node can be"):
        connect("cloud.lan", 80, 1.0)


def test_a_resolver_that_thinks_is_not_waited_for_nor_asked_twice(resolver: Resolver) -> None:
    for _ in range(3):
        with pytest.raises(NameUnknown, match="says nothing"):
            addresses_of("lost.lan", 0.1)
    assert resolver.asked == ["lost.lan"]


def test_a_name_that_is_known_again_is_found(resolver: Resolver) -> None:
    with pytest.raises(NameUnknown):
        addresses_of("lost.lan", 0.05)
    resolver.over.set()
    while "lost.lan" in names._asked:
        time.sleep(0.01)
    resolver.known["lost.lan"] = ["127.0.0.1"]
    assert addresses_of("lost.lan", 1.0) == ("127.0.0.1",)


def test_of_several_addresses_the_one_that_answers_is_taken(
    resolver: Resolver, node: ScriptedNode
) -> None:
    resolver.known["two.lan"] = ["127.0.0.2", "127.0.0.1"]
    port = int(node.origin.rpartition(":")[2])
    connect("two.lan", port, 1.0).close()
    node.on("GET /prompt", says({"exec_info": {"queue_remaining": 1}}))
    with ComfyClient(f"http://two.lan:{port}") as client:
        assert client.queue_remaining() == 1


def test_both_ways_to_a_node_say_that_it_is_the_name(resolver: Resolver) -> None:
    with ComfyClient("http://lost.lan:1", connect_timeout_s=0.1) as client:
        with pytest.raises(Unreachable, match=r"name in lost\.lan:1 cannot") as caught:
            client.queue_remaining()
        assert not caught.value.refused
    with pytest.raises(Unreachable, match=r"name in lost\.lan:1 cannot"):
        Watch("http://lost.lan:1", "c", open_timeout_s=0.1)
