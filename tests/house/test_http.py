"""What every view shares: fragment or page, and a busy database that says so."""

import asyncio
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django_htmx.middleware import HtmxMiddleware

from eliot.http import FriendlyBusyMiddleware, varied, wants_fragment
from gallery_app.models import MediaFile
from tests import factories
from tests.visitors import application


def asked(**headers: str) -> HttpRequest:
    request = RequestFactory().get("/", headers=headers)
    HtmxMiddleware(lambda _: HttpResponse())(request)
    return request


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({}, False),
        ({"HX-Request": "true"}, True),
        ({"HX-Request": "true", "HX-Boosted": "true"}, False),
        ({"HX-Request": "true", "HX-History-Restore-Request": "true"}, False),
        ({"HX-Target": "grid"}, False),
    ],
)
def test_only_htmx_that_swaps_a_part_gets_a_part(headers: dict[str, str], *, wanted: bool) -> None:
    assert wants_fragment(asked(**headers)) is wanted


def test_vary_is_added_to_what_is_there() -> None:
    response = HttpResponse(headers={"Vary": "Cookie"})
    assert varied(response)["Vary"] == "Cookie, HX-Request, HX-History-Restore-Request"


@contextmanager
def impatient(milliseconds: int) -> Iterator[None]:
    """Let this connection wait no longer for the database than this."""
    with connection.cursor() as cursor:
        (usual,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute(f"PRAGMA busy_timeout={milliseconds}")
        yield
        cursor.execute(f"PRAGMA busy_timeout={usual}")


def error_id(response: Any) -> str:
    """Return the error id that a page shows."""
    found = re.search(r"<code>([0-9a-f]{8})</code>", response.content.decode())
    assert found, response.content.decode()
    return found[1]


def test_a_fault_of_eliots_own_is_a_page_with_an_id_that_the_log_has_too(
    studio: None, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE sessions_app_worksession RENAME TO somewhere_else")
    response = client.get("/")
    assert response.status_code == 500
    assert "Something broke in Eliot" in response.content.decode()
    assert f"error id {error_id(response)}, GET /: the traceback follows" in caplog.text
    assert "no such table: sessions_app_worksession" in caplog.text


def test_a_database_that_stays_locked_is_a_friendly_503_and_changes_nothing(
    live_studio: None, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    (one,) = factories.pictures()
    client.get("/")
    with impatient(50), closing(sqlite3.connect(str(connection.settings_dict["NAME"]))) as other:
        other.execute("BEGIN IMMEDIATE")
        response = client.post(f"/takes/{one.pk}/keep/")
        assert client.get(one.round.session.url).status_code == 200  # readers never wait
        other.rollback()
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert "Eliot is busy just now" in response.content.decode()
    assert (
        f"error id {error_id(response)}, POST /takes/{one.pk}/keep/: database is locked"
        in caplog.text
    )
    assert MediaFile.objects.get().flag == ""
    assert client.post(f"/takes/{one.pk}/keep/").status_code == 302


async def test_only_some_pages_are_made_at_once_and_all_of_them_in_the_end() -> None:
    now, most, made = 0, 0, 0

    async def page(scope: Any, receive: Any, send: Any) -> None:
        nonlocal now, most, made
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now, made = now - 1, made + 1

    application()  # loads what the limit stands in
    few = sys.modules["eliot.asgi"].FewAtOnce(page, 3)
    await asyncio.gather(*(few({}, None, None) for _ in range(20)))
    assert (most, made) == (3, 20)


def test_other_faults_of_the_database_are_not_called_busy() -> None:
    busy = FriendlyBusyMiddleware(lambda _: HttpResponse())
    request = asked()
    assert busy.process_exception(request, OperationalError("no such table: x")) is None
    assert busy.process_exception(request, ValueError("locked")) is None
