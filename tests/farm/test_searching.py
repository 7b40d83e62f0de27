"""Looking at addresses that somebody typed, at real demo nodes and at what is none."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from farm_app import searching
from farm_app.addresses import BadAddress, address_in, addresses_in
from farm_app.models import NodeProbe
from tests.farm.rig import Farm, on_request


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def web_server() -> Iterator[int]:
    """Some web server that is no ComfyUI."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<h1>Printer</h1>")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("typed", "host", "port"),
    [
        ("192.168.0.20", "192.168.0.20", 8188),
        (" rig:8189 ", "rig", 8189),
        ("http://192.168.0.20:8188/", "192.168.0.20", 8188),
        ("[fd00::20]:8190", "[fd00::20]", 8190),
        ("rig.lan.", "rig.lan", 8188),
    ],
)
def test_an_address_is_read_as_people_write_it(typed: str, host: str, port: int) -> None:
    assert address_in(typed) == (host, port)


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("http://user:pw@rig", "no user name or password"),
        ("https://rig", "plain http"),
        ("file:///etc/passwd", "begin with http://"),
        ("gopher://rig", "begin with http://"),
        ("169.254.169.254", "link-local"),
        ("[::ffff:169.254.169.254]", "link-local"),
        ("2852039166", "in full"),
        ("0xa9fea9fe", "in full"),
        ("0.0.0.0", "every address"),  # noqa: S104 - refused
        ("224.0.0.1", "no single machine"),
        ("rig:0", "no port 0"),
        ("rig:70000", "no port 70000"),
        ("rig/path", "Write a host name"),
        ("#@evil", "no user name"),
        ("two words", "Write a host name"),
        ("", "Write a host name"),
    ],
)
def test_what_is_no_address_is_refused_in_words(typed: str, why: str) -> None:
    with pytest.raises(BadAddress, match=why):
        address_in(typed)


def test_a_range_is_written_in_three_ways() -> None:
    assert len(addresses_in("192.168.0.20-40")) == 21
    assert len(addresses_in("192.168.0.250-192.168.1.5")) == 12
    whole = addresses_in("192.168.7.0/24:8189")
    assert (len(whole), whole[0], whole[-1]) == (
        254,
        ("192.168.7.1", 8189),
        ("192.168.7.254", 8189),
    )


def test_addresses_stand_apart_by_commas_spaces_and_lines_and_count_once() -> None:
    typed = "rig, 10.0.0.1\n10.0.0.1 10.0.0.2:8189"
    assert addresses_in(typed) == [("rig", 8188), ("10.0.0.1", 8188), ("10.0.0.2", 8189)]


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("10.0.0.0/16", "65,534 addresses; at most 256"),
        ("8.8.8.0/24", "not a private network"),
        ("192.168.0.40-20", "ends before it begins"),
        ("192.168.0.300-301", "no range"),
        ("192.168.0.0/24 192.168.1.0/24", "more than 256"),
        ("169.254.0.1-9", "not a private network"),
        ("  ", "Write the addresses"),
    ],
)
def test_a_range_that_is_none_too_large_or_not_ones_own_is_refused(typed: str, why: str) -> None:
    with pytest.raises(BadAddress, match=why):
        addresses_in(typed)


def looked_at(*ports: int) -> list[NodeProbe]:
    search = searching.begin([("127.0.0.1", port) for port in ports])
    searching.look(search)
    return list(NodeProbe.objects.filter(search=search).order_by("pk"))


def test_a_comfyui_tells_version_card_memory_and_models(farm: Farm) -> None:
    process = farm.node(
        "gpu-a", is_up=True, families=["sd15", "sdxl", "upscale"], vram_gb=8, card="RTX 4060 Ti"
    )
    (probe,) = looked_at(process.port)
    facts = probe.facts
    assert (probe.state, facts["version"], facts["vram_gb"]) == ("found", "0.33.0", 8.0)
    assert facts["card"].startswith("RTX 4060 Ti")
    assert set(facts["families"]) == {"sd15", "sdxl"}
    assert set(facts["fitting"]) == {"sd15", "sdxl"}
    assert (facts["tier"], facts["can_upscale"]) == ("standard", True)
    assert facts["latency_ms"] > 0


def test_each_failure_is_told_in_words(farm: Farm, web_server: int) -> None:
    locked = farm.node("gpu-a", is_up=True)
    locked.set_rules(on_request("/system_stats", {"status": 401}, method="GET"))
    nothing, printer, secret = looked_at(free_port(), web_server, locked.port)
    assert "ComfyUI does not run there. Start ComfyUI there" in nothing.sentence
    assert printer.sentence.endswith("Check the port: ComfyUI's usual one is 8188.")
    assert "asks for credentials" in secret.sentence
    assert {one.state for one in (nothing, printer, secret)} == {"failed"}


def test_what_is_found_is_written_down_while_others_are_still_silent(farm: Farm) -> None:
    quick = farm.node("gpu-a", is_up=True)
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen()  # takes the connection, and says nothing
    search = searching.begin([("127.0.0.1", silent.getsockname()[1]), ("127.0.0.1", quick.port)])
    thread = threading.Thread(target=searching.look, args=(search,))
    seen: list[set[str]] = []
    thread.start()
    while thread.is_alive():
        seen.append(set(NodeProbe.objects.filter(search=search).values_list("state", flat=True)))
    thread.join()
    silent.close()
    assert {"asked", "found"} in seen


def test_so_many_searches_in_a_minute_are_no_persons(db: None) -> None:
    for _ in range(searching.MOST_A_MINUTE):
        searching.begin([("10.0.0.1", 8188)])
    with pytest.raises(searching.TooMany):
        searching.begin([("10.0.0.1", 8188)])


def test_a_card_is_named_as_people_name_it() -> None:
    named = searching.card_name("cuda:0 NVIDIA GeForce RTX 4060 Ti : cudaMallocAsync")
    assert named == "RTX 4060 Ti"
    assert searching.card_name("cpu") == ""
