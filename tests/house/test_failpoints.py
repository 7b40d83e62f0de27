"""Failpoints do nothing until they are armed, act once, and are refused in public."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from eliot import failpoints
from eliot.failpoints import Failed, arm, failpoint, failpoint_on_commit
from tests.house.test_settings import read


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm("")


def test_without_arms_nothing_happens() -> None:
    failpoint("post before")
    assert not failpoints._rules


def test_it_acts_at_its_own_name_and_once() -> None:
    arm("post before=raise")
    failpoint("post after")
    with pytest.raises(Failed, match="post before"):
        failpoint("post before")
    failpoint("post before")


def test_it_acts_at_the_nth_time() -> None:
    arm("stop before=sleep:0; post before=hit:3,raise")
    failpoint("post before")
    failpoint("post before")
    with pytest.raises(Failed):
        failpoint("post before")


def test_it_sleeps() -> None:
    arm("post before=sleep:0.05")
    began = time.monotonic()
    failpoint("post before")
    assert time.monotonic() - began >= 0.05


def test_it_kills_for_real() -> None:
    child = os.fork()
    if child == 0:
        arm("post before=kill9")
        failpoint("post before")
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


@pytest.mark.django_db(transaction=True)
def test_what_waits_for_a_commit_acts_after_it() -> None:
    arm("order after=raise")
    told: list[str] = []

    def order() -> None:
        with transaction.atomic():
            failpoint_on_commit("order after")
            transaction.on_commit(lambda: told.append("nudged"))

    with pytest.raises(Failed):
        order()
    assert told == []


@pytest.mark.parametrize(
    "text", ["post before", "x=explode", "x=hit:0,raise", "x=sleep:", "=raise"]
)
def test_nonsense_is_refused_by_name(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="ELIOT_FAILPOINTS"):
        arm(text)


def test_a_public_eliot_refuses_them(tmp_path: Path) -> None:
    public = {"ELIOT_PUBLIC_URL": "https://eliot.example.com", "ELIOT_FAILPOINTS": "x=kill9"}
    checked = read(tmp_path, "manage.py", "check", **public)
    assert checked.returncode == 1
    assert "(eliot.E001) Failpoints are armed on a public address." in checked.stderr
