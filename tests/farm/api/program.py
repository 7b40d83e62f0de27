"""A program as the API sees it: any peer, any headers, through the whole application."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import httpx
from asgiref.sync import async_to_sync

from farm_app.models import ApiToken, Job
from farm_app.models.states import JobState
from tests.farm.rig import RESTING, wait_until
from tests.visitors import HERE, application

JSON = "application/json"
DRAFT: Mapping[str, Any] = {
    "template": "sd15_txt2img",
    "parameters": {"prompt": "a lighthouse", "steps": 1},
}


class Program:
    """Sends requests; on this machine and without a token unless told otherwise."""

    def __init__(self, *, token: str = "", peer: str = "127.0.0.1") -> None:
        self.token = token
        self.peer = peer

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        root_path: str = "",
    ) -> httpx.Response:
        """Send one request; ``body`` becomes JSON, ``raw`` goes as it is."""
        told = {"Host": HERE, **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        content = raw
        if method not in ("GET", "HEAD"):
            told["Content-Type"] = JSON
            content = json.dumps(body).encode() if raw is None and body is not None else raw
        told |= headers or {}
        return async_to_sync(self._sent)(method, path, told, content, root_path)

    async def _sent(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        content: bytes | None,
        root_path: str,
    ) -> httpx.Response:
        transport = httpx.ASGITransport(
            application(),
            client=(self.peer, 40_000),
            root_path=root_path,
            raise_app_exceptions=False,
        )
        async with httpx.AsyncClient(transport=transport) as client:
            request = httpx.Request(
                method, f"http://{HERE}{path}", headers=dict(headers), content=content
            )
            return await client.send(request)

    def get(self, path: str, status: int = 200) -> Any:
        """Return what stands at an address."""
        answer = self.send("GET", f"/api/{path}")
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, status: int = 201) -> Any:
        """Post, and return the answer."""
        answer = self.send("POST", f"/api/{path}", body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def refused(self, path: str, body: Any, status: int = 422) -> dict[str, str]:
        """Post what is wrong; return the sentences by field."""
        error = self.post(path, body, status)["error"]
        return {one["field"]: one["message"] for one in error["fields"]}


def draft(**changes: Any) -> dict[str, Any]:
    """Return a request for one picture that any farm could make; ``parameters`` are added to its own."""
    parameters = {**DRAFT["parameters"], **changes.pop("parameters", {})}
    return {**DRAFT, **changes, "parameters": parameters}


def rested(ids: Iterable[int]) -> list[Job]:
    """Wait until these jobs have ended or wait for a person; return them in order."""
    jobs = Job.objects.filter(pk__in=list(ids)).order_by("pk")
    wait_until(lambda: not jobs.exclude(state__in=RESTING).exists())
    return list(jobs)


def done(*ids: int) -> list[Job]:
    """Wait likewise, and see that every one has its picture."""
    jobs = rested(ids)
    assert [(job.state, job.reason) for job in jobs] == [(JobState.DONE, "")] * len(ids)
    return jobs


def token(owner_id: int, may: str = "ask", **facts: Any) -> str:
    """Make a token."""
    return ApiToken.objects.issue("a script", owner_id=owner_id, may=may, **facts)[1]
