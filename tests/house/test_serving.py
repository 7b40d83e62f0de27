"""The listening socket: this machine only, and a busy port is found before anything starts."""

import socket
from contextlib import closing

import pytest

from eliot.launch.serving import CannotListen, open_socket, require_permitted


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_it_listens_on_this_machine(host: str) -> None:
    with closing(open_socket(host, 0)) as listener:
        where = listener.getsockname()
        with socket.create_connection(("::1" if ":" in host else "127.0.0.1", where[1]), 5):
            pass


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "192.168.0.7", "203.0.113.5", "example.com", "", "127.1"],  # noqa: S104 - refused
)
def test_it_listens_nowhere_else_until_there_are_accounts(host: str) -> None:
    with pytest.raises(CannotListen, match="no accounts yet"):
        open_socket(host, 0)


def test_for_programs_it_may_listen_everywhere_once_there_is_a_token() -> None:
    with pytest.raises(CannotListen, match="api_token create"):
        require_permitted("0.0.0.0", has_tokens=False)  # noqa: S104 - nothing listens
    require_permitted("0.0.0.0", has_tokens=True)  # noqa: S104 - nothing listens


@pytest.mark.parametrize("host", ["", "::", "192.168.0.7", "example.com", "0", "0.0.0.0."])
def test_a_token_opens_no_other_address(host: str) -> None:
    with pytest.raises(CannotListen):
        require_permitted(host, has_tokens=True)


def test_a_port_in_use_says_so_and_what_to_do() -> None:
    with closing(open_socket("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(CannotListen, match=f"Port {port} .* Choose another with --port"):
            open_socket("127.0.0.1", port)
    open_socket("127.0.0.1", port).close()
