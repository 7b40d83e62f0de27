"""Sockets for programs: what happened since, how far it is, how it ended; each event once, one JSON object a message."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.testing import WebsocketCommunicator

from eliot import live
from eliot.policy import local_owner
from farm_app import cancelling, deadlines
from farm_app.api import sockets
from farm_app.api.showing import counts_of
from farm_app.models import ApiToken, Job
from farm_app.models.states import JobState
from tests.farm.api.program import Program, done, draft, rested, token
from tests.farm.rig import Farm
from tests.visitors import PATIENCE_S, is_let_in, socket

HERE = Program()
SLOW: dict[str, Any] = {"seconds": {"sd15": 20.0}}
Message = dict[str, Any]


async def heard(page: WebsocketCommunicator, until: Callable[[Message], bool]) -> list[Message]:
    """Return what is told up to the first message that fits."""
    found: list[Message] = []
    while not found or not until(found[-1]):
        found.append(json.loads(await page.receive_from(timeout=PATIENCE_S)))
    return found


def told(path: str, until: str, act: Callable[[], object] | None = None) -> list[Message]:
    """Connect, do something, and return what is told up to an event of this name."""

    async def listen() -> list[Message]:
        page = socket(path)
        connected, _ = await page.connect(timeout=PATIENCE_S)
        assert connected
        acting = (
            asyncio.ensure_future(sync_to_async(act, thread_sensitive=False)()) if act else None
        )
        found = await heard(page, lambda one: one["event"] == until)
        if acting:
            await acting
        await page.disconnect()
        return found

    return async_to_sync(listen)()


def test_a_job_is_told_from_the_queue_to_its_picture(farm: Farm) -> None:
    farm.node(seconds={"sd15": 1.0})
    asked = HERE.post("jobs", draft(parameters={"steps": 20}))["id"]
    found = told(f"/api/ws/jobs/{asked}/", "completed", farm.work)
    assert [one["after"] for one in found if "id" in one] == [
        "queued",
        "running",
        "storing",
        "done",
    ]
    steps = [one for one in found if one["event"] == "progress"]
    assert steps
    assert {one["job"] for one in found} == {asked}
    assert {one["node"] for one in steps} == {"gpu-a"}
    assert all(0 <= one["fraction"] <= 1 for one in steps)
    (output,) = found[-1]["outputs"]
    assert HERE.send("GET", output["url"]).status_code == 200


def test_who_comes_back_gets_what_happened_since(farm: Farm) -> None:
    farm.node()
    farm.work()
    asked = HERE.post("jobs", draft())["id"]
    done(asked)
    path = f"/api/ws/jobs/{asked}/"
    whole = told(path, "completed")
    assert [one["event"] for one in whole] == ["state", "state", "state", "completed"]
    rest = told(f"{path}?since={whole[1]['id']}", "completed")
    assert rest == whole[2:]


def test_each_event_is_told_once_although_the_socket_looks_by_itself(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "UNASKED_INTERVAL_S", 0.05)
    farm.node(**SLOW)
    asked = HERE.post("jobs", draft())["id"]
    job = Job.objects.select_related("group").get(pk=asked)

    def act() -> None:
        for place in range(5):
            job.say(f"note {place}")
        cancelling.cancel([asked])

    found = told(f"/api/ws/jobs/{asked}/", "cancelled", act)
    ids = [one["id"] for one in found]
    assert ids == sorted(set(ids))
    assert [one["event"] for one in found] == ["state", *["note"] * 5, "cancelled"]


def test_a_lost_nudge_is_made_up_for(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "UNASKED_INTERVAL_S", 0.2)
    monkeypatch.setattr(live, "publish", lambda *_, **__: None)
    farm.node(**SLOW)
    asked = HERE.post("jobs", draft())["id"]
    assert told(f"/api/ws/jobs/{asked}/", "cancelled", lambda: cancelling.cancel([asked]))


def test_a_time_out_is_an_event_of_its_own(farm: Farm) -> None:
    farm.node(**SLOW)
    asked = HERE.post("jobs", draft(timeout_s=1))["id"]
    Job.objects.update(deadline=Job.objects.get().created)
    found = told(f"/api/ws/jobs/{asked}/", "timeout", deadlines.give_up_overdue)
    assert found[-1]["sentence"].startswith("Timed out")


def test_a_failure_says_why(farm: Farm) -> None:
    farm.node(is_up=False)
    asked = HERE.post("jobs", draft())["id"]
    job = Job.objects.select_related("group").get(pk=asked)

    def act() -> None:
        job.move(JobState.FAILED, "It broke.", reason="It broke.", finished=job.created)

    assert told(f"/api/ws/jobs/{asked}/", "failed", act)[-1]["sentence"] == "It broke."


def test_a_group_is_told_child_by_child_and_when_it_is_complete(farm: Farm) -> None:
    farm.two()
    found = HERE.post("job-groups", {"job": draft(), "count": 3})
    messages = told(f"/api/ws/job-groups/{found['id']}/", "group_complete", farm.work)
    ended = [one["job"] for one in messages if one["event"] == "completed"]
    assert sorted(ended) == [one["id"] for one in found["jobs"]]
    last = messages[-1]
    assert (last["group"], last["done"], last["open"], last["total"]) == (found["id"], 3, 0, 3)
    assert last["id"] == max(one["id"] for one in messages if "id" in one)


def test_a_child_that_ends_while_the_socket_looks_is_told_before_the_group_is_complete(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "UNASKED_INTERVAL_S", 0.05)
    farm.node(is_up=False)
    found = HERE.post("job-groups", {"job": draft(), "count": 1})
    job = Job.objects.select_related("group").get()
    looks: list[int] = []

    def counted(groups: Sequence[int]) -> dict[int, Any]:
        looks.append(len(looks))
        if len(looks) == 2:
            job.move(JobState.FAILED, "It broke.", reason="It broke.", finished=job.created)
        return counts_of(groups)

    monkeypatch.setattr(sockets, "counts_of", counted)
    messages = told(f"/api/ws/job-groups/{found['id']}/", "group_complete")
    assert [one["event"] for one in messages if one["event"] != "state"] == [
        "failed",
        "group_complete",
    ]


def test_who_comes_late_is_told_that_a_group_is_complete(farm: Farm) -> None:
    farm.node()
    farm.work()
    found = HERE.post("job-groups", {"job": draft(), "count": 2})
    rested(one["id"] for one in found["jobs"])
    path = f"/api/ws/job-groups/{found['id']}/"
    (*_, last) = told(path, "group_complete")
    (only,) = told(f"{path}?since={last['id']}", "group_complete")
    assert only == last


def test_a_socket_tells_of_its_own_jobs_only(farm: Farm) -> None:
    farm.node()
    mine, other = (HERE.post("jobs", draft())["id"] for _ in range(2))
    found = told(f"/api/ws/jobs/{mine}/", "completed", farm.work)
    assert {one["job"] for one in found} == {mine}
    done(mine, other)


@pytest.mark.parametrize(
    "path", ["/api/ws/jobs/999/", "/api/ws/job-groups/999/", "/api/ws/jobs/x/", "/api/ws/jobs/1"]
)
def test_a_socket_to_nothing_is_closed(farm: Farm, path: str) -> None:
    assert not async_to_sync(is_let_in)(socket(path))


def test_a_job_is_no_group(farm: Farm) -> None:
    farm.node()
    HERE.post("jobs", draft())
    assert not async_to_sync(is_let_in)(socket("/api/ws/job-groups/1/"))


@pytest.mark.parametrize("origin", [None, "null", "http://evil.com", "http://127.0.0.1:8000"])
def test_without_a_token_a_socket_must_come_from_our_own_origin(
    farm: Farm, origin: str | None
) -> None:
    farm.node()
    asked = HERE.post("jobs", draft())["id"]
    assert not async_to_sync(is_let_in)(socket(f"/api/ws/jobs/{asked}/", origin=origin))


def test_with_a_token_it_may_come_from_anywhere_but_not_to_pages(farm: Farm) -> None:
    farm.node()
    asked = HERE.post("jobs", draft())["id"]
    bearer = [("authorization", f"Bearer {token(local_owner().pk, 'read')}")]
    there = {"origin": None, "peer": "192.168.0.7", "headers": bearer}
    assert async_to_sync(is_let_in)(socket(f"/api/ws/jobs/{asked}/", **there))  # type: ignore[arg-type]
    assert not async_to_sync(is_let_in)(socket("/ws/farm/", **there))  # type: ignore[arg-type]


def test_a_socket_closes_when_its_token_is_revoked(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "UNASKED_INTERVAL_S", 0.1)
    farm.node()
    asked = HERE.post("jobs", draft())["id"]
    bearer = [("authorization", f"Bearer {token(local_owner().pk, 'read')}")]

    async def listen() -> Message:
        page = socket(f"/api/ws/jobs/{asked}/", origin=None, peer="10.0.0.1", headers=bearer)
        await page.connect(timeout=PATIENCE_S)
        await heard(page, lambda one: one["event"] == "state")
        await sync_to_async(lambda: ApiToken.objects.get().revoke())()
        closed: Message = await page.receive_output(timeout=PATIENCE_S)
        with contextlib.suppress(asyncio.CancelledError):
            await page.disconnect()
        return closed

    closed = async_to_sync(listen)()
    assert (closed["type"], closed["code"]) == ("websocket.close", 4401)


@pytest.mark.parametrize("said", ["x", "{}", "[" * 10_000, "x" * 1_000_000])
def test_what_a_program_says_into_a_socket_is_passed_over(farm: Farm, said: str) -> None:
    farm.node()
    asked = HERE.post("jobs", draft())["id"]

    async def talk() -> list[Message]:
        page = socket(f"/api/ws/jobs/{asked}/")
        await page.connect(timeout=PATIENCE_S)
        await page.send_to(text_data=said)
        found = await heard(page, lambda one: one["event"] == "state")
        await page.disconnect()
        return found

    assert async_to_sync(talk)()
