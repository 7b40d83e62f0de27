"""``/api/jobs``: one view of pending, running and finished prompts (0.33); older servers lack it."""

from typing import Any

from aiohttp import web

from farm_app.demo.guard import NODE, signature
from farm_app.demo.node import DemoNode
from farm_app.demo.prompt_queue import Entry, Item
from farm_app.demo.routes.prompt import is_canonical_uuid

STATUSES = ("pending", "in_progress", "completed", "failed", "cancelled")

Job = dict[str, Any]


async def list_jobs(request: web.Request) -> web.Response:
    """List jobs, newest first unless asked otherwise."""
    node = _modern(request)
    query = request.query
    wanted = [status for status in query.get("status", "").split(",") if status]
    bad = [status for status in wanted if status not in STATUSES]
    if bad:
        valid = ", ".join(STATUSES)
        text = f"Invalid status value(s): {', '.join(bad)}. Valid values: {valid}"
        return web.json_response({"error": text}, status=400)
    try:
        offset, limit = int(query.get("offset", 0)), _limit(query.get("limit"))
    except ValueError:
        return web.json_response({"error": "offset and limit must be integers"}, status=400)
    jobs = [job for job in _all_jobs(node) if not wanted or job["status"] in wanted]
    if "workflow_id" in query:
        jobs = [job for job in jobs if job.get("workflow_id") == query["workflow_id"]]
    _sort(jobs, query.get("sort_by", "created_at"), query.get("sort_order", "desc"))
    return web.json_response(_page(jobs, offset, limit))


def _limit(text: str | None) -> int | None:
    return None if text is None else int(text)


def _sort(jobs: list[Job], by: str, order: str) -> None:
    def duration(job: Job) -> float:
        return float(job.get("execution_end_time", 0) - job.get("execution_start_time", 0))

    def created(job: Job) -> float:
        return float(job.get("create_time", 0))

    key = duration if by == "execution_duration" else created
    jobs.sort(key=key, reverse=order != "asc")


def _page(jobs: list[Job], offset: int, limit: int | None) -> dict[str, Any]:
    total = len(jobs)
    shown = jobs[offset:] if limit is None else jobs[offset : offset + limit]
    more = offset + len(shown) < total
    about = {"offset": offset, "limit": limit, "total": total, "has_more": more}
    return {"jobs": shown, "pagination": about}


async def get_job(request: web.Request) -> web.Response:
    """Return one job; a finished one with outputs, messages and the graph."""
    node, job_id = _modern(request), request.match_info["job_id"]
    for job in _waiting_jobs(node):
        if job["id"] == job_id:
            return web.json_response(job)
    entry = node.queue.history.get(job_id)
    if entry is None:
        return web.json_response({"error": "Job not found"}, status=404)
    return web.json_response({**_finished(entry), **_details(entry)})


async def cancel_job(request: web.Request) -> web.Response:
    """Delete a pending job or interrupt a running one; says whether it was either."""
    _modern(request)
    return web.json_response({"cancelled": _cancel(request, request.match_info["job_id"])})


async def cancel_jobs(request: web.Request) -> web.Response:
    """Cancel several; says whether any of them was pending or running."""
    _modern(request)
    ids = (await request.json()).get("job_ids", [])
    invalid = [job_id for job_id in ids if not is_canonical_uuid(job_id)]
    if invalid:
        text = "job_ids contains invalid id(s)"
        return web.json_response({"error": text, "invalid_ids": invalid}, status=400)
    cancelled = [_cancel(request, job_id) for job_id in ids]
    return web.json_response({"cancelled": any(cancelled)})


def _cancel(request: web.Request, job_id: str) -> bool:
    node = request.app[NODE]
    cancelled = node.queue.delete(job_id)
    if not cancelled and node.queue.is_running(job_id):
        node.interrupt(job_id)
        cancelled = True
    facts = {"prompt_id": job_id, "cancelled": cancelled, "by": signature(request)}
    node.ledger.write("cancel", **facts)
    return cancelled


def _modern(request: web.Request) -> DemoNode:
    """Return the node, or answer as a server without these routes does."""
    node = request.app[NODE]
    if node.spec.modern:
        return node
    if request.method == "POST":
        raise web.HTTPMethodNotAllowed("POST", ["GET", "HEAD"])
    raise web.HTTPNotFound(text="")


def _all_jobs(node: DemoNode) -> list[Job]:
    return [*_waiting_jobs(node), *map(_finished, node.queue.history.values())]


def _waiting_jobs(node: DemoNode) -> list[Job]:
    queue = node.queue
    jobs = [_job(item, "pending") for item in queue.pending]
    if queue.running is not None:
        jobs.append(_job(queue.running, "in_progress"))
    return jobs


def _job(item: Item, status: str) -> Job:
    job = {"id": item.prompt_id, "status": status, **_origin(item.number, item.extra_data)}
    counts = {"outputs_count": 0, "previewable_outputs_count": 0}
    return _without_none({**job, **counts, "workflow_id": _workflow_id(item.extra_data)})


def _origin(number: float, extra_data: dict[str, Any]) -> Job:
    return {"priority": number, "create_time": extra_data.get("create_time")}


def _workflow_id(extra_data: dict[str, Any]) -> Any:
    workflow = (extra_data.get("extra_pnginfo") or {}).get("workflow")
    return workflow.get("id") if isinstance(workflow, dict) else None


def _without_none(job: Job) -> Job:
    return {key: value for key, value in job.items() if value is not None}


def _finished(entry: Entry) -> Job:
    number, prompt_id, _, extra_data, _ = entry["prompt"]
    messages = dict(entry["status"]["messages"])
    items = _items(entry["outputs"])
    shown = [item for item in items if "filename" in item]
    status = _status(entry, messages)
    return _without_none(
        {
            "id": prompt_id,
            "status": status,
            **_origin(number, extra_data),
            "execution_start_time": messages.get("execution_start", {}).get("timestamp"),
            "execution_end_time": entry["status"]["messages"][-1][1].get("timestamp"),
            "execution_error": messages.get("execution_error") if status == "failed" else None,
            "outputs_count": len(items),
            "previewable_outputs_count": len(shown),
            "preview_output": shown[0] if shown else None,
            "workflow_id": _workflow_id(extra_data),
        }
    )


def _status(entry: Entry, messages: dict[str, Any]) -> str:
    if entry["status"]["status_str"] == "success":
        return "completed"
    return "cancelled" if "execution_interrupted" in messages else "failed"


def _items(outputs: dict[str, Any]) -> list[dict[str, Any]]:
    items = []
    for node_id, kinds in outputs.items():
        for kind, listed in kinds.items():
            for item in listed:
                about = item if isinstance(item, dict) else {}
                items.append({**about, "nodeId": node_id, "mediaType": kind})
    return items


def _details(entry: Entry) -> Job:
    _, _, graph, extra_data, _ = entry["prompt"]
    return {
        "outputs": entry["outputs"],
        "execution_status": entry["status"],
        "workflow": {"prompt": graph, "extra_data": extra_data},
    }


routes = [
    web.get("/api/jobs", list_jobs),
    web.get("/api/jobs/{job_id}", get_job),
    web.post("/api/jobs/cancel", cancel_jobs),
    web.post("/api/jobs/{job_id}/cancel", cancel_job),
]
