"""What no page and no button of the table may do: change by GET, act without a token, run foreign text."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import LazySettings, settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from farm_app.models import GpuNode
from sessions_app.models import Generation, WorkSession
from tests import factories
from tests.markup import Markup

HTMX = {"HX-Request": "true"}
GETS = {"start", "list", "session", "cells", "large", "why"}
BOTH = {"rename", "stages"}
FILLED_LATER = ("sheet-title", "large-title")  # dialogs get their heading with their content
PAYLOADS = (
    "<script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "'><img src=x onerror=alert(1)>",
    "{{7*7}}{% debug %}${7*7}",
    "</textarea></title></script><b>bold",
    "javascript:alert(1)",
)


def patterns(resolver: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for one in resolver.url_patterns:
        where = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            if one.app_name != "admin":
                yield from patterns(one, where)
        elif isinstance(one, URLPattern):
            yield where, one


def names() -> Iterator[str]:
    for _, pattern in patterns(get_resolver("sessions_app.urls")):
        yield str(pattern.name)


def url_of(name: str, one: Generation) -> str:
    session = one.round.session
    arguments: dict[str, list[Any]] = {
        "start": [],
        "list": [],
        "new": ["draft_grid"],
        "use_family": [session.slug, 1, "sd15"],
    }
    by_take = {"keep", "drop", "clear", "cancel", "retry", "upscale", "any_node", "large", "why"}
    usual = [one.pk] if name in by_take else [session.slug]
    return reverse(f"sessions:{name}", args=arguments.get(name, usual))


def everything() -> dict[str, list[Any]]:
    models = [
        one
        for label in ("farm_app", "gallery_app", "sessions_app")
        for one in apps.get_app_config(label).get_models()
    ]
    return {one.__name__: list(one._default_manager.order_by("pk").values()) for one in models}


@pytest.mark.parametrize("name", sorted(names()))
def test_an_address_takes_its_own_methods_and_no_others(
    studio: None, client: Client, name: str
) -> None:
    (one,) = factories.pictures()
    url = url_of(name, one)
    allowed = {"GET"} if name in GETS else {"GET", "POST"} if name in BOTH else {"POST"}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - allowed:
        assert client.generic(method, url).status_code == 405, (method, url)
    for method in allowed:
        assert client.generic(method, url).status_code != 405, (method, url)


@pytest.mark.parametrize("name", sorted(GETS | BOTH))
def test_looking_changes_nothing(studio: None, client: Client, name: str) -> None:
    (one,) = factories.pictures()
    factories.placed(1, of=one.round.session)
    client.get("/")  # the first visit makes the owner
    before = everything()
    for headers in ({}, HTMX):
        assert client.get(url_of(name, one), headers=headers).status_code < 400
    assert everything() == before


def test_every_act_needs_the_token_of_its_own_page(studio: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    (one,) = factories.pictures()
    before = everything()
    for name in set(names()) - GETS:
        for headers in ({}, HTMX, {"Origin": "null"}, {"X-CSRFToken": "x" * 64}):
            response = strict.post(url_of(name, one), {"title": "x"}, headers=headers)
            assert response.status_code == 403, (name, headers)
            assert "was open too long" in response.content.decode()
    assert everything() == before


def test_no_address_of_any_room_acts_without_a_token(studio: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    for where, _ in patterns(get_resolver()):
        url = "/" + re.sub(r"<[^>]*>", "1", where).lstrip("^").rstrip("$")
        # A form cannot send the one type that the API takes.
        refused = (403, 404, 405, 415) if url.startswith("/api/") else (403, 404, 405)
        assert strict.post(url).status_code in refused, url


def test_a_token_opens_the_way(studio: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    (one,) = factories.pictures()
    token = next(Markup(strict.get("/").content).all("input", name="csrfmiddlewaretoken"))
    headers = {"X-CSRFToken": token.attrs["value"]}
    assert strict.post(url_of("keep", one), headers=headers).status_code == 302
    other = {**headers, "Origin": "http://evil.example"}
    assert strict.post(url_of("drop", one), headers=other).status_code == 403


def test_foreign_text_is_shown_as_it_is_on_every_page(studio: None, client: Client) -> None:
    for payload in PAYLOADS:
        session = factories.session(payload[:60])
        node = factories.node(slug=payload[:60])
        values = {"prompt": payload, "negative": payload}
        one, lost = factories.takes(factories.placed(2, of=session, values=values))
        factories.finish([one], on=node)
        lost.job.move("failed", payload, reason=payload, advice=payload)  # type: ignore[arg-type]
        session.remember_form(0, values)
        for name in sorted(GETS | BOTH):
            for headers in ({}, HTMX):
                _is_harmless(client.get(url_of(name, one), headers=headers))
        _is_harmless(client.get(url_of("why", lost), headers=HTMX))


def _is_harmless(response: Any) -> None:
    source = response.content.decode()
    assert response.status_code < 400
    assert "<script>alert" not in source
    assert not re.search(r">\s*49\s*<", source)
    for element in Markup(source).elements:
        assert not [name for name in element.attrs if name.startswith("on")], element
        assert element.tag not in ("svg", "img") or element.attrs.get("src") != "x"
        for name in ("href", "src", "action", "formaction", "hx-post", "hx-get"):
            assert not element.attrs.get(name, "").strip().startswith("javascript:")


def test_foreign_text_is_really_there(studio: None, client: Client) -> None:
    payload = PAYLOADS[1]
    session = factories.session(payload)
    (one,) = factories.pictures(1, of=session, values={"prompt": payload})
    GpuNode.objects.filter(slug="gpu-draft").update(slug=payload)
    page = Markup(client.get(session.url).content)
    large = Markup(client.get(url_of("large", one), headers=HTMX).content)
    assert next(page.all("h1")).raw == payload
    assert payload in [part.raw for part in page.all("span", class_="name cut")]
    assert next(large.all("p", class_="words")).raw == payload


@pytest.mark.parametrize("name", sorted(GETS | BOTH))
def test_a_page_runs_nothing_that_stands_in_it(studio: None, client: Client, name: str) -> None:
    (one,) = factories.pictures()
    response = client.get(url_of(name, one))
    policy = response["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    for element in Markup(response.content).elements:
        assert element.tag != "style", element
        assert element.tag != "script" or element.attrs.get("src"), element
        assert not [at for at in element.attrs if at == "style" or at.startswith(("on", "hx-on"))]


def test_the_policy_lets_in_nothing_from_elsewhere(studio: None, client: Client) -> None:
    response = client.get("/")
    directives = dict(
        part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";")
    )
    for name in ("object-src", "base-uri", "frame-ancestors"):
        assert directives[name] == "'none'"
    for name in ("default-src", "connect-src", "form-action"):
        assert directives[name] == "'self'"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["X-Frame-Options"] == "DENY"


def test_no_template_holds_a_style_a_handler_or_an_unescaped_text() -> None:
    forbidden = re.compile(
        r"\sstyle=|\son[a-z]+=|hx-on|<style|\|\s*safe\b|autoescape off|mark_safe"
    )
    for path in Path(settings.BASE_DIR, "templates").rglob("*.html"):
        assert not forbidden.search(path.read_text(encoding="utf-8")), path


def test_htmx_runs_no_code_of_pages(studio: None, client: Client) -> None:
    (meta,) = Markup(client.get("/").content).all("meta", name="htmx-config")
    assert '"allowEval": false' in meta.attrs["content"]
    assert '"allowScriptTags": false' in meta.attrs["content"]
    assert '"selfRequestsOnly": true' in meta.attrs["content"]


def test_cookies_are_out_of_reach_of_scripts_and_carry_the_installs_name(
    studio: None, client: Client, settings: LazySettings
) -> None:
    client.get("/")
    cookie = client.cookies[settings.CSRF_COOKIE_NAME]
    assert settings.CSRF_COOKIE_NAME.endswith(settings.INSTALL_ID)
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_page_that_is_wrong_says_so_without_details(
    studio: None, client: Client, status: int
) -> None:
    url, host = {400: ("/", "evil.example"), 404: ("/nowhere", "testserver")}.get(
        status, ("/sessions/new/draft_grid/", "testserver")
    )
    strict = Client(enforce_csrf_checks=True, headers={"Host": host})
    response = strict.post(url) if status == 403 else strict.get(url)
    assert response.status_code == status
    assert "Traceback" not in response.content.decode()


def test_every_id_of_a_page_is_there_once(studio: None, client: Client) -> None:
    session = factories.session()
    factories.pictures(2, of=session, flag="keep")
    factories.placed(2, of=session)
    for url in ("/", "/sessions/", session.url, f"{session.url}?stage=2"):
        ids = Markup(client.get(url).content).ids()
        assert len(ids) == len(set(ids)), [one for one in ids if ids.count(one) > 1]


def test_every_description_and_label_leads_somewhere(studio: None, client: Client) -> None:
    session = factories.session()
    factories.pictures(2, of=session)
    found = Markup(client.get(session.url).content)
    for element in found.elements:
        for name in ("aria-describedby", "aria-labelledby", "for", "popovertarget", "form"):
            for target in element.attrs.get(name, "").split():
                assert target in found.ids() or target in FILLED_LATER, (name, target)


def test_whoever_is_let_in_is_the_local_owner(studio: None, client: Client) -> None:
    client.post("/sessions/new/draft_grid/")
    owner = WorkSession.objects.get().owner
    assert owner is not None
    assert (owner.username, owner.is_superuser, owner.has_usable_password()) == (
        "local",
        True,
        False,
    )
