"""``/demo``: what a real node does not have; rules are taken from this machine only."""

from typing import Any

from aiohttp import web

from farm_app.demo.faults import RuleError
from farm_app.demo.guard import NODE, is_loopback


async def status(request: web.Request) -> web.Response:
    """Describe the node and how its prompts went; a bench with overruns is not valid."""
    node = request.app[NODE]
    timings = node.engine.timings
    about = {
        "spec": node.spec.to_json(),
        "port": node.port,
        "executed": timings.executed,
        "overruns": timings.overruns,
        "prompts": [timing.to_json() for timing in timings.rows],
        "rules": [rule.to_json() for rule in node.faults.rules],
    }
    return web.json_response(about)


async def post_rules(request: web.Request) -> web.Response:
    """Replace the fault rules; an empty list ends all faults."""
    if not is_loopback(request.remote):
        return web.Response(status=403)
    faults = request.app[NODE].faults
    try:
        body: Any = await request.json()
        faults.load(body)
    except (RuleError, ValueError) as error:
        return web.json_response({"error": str(error)}, status=400)
    return web.json_response({"rules": [rule.to_json() for rule in faults.rules]})


routes = [web.get("/demo/status", status), web.post("/demo/rules", post_rules)]
