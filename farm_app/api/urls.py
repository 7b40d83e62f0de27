"""The API's addresses, and its answers to what is wrong with a request as a whole."""

import logging
import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI, Router
from ninja.errors import ValidationError

from farm_app.api import farm, groups, jobs
from farm_app.api.entrance import ReadBody
from farm_app.api.errors import Refused, answer, answer_misshapen, answer_refused

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponse]

api = NinjaAPI(
    title="Eliot",
    version=settings.VERSION,
    description=(
        "Pictures from a farm of ComfyUI nodes, and the words to ask for them. On this machine no token is needed."
    ),
    urls_namespace="api",
    docs_url=None,
    parser=ReadBody(),
)
api.add_router("/jobs", jobs.router)
api.add_router("/job-groups", groups.router)
api.add_router("", farm.router)
api.exception_handler(Refused)(answer_refused)
api.exception_handler(ValidationError)(answer_misshapen)


@api.exception_handler(Http404)
def _nowhere(request: HttpRequest, fault: Exception | type[Exception]) -> HttpResponse:
    return not_found(request)


@api.exception_handler(Exception)
def _fault(request: HttpRequest, fault: Exception | type[Exception]) -> HttpResponse:
    """Answer a fault of Eliot's own with an id that the log has too; a database that is busy is none."""
    if isinstance(fault, SuspiciousOperation):
        return answer(400, "unreadable", "The request holds more than any request needs.")
    if isinstance(fault, OperationalError) and "locked" in str(fault):
        said = "Eliot is busy writing. Nothing has changed; try again in a moment."
        return answer(503, "busy", said, Retry_After="2")
    error_id = secrets.token_hex(4)
    logger.error("error id %s, %s %s", error_id, request.method, request.path, exc_info=_of(fault))
    return answer(500, "fault", f"A fault of Eliot's own. The log has it under {error_id}.")


def _of(fault: Exception | type[Exception]) -> Exception | None:
    return fault if isinstance(fault, Exception) else None


@csrf_exempt
def not_found(request: HttpRequest) -> HttpResponse:
    """Answer an address that the API does not have."""
    return answer(404, "not_found", "The API has no such address. GET /api/openapi.json lists all.")


def _in_one_shape(view: View) -> View:
    """Let a view say in the API's own form, too, that it knows no such method."""

    @wraps(view)
    def shaped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if response.status_code != 405:
            return response
        allowed = response.headers.get("Allow", "")
        return answer(405, "method", f"This address takes {allowed} only.", Allow=allowed)

    return shaped


def addresses(*more: tuple[str, Router]) -> list[URLResolver | URLPattern]:
    """Return what stands below ``/api/``, with the routes that rooms above this one bring under a prefix of theirs.

    Called once, by the roof: the API cannot be added to when its addresses are made.
    """
    for prefix, router in more:
        api.add_router(prefix, router)
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern) and pattern.callback is not None:
            pattern.callback = _in_one_shape(pattern.callback)
    own = (patterns, app_name, namespace)
    return [path("", not_found), path("", own), re_path("", not_found)]
