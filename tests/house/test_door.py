"""Who is let in, by page and by socket, through the whole application."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User

from eliot.policy import local_owner, may_see, refusal
from tests.visitors import HERE, get, is_let_in, socket

OUTSIDERS = ["192.168.0.7", "10.0.0.1", "203.0.113.5", "fe80::1", "::ffff:10.0.0.1", "nonsense"]
FOREIGN_HOSTS = [
    "evil.com",
    "evil.com:8000",
    "localhost.evil.com:8000",
    "evil.localhost:8000",
    "localhost.:8000",
    "localhost",
    "localhost:8001",
    "localhost:8000:8000",
    "localhost:8000@evil.com",
    "user@localhost:8000",
    "localhost:8000/x",
    "localhost:8000?x",
    "localhost:8000#x",
    "localhost:99999999",
    "localhost:x",
    "localhost:",
    "127.0.0.1:08000",
    "[::1]x:8000",
    "::1",
    "127.0.0.2:8000",
    "2130706433:8000",
    "0x7f.1:8000",
    "0.0.0.0:8000",
    "[::]:8000",
    "[::1",
    "",
]
PROXIES = [
    ("X-Forwarded-For", "127.0.0.1"),
    ("x-forwarded-host", HERE),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Port", "8000"),
    ("X-Forwarded-Prefix", "/"),
    ("Forwarded", "for=127.0.0.1"),
    ("Via", "1.1 proxy"),
    ("X-Real-IP", "127.0.0.1"),
]
FOREIGN_ORIGINS = [
    None,
    "null",
    "",
    "http://evil.com",
    "https://localhost:8000",
    "http://localhost",
    "http://localhost:8001",
    "http://localhost:8000/",
    "http://localhost:8000.evil.com",
    "http://evil.com#http://localhost:8000",
    "http://127.0.0.1:8000",
    "file://",
]


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000"])
async def test_this_machine_is_let_in_by_each_of_its_names(live_studio: None, host: str) -> None:
    answer = await get(headers=[("host", host)])
    assert answer.status_code == 200
    assert "Make the first pictures" in answer.text
    assert await is_let_in(socket("/ws/farm/", host=host, origin=f"http://{host}"))


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
async def test_a_page_is_not_answered_under_a_foreign_name(host: str) -> None:
    answer = await get(headers=[("host", host)])
    assert (answer.status_code, answer.text) == (403, "This address is not Eliot's own.")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
async def test_nor_is_a_socket_even_when_its_origin_agrees(host: str) -> None:
    assert not await is_let_in(socket("/ws/farm/", host=host, origin=f"http://{host}"))


def test_a_name_is_ours_in_any_case() -> None:
    assert refusal(scope(headers=[(b"host", b"LocalHost:8000")])) is None


@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/farm", "/ws/sessions/x/", "/%0a"])
async def test_a_socket_to_nowhere_is_closed_without_a_word_in_the_log(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert not await is_let_in(socket(path))
    assert caplog.records == []


async def test_two_hosts_are_none() -> None:
    for other in (HERE, "evil.com"):
        answer = await get(headers=[("host", HERE), ("host", other)])
        assert answer.status_code == 403
        assert not await is_let_in(socket("/ws/farm/", headers=[("host", other)]))
    assert (await get(headers=[])).status_code == 403


@pytest.mark.parametrize("header", PROXIES)
async def test_whatever_comes_through_a_proxy_is_refused(header: tuple[str, str]) -> None:
    answer = await get(headers=[("host", HERE), header])
    assert answer.status_code == 403
    assert "no proxy" in answer.text
    assert not await is_let_in(socket("/ws/farm/", headers=[(header[0].lower(), header[1])]))


@pytest.mark.parametrize("peer", OUTSIDERS)
async def test_another_machine_is_refused_whatever_it_claims(peer: str) -> None:
    answer = await get(peer=peer)
    assert (answer.status_code, answer.text) == (403, "Eliot answers this machine only.")
    assert not await is_let_in(socket("/ws/farm/", peer=peer))


async def test_a_visitor_from_nowhere_is_refused() -> None:
    assert not await is_let_in(socket("/ws/farm/", peer=None))


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
async def test_a_socket_must_come_from_our_own_page(origin: str | None) -> None:
    assert not await is_let_in(socket("/ws/farm/", origin=origin))


async def test_two_origins_are_none() -> None:
    twice = [("origin", f"http://{HERE}")]
    assert not await is_let_in(socket("/ws/farm/", headers=twice))


async def test_a_public_address_closes_the_door_until_there_are_accounts(
    settings: LazySettings,
) -> None:
    settings.ELIOT_PUBLIC_URL = "https://eliot.example.com"
    answer = await get()
    assert answer.status_code == 403
    assert "Unset ELIOT_PUBLIC_URL" in answer.text
    assert not await is_let_in(socket("/ws/farm/"))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "TRACE", "PROPFIND", "CONNECT"])
@pytest.mark.parametrize("path", ["/", "/admin/", "/static/x.js", "/media/x", "/nowhere"])
async def test_the_door_stands_before_every_address(method: str, path: str) -> None:
    answer = await get(path, method=method, headers=[("host", "evil.com")])
    assert answer.status_code == 403


def scope(**changes: Any) -> dict[str, Any]:
    usual = {
        "type": "http",
        "client": ("::1", 1),
        "server": ("::1", 8000),
        "headers": [(b"Host", b"[::1]:8000")],
    }
    return {**usual, **changes}


def test_pictures_follow_the_same_rule() -> None:
    assert may_see(scope(), "any")
    assert not may_see(scope(client=("192.0.2.1", 1)), "any")
    assert not may_see(scope(headers=[(b"host", b"evil.com")]), "any")


def test_the_usual_port_needs_no_number() -> None:
    at_80 = {"server": ("127.0.0.1", 80), "headers": [(b"host", b"localhost")]}
    assert refusal(scope(**at_80)) is None
    assert refusal(scope(headers=[(b"host", b"localhost")])) is not None


@pytest.mark.parametrize("client", [None, ("", 0), ("localhost", 1)])
def test_a_peer_without_an_address_is_none_of_ours(client: Any) -> None:
    assert refusal(scope(client=client)) == "Eliot answers this machine only."


def test_the_owner_is_one_real_user_whom_nobody_can_log_in_as(db: None) -> None:
    first, second = local_owner(), local_owner()
    assert first == second == User.objects.get()
    assert (first.username, first.is_superuser, first.has_usable_password()) == (
        "local",
        True,
        False,
    )
