"""Preview frames, past Django and through it."""

import asyncio

import pytest
from django.core.cache import cache
from django.test import RequestFactory
from django.urls import reverse

from farm_app.previews import PATH, preview, previews_app
from farm_app.progress import Frame

URL = reverse("farm:preview", args=[7, 3])


@pytest.fixture(autouse=True)
def frame() -> None:
    cache.set("preview:7", Frame(3, "image/jpeg", b"a frame"))


def past_django(method: str, url: str) -> tuple[int, dict[str, str], bytes]:
    """Ask as Eliot's own server does; returns status, headers and body."""
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    asyncio.run(previews_app({"method": method, "path": url}, None, send))
    start, body = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}  # type: ignore[attr-defined]
    return start["status"], headers, body["body"]  # type: ignore[return-value]


def test_the_named_address_is_the_one_that_goes_past_django() -> None:
    assert PATH.match(URL)


@pytest.mark.parametrize("job_id", [7, 8])
def test_both_ways_give_the_same(job_id: int) -> None:
    url = reverse("farm:preview", args=[job_id, 3])
    reply = preview(RequestFactory().get(url), job_id=job_id, number=3)
    status, headers, body = past_django("GET", url)
    assert (status, body) == (reply.status_code, reply.content)
    assert {name: reply.headers[name] for name in headers} == headers
    assert (status, body) == ((200, b"a frame") if job_id == 7 else (404, b""))


def test_a_frame_runs_nothing_and_is_kept_for_a_minute() -> None:
    _, headers, _ = past_django("GET", URL)
    assert headers["content-type"] == "image/jpeg"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert headers["cache-control"] == "private, max-age=60"


def test_a_look_at_the_head_has_no_body_and_a_post_finds_nothing() -> None:
    status, headers, body = past_django("HEAD", URL)
    assert (status, headers["content-length"], body) == (200, "7", b"")
    assert past_django("POST", URL)[0] == 404
