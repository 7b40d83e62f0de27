"""The timeline as a table, for who cannot see or would rather read it."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from farm_app.pages import alone
from farm_app.timeline.drawing import asked_minutes, recent_timeline


@require_GET
def table(request: HttpRequest) -> HttpResponse:
    """Return what the timeline shows as a table."""
    found = recent_timeline(asked_minutes(request.GET.get("span", "")))
    context = {"timeline": found, "back_url": f"{reverse('farm:nodes')}#timeline"}
    return alone(request, "farm/_timeline_table.html", context, title="Timeline")
