"""The studio's page: a form whose address is the whole state; and what is done with a shot."""

from dataclasses import replace
from random import SystemRandom
from typing import Final
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from eliot.http import varied, wants_fragment
from sessions_app import own_cinema
from sessions_app.models import CinemaPreset, WorkSession
from sessions_app.pages import fragments, session_or_404, went
from sessions_app.studio import keeping, sending
from sessions_app.studio.browser import CLEAR, Browser
from sessions_app.studio.context import (
    browser_context,
    page_context,
    picker_context,
    shot_context,
    written_context,
)
from sessions_app.studio.shot import Shot

VERBS: Final = ("pick", "apply", "toggle", "flip", "shuffle", CLEAR)
"""What a button adds to an address, and what the address afterwards no longer says."""
_CHANGING: Final = ("pick", "apply", "shuffle")


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show a shot; a press of a button shows what it makes of it, under an address of its own."""
    own_cinema.bring_up_to_date()
    shot = _asked(request)
    browser = Browser.asked(request.GET)
    address = _address(shot, browser)
    if wants_fragment(request):
        return _changed(request, shot, address)
    if any(name in request.GET for name in VERBS):
        return redirect(address)
    return varied(render(request, "studio/page.html", page_context(request, shot, browser)))


def _asked(request: HttpRequest) -> Shot:
    shot = Shot.asked(request.GET)
    return shot.shuffled(SystemRandom()) if "shuffle" in request.GET else shot


def _address(shot: Shot, browser: Browser) -> str:
    query = urlencode([*shot.pairs(), *browser.query])
    return f"{reverse('studio:page')}{'?' if query else ''}{query}"


def _changed(request: HttpRequest, shot: Shot, address: str) -> HttpResponse:
    """Reply with what a change touches; a choice is a step that Back undoes, a look or a letter is none."""
    is_typed = "typing" in request.GET
    context = written_context(shot) if is_typed else shot_context(shot)
    names = ("written",) if is_typed else ("written", "state", "head", "about", "stack")
    parts = [(f"studio/_{name}.html", {**context, "oob": True}) for name in names]
    response = fragments(request, *parts)
    if shot.is_inside:
        return response
    is_step = any(name in request.GET for name in _CHANGING)
    response["HX-Push-Url" if is_step else "HX-Replace-Url"] = address
    return response


@require_GET
def browse(request: HttpRequest) -> HttpResponse:
    """Reply with the presets that pass the filters."""
    own_cinema.bring_up_to_date()
    shot, browser = Shot.asked(request.GET), Browser.asked(request.GET)
    if not wants_fragment(request):
        return redirect(_address(shot, browser))
    return varied(render(request, "studio/_browser.html", browser_context(shot, browser)))


@require_http_methods(["GET", "POST"])
def inside(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the picker in a session's sheet, with the shot that was sent there last and for the model of its stage.

    Nothing changes by it; it may be posted because a prompt that somebody types may be longer than an address.
    """
    own_cinema.bring_up_to_date()
    session = session_or_404(slug)
    shot = sending.shot_for(
        session, typed=request.POST.get("prompt", ""), composed=request.POST.get("shot", "")
    )
    if not wants_fragment(request):
        return redirect(_address(replace(shot, is_inside=False), Browser.asked({})))
    context = {
        **picker_context(request, shot, Browser.asked({})),
        "session": session,
        "whole_query": replace(shot, is_inside=False).query,
    }
    return varied(render(request, "studio/_inside.html", context))


def _posted(request: HttpRequest) -> Shot:
    """Return the shot that a form of the page tells, with the scene as it stands in its field."""
    own_cinema.bring_up_to_date()
    told = QueryDict(request.POST.get("shot", ""), mutable=True)
    if "scene" in request.POST:
        told["scene"] = request.POST["scene"]
    return Shot.asked(told)


@require_POST
def send(request: HttpRequest) -> HttpResponse:
    """Put a shot into a session's form, a new session's where none is named."""
    shot = _posted(request)
    slug = request.POST.get("session", "")
    session = (
        WorkSession.objects.there().at(slug) if slug else WorkSession.begin(owner=request.user)
    )
    if session is None:
        messages.error(request, "That session is not there any more. Choose another one.")
        return went(request, f"{reverse('studio:page')}?{shot.query}")
    index = sending.send(shot, session)
    keeping.note(shot, owner=request.user)
    messages.success(request, "The shot is in the form. Generate when you are ready.")
    at_work = session.current_stage()
    return went(request, session.url if index == at_work else f"{session.url}?stage={index + 1}")


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Keep a shot as a preset of one's own."""
    shot = _posted(request)
    title = request.POST.get("title", "").strip()
    if not title:
        messages.error(request, "Give your preset a name.")
        return went(request, f"{reverse('studio:page')}?{shot.query}")
    kept = keeping.keep(shot, title, owner=request.user)
    keeping.note(shot, owner=request.user)
    undo = reverse("studio:delete", args=[kept.key])
    messages.success(request, f"“{kept.title}” is among your own presets.", extra_tags=undo)
    if shot.is_inside and (session := WorkSession.objects.there().at(shot.session)):
        return went(request, session.url)
    return went(request, f"{reverse('studio:page')}?{keeping.query_of(kept, shot)}")


@require_POST
def note_used(request: HttpRequest) -> HttpResponse:
    """Keep a shot among the recent ones because its prompt was copied."""
    shot = _posted(request)
    keeping.note(shot, owner=request.user)
    return fragments(request, ("studio/_recent.html", {"recent": keeping.recent(request.user)}))


@require_POST
def delete(request: HttpRequest, key: str) -> HttpResponse:
    """Take an own preset out of sight; it can be brought back."""
    kept = _own_or_404(key)
    kept.delete_softly()
    own_cinema.bring_up_to_date(force=True)
    undo = reverse("studio:restore", args=[key])
    messages.success(request, f"“{kept.title}” is deleted.", extra_tags=undo)
    return went(request, _address_before(request) or f"{reverse('studio:page')}?{kept.query}")


def _address_before(request: HttpRequest) -> str:
    """Return the studio's address from which a button was pressed, so that what is composed there stays."""
    before = urlsplit(request.headers.get("Referer", ""))
    is_studio = before.path == reverse("studio:page") and before.netloc == request.get_host()
    return f"{before.path}?{before.query}" if is_studio else ""


@require_POST
def restore(request: HttpRequest, key: str) -> HttpResponse:
    """Bring a deleted own preset back."""
    kept = _own_or_404(key)
    kept.undelete()
    own_cinema.bring_up_to_date(force=True)
    return went(request, f"{reverse('studio:page')}?tab=own&preset={kept.key}")


def _own_or_404(key: str) -> CinemaPreset:
    found = CinemaPreset.objects.own().filter(key=key).first()
    if found is None:
        raise Http404
    return found
