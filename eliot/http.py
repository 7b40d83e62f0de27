"""What every view shares: fragment or page, static names, and pages for Eliot's own faults with an id that is logged."""

import logging
import secrets
from collections.abc import Callable

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import loader
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails
from whitenoise.storage import CompressedManifestStaticFilesStorage

from eliot.policy import API_PATH

logger = logging.getLogger(__name__)


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Static files named by their content, so that an upgrade never meets an old script."""

    manifest_strict = False
    # Our own scripts import each other by these names too; Django's switch for that stumbles over vendored ones.
    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        (
            "js/*.js",
            (
                (
                    r"""(?P<matched>import \{(?P<names>.*?)\} from "(?P<url>\./.*?)";)""",
                    """import {%(names)s} from "%(url)s";""",
                ),
            ),
        ),
    )


def wants_fragment(request: HttpRequest) -> bool:
    """Say whether htmx asks for a part of the page.

    A boosted link and a history restore need the whole page; without this, Back shows a bare fragment.
    """
    htmx: HtmxDetails = getattr(request, "htmx")  # noqa: B009 - plain HttpRequest has no such field
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def varied(response: HttpResponse) -> HttpResponse:
    """Tell caches that page and fragment share one address."""
    patch_vary_headers(response, ("HX-Request", "HX-History-Restore-Request"))
    return response


class FriendlyBusyMiddleware:
    """Turns a database that stayed locked into a 503 that says so, instead of a crash page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the next step of the chain."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass through."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer a lock time-out; leave every other fault to Django."""
        if not isinstance(exception, OperationalError) or "locked" not in str(exception):
            return None
        context = {"error_id": _logged(request, str(exception))}
        response = render(request, "503.html", context, status=503)
        response["Retry-After"] = "2"
        return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a fault of Eliot's own; needs no more of what may be broken than the template. Programs get JSON."""
    error_id = _logged(request, "the traceback follows")
    if request.path.startswith(API_PATH):
        message = f"A fault of Eliot's own. The log has it under {error_id}."
        error = {"code": "fault", "message": message, "fields": []}
        return JsonResponse({"error": error}, status=500)
    context = {"error_id": error_id}
    return HttpResponse(loader.get_template("500.html").render(context), status=500)


def _logged(request: HttpRequest, said: str) -> str:
    """Log an error id with what it is about; return it, for the page."""
    error_id = secrets.token_hex(4)
    logger.error("error id %s, %s %s: %s", error_id, request.method, request.path, said)
    return error_id
