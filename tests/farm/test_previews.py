"""Preview frames, past Django and through it."""

import asyncio
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.test import RequestFactory
from django.urls import reverse

from farm_app import progress
from farm_app.models import Job, JobGroup
from farm_app.previews import PATH, preview, previews_app
from farm_app.progress import Frame, Teller
from farm_app.timers import LAST_FRAME_S, PREVIEW_S

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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stand in for the clock that frames are counted by; ``at`` sets it, in seconds from the start."""
    cache.clear()
    clock = SimpleNamespace(at=0.0)
    monkeypatch.setattr(progress, "time", SimpleNamespace(time=lambda: 1000.0 + clock.at))
    return clock


def frames_of(clock: SimpleNamespace, expected_s: float | None, moments: list[float]) -> list[int]:
    """Send a frame at each of these moments to a job that should take so long; return the latest after each."""
    teller = Teller(Job(pk=9, group=JobGroup(share_key="s")), "gpu", expected_s, is_cold=False)
    seen = []
    for clock.at in moments:
        teller.show("image/jpeg", b"noise")
        kept = progress.frame(9)
        seen.append(kept.number if kept else 0)
    return seen


def test_the_first_frame_comes_after_the_noise_and_then_two_a_second(
    clock: SimpleNamespace,
) -> None:
    moments = [0.1, PREVIEW_S - 0.01, PREVIEW_S + 0.01, 2 * PREVIEW_S, 2 * PREVIEW_S + 0.02]
    assert frames_of(clock, None, moments) == [0, 0, 1, 1, 2]


def test_no_frame_comes_just_before_its_picture(clock: SimpleNamespace) -> None:
    end = 1.2
    moments = [PREVIEW_S + 0.01, end - LAST_FRAME_S + 0.01, end - 0.01]
    assert frames_of(clock, end, moments) == [1, 1, 1]


def test_a_picture_that_is_late_goes_on_to_show_frames(clock: SimpleNamespace) -> None:
    assert frames_of(clock, 1.2, [1.0, 1.3, 2.0]) == [0, 1, 2]
