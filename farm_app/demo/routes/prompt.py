"""``/prompt``: validate a graph and queue it."""

import uuid
from typing import Any

from aiohttp import web

from farm_app.demo.guard import NODE
from farm_app.demo.node import DemoNode
from farm_app.demo.prompt_queue import Item
from farm_app.demo.routes.paths import both
from farm_app.demo.run import now_ms
from farm_app.demo.validation import Problem, Validator, Verdict, prompt_error

SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")


async def get_prompt(request: web.Request) -> web.Response:
    """Say how many prompts run or wait."""
    return web.json_response(request.app[NODE].exec_info)


async def post_prompt(request: web.Request) -> web.Response:
    """Queue a graph, or say what is wrong with it.

    What the real server fails to foresee (a body that is no JSON, a prompt that is a list) raises
    here too, and comes out as its plain 500.
    """
    node = request.app[NODE]
    body = await request.json()
    number = _number(node, body)
    if "prompt" not in body:
        text = "No prompt provided"
        return _refuse(node, prompt_error("no_prompt", text, text), None)
    prompt_id = _prompt_id(node, body)
    if prompt_id is None:
        return _refuse(node, _INVALID_ID, None)
    if node.spec.profile == "dedup_id" and node.queue.knows(prompt_id):
        return _refuse(node, _KNOWN_ID, prompt_id, status=409)
    graph = body["prompt"]
    validator = Validator(graph, node.names_of, node.folders.file_problem, modern=node.spec.modern)
    verdict = validator.verdict(body.get("partial_execution_targets"))
    if verdict.error is not None:
        return _refuse(node, verdict.error, prompt_id, verdict.node_errors)
    item = Item(number, prompt_id, graph, _extra_data(node, body), verdict.outputs)
    return _accept(node, item, verdict)


def _accept(node: DemoNode, item: Item, verdict: Verdict) -> web.Response:
    eliot = item.extra_data.get("eliot")
    node.ledger.write("prompt", prompt_id=item.prompt_id, eliot=eliot, status=200)
    node.queue.put(item)
    return web.json_response(
        {
            "prompt_id": item.prompt_id,
            "number": item.number,
            "node_errors": verdict.node_errors,
        }
    )


def _refuse(
    node: DemoNode,
    error: Problem,
    prompt_id: str | None,
    node_errors: dict[str, Problem] | None = None,
    status: int = 400,
) -> web.Response:
    node.ledger.write("prompt", prompt_id=prompt_id, status=status, error=error["type"])
    return web.json_response({"error": error, "node_errors": node_errors or {}}, status=status)


def _number(node: DemoNode, body: Any) -> float:
    """Return the priority: as given, or the next number, negative for ``front``."""
    if "number" in body:
        return float(body["number"])
    front = "front" in body and body["front"]
    number = node.queue.next_number()
    return -number if front else number


def _prompt_id(node: DemoNode, body: dict[str, Any]) -> str | None:
    """Return the id to use; None if the given one is refused."""
    if node.spec.profile == "legacy" or "prompt_id" not in body:
        return str(uuid.uuid4())
    given = body["prompt_id"]
    if not node.spec.modern:
        return str(given)
    if given is None:
        return str(uuid.uuid4())
    return given if is_canonical_uuid(given) else None


def is_canonical_uuid(text: Any) -> bool:
    """Whether this is a UUID in lowercase with dashes."""
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _extra_data(node: DemoNode, body: dict[str, Any]) -> dict[str, Any]:
    extra = dict(body.get("extra_data", {}))
    if "client_id" in body:
        extra["client_id"] = body["client_id"]
    if node.spec.modern:
        extra = {key: value for key, value in extra.items() if key not in SECRETS}
        extra["create_time"] = now_ms()
    return extra


_INVALID_ID = prompt_error(
    "invalid_prompt_id",
    "prompt_id must be a valid UUID",
    "prompt_id must be a UUID string in canonical lowercase hyphenated form; "
    "omit it to let the server generate one",
)
_KNOWN_ID = prompt_error("duplicate_prompt_id", "prompt_id is already known to this server")

routes = [*both("GET", "/prompt", get_prompt), *both("POST", "/prompt", post_prompt)]
