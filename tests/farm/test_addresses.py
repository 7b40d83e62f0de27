"""Hosts that no node can have."""

import pytest

from farm_app.addresses import why_no_node


@pytest.mark.parametrize(
    "host",
    ["studio-3.lan", "h", "4090.lan", "a1b2", "0x.lan", "192.168.0.20", "127.0.0.1", "[::1]", "[fd00::20]"],
)  # fmt: skip
def test_names_and_addresses_of_one_machine_are_fine(host: str) -> None:
    assert why_no_node(host) == ""


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("0.0.0.0", "every address of a machine"),  # noqa: S104 - refused, not bound
        ("[::]", "every address of a machine"),
        ("169.254.169.254", "the link-local address 169.254.169.254"),
        ("[::ffff:169.254.169.254]", "the link-local address 169.254.169.254"),
        ("[fe80::1]", "link-local"),
        ("224.0.0.1", "no single machine's"),
        ("[ff02::1]", "no single machine's"),
        ("255.255.255.255", "no single machine's"),
        ("[64:ff9b::a9fe:a9fe]", "the link-local address 169.254.169.254"),
        ("[2002:a9fe:a9fe::]", "the link-local address 169.254.169.254"),
        ("[::a9fe:a9fe]", "the link-local address 169.254.169.254"),
        ("[fd00:ec2::254]", "its secrets"),
        ("100.100.100.200", "its secrets"),
        ("Metadata.google.internal", "its secrets"),
    ],
)
def test_an_address_that_is_no_machines_own_is_refused(host: str, said: str) -> None:
    assert said in why_no_node(host)


@pytest.mark.parametrize(
    "host",
    ["2852039166", "0xa9fea9fe", "0xA9FEA9FE", "127.1", "0x7f.1", "0251.0376.0251.0376", "1.2.3.4.",
     "1.2.3.256", "[:::]", "[1]"],
)  # fmt: skip
def test_an_address_in_another_spelling_is_refused(host: str) -> None:
    assert "in full" in why_no_node(host)
