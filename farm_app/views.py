"""What pages ask the lab for: the latest preview frame of a running job."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from farm_app import progress


@require_GET
def preview(request: HttpRequest, job_id: int, number: int) -> HttpResponse:
    """Return the latest preview frame; its number in the address only keeps caches apart."""
    frame = progress.frame(job_id)
    if frame is None:
        msg = "No preview."
        raise Http404(msg)
    response = HttpResponse(frame.data, content_type=frame.mime)
    response["Cache-Control"] = "private, max-age=60"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response
