"""Who may use the API: this machine without a token, anybody with a good one, and no page from elsewhere."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.utils import timezone

from eliot.policy import local_owner
from farm_app.models import ApiToken, Job, JobGroup
from farm_app.models.tokens import MOST_LIVE, TooManyTokens
from farm_app.seeding import seed_workflows
from gallery_app.models import Library
from tests import factories
from tests.farm.api.program import JSON, Program, draft, token
from tests.farm.api.test_asking import graph

LAN = "192.168.0.7"
HERE = Program()
FOREIGN_ORIGINS = [
    "null",
    "",
    "http://evil.com",
    "http://localhost:8188",
    "https://localhost:8000",
    "http://localhost:8000/",
    "http://127.0.0.1:8000",
]


@pytest.fixture
def studio(data: Path, transactional_db: None) -> None:
    seed_workflows()
    Library.default()
    factories.node()


@pytest.fixture
def owner(studio: None) -> User:
    return local_owner()


def status(program: Program, method: str = "GET", path: str = "/api/jobs", **more: object) -> int:
    return program.send(method, path, **more).status_code  # type: ignore[arg-type]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_page_from_elsewhere_neither_asks_nor_reads(studio: None, origin: str) -> None:
    told = {"Origin": origin}
    assert status(HERE, "POST", body=draft(), headers=told) == 403
    assert status(HERE, headers=told) == 403
    assert not Job.objects.exists()


def test_our_own_page_may_ask(studio: None) -> None:
    told = {"Origin": "http://localhost:8000"}
    assert status(HERE, "POST", body=draft(), headers=told) == 201


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
@pytest.mark.parametrize("path", ["/api/jobs", "/api/job-groups", "/api/jobs/1/cancel"])
def test_nothing_but_json_is_taken(studio: None, kind: str, path: str) -> None:
    assert status(HERE, "POST", path, body=draft(), headers={"Content-Type": kind}) == 415
    assert not Job.objects.exists()


def test_json_may_name_its_characters(studio: None) -> None:
    told = {"Content-Type": f"{JSON}; charset=utf-8"}
    assert status(HERE, "POST", body=draft(), headers=told) == 201


def test_elsewhere_there_is_no_way_in_without_a_token(studio: None) -> None:
    answer = Program(peer=LAN).send("GET", "/api/jobs")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "refused"


def test_with_a_token_a_program_asks_and_looks_from_anywhere(owner: User) -> None:
    program = Program(peer=LAN, token=token(owner.pk))
    asked = program.post("jobs", draft())
    assert program.get(f"jobs/{asked['id']}")["state"] == "queued"
    group = JobGroup.objects.get()
    assert (group.owner, group.share_key) == (owner, f"api.{ApiToken.objects.get().pk}")


def test_a_token_counts_whatever_name_and_proxy_it_comes_by(
    owner: User, settings: LazySettings
) -> None:
    program = Program(peer=LAN, token=token(owner.pk))
    for host in ("eliot.example.com", "192.168.0.5:8000", "[fe80::1]:8000"):
        told = {"Host": host, "X-Forwarded-For": "203.0.113.5"}
        assert status(program, "POST", body=draft(), headers=told) == 201
        assert status(Program(), headers=told) == 403
    settings.ELIOT_PUBLIC_URL = "https://eliot.example.com"
    assert status(program) == 200
    assert status(Program()) == 403


@pytest.mark.parametrize(
    "path", ["/", "/admin/", "/sessions/", "/farm/jobs/1/preview/1", "/api", "/apix/", "//api/"]
)
def test_a_token_opens_the_api_and_nothing_else(owner: User, path: str) -> None:
    assert status(Program(peer=LAN, token=token(owner.pk, "graphs")), path=path) == 403


@pytest.mark.parametrize("root", ["/api", "/api/", "/"])
def test_a_claimed_mount_point_opens_no_other_page(owner: User, root: str) -> None:
    program = Program(peer=LAN, token=token(owner.pk, "graphs"))
    answer = program.send("GET", "/api/admin/", root_path=root)
    assert answer.status_code == 403


def test_a_token_shows_pictures_but_changes_none(owner: User) -> None:
    program = Program(peer=LAN, token=token(owner.pk, "read"))
    path = "/media/file/00000000-0000-4000-8000-000000000000"
    assert status(program, path=path) == 404  # let in, and there is none
    assert status(program, "POST", path) == 403
    assert status(Program(peer=LAN), path=path) == 403


@pytest.mark.parametrize("peer", [LAN, "127.0.0.1"])
def test_a_revoked_or_expired_or_unknown_token_opens_nothing(owner: User, peer: str) -> None:
    good = token(owner.pk)
    assert status(Program(peer=peer, token=good)) == 200
    ApiToken.objects.get().revoke()
    expired = token(owner.pk, expires=timezone.now() - timedelta(seconds=1))
    wrong = good[:-1] + ("A" if good[-1] != "A" else "B")
    for text in (good, expired, wrong, "eliot_x", "x" * 5000, good.upper()):
        assert status(Program(peer=peer, token=text)) in (401, 403)


def test_a_bad_token_is_told_so_on_this_machine_too(studio: None) -> None:
    answer = Program(token="eliot_nothing").send("GET", "/api/jobs")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["error"]["code"] == "no_token"


@pytest.mark.parametrize("header", ["Basic dTpw", "Token x", "", "Bearer"])
def test_other_credentials_are_none(owner: User, header: str) -> None:
    assert status(HERE, headers={"Authorization": header}) == 401


def test_a_token_in_the_address_does_not_count(owner: User) -> None:
    text = token(owner.pk)
    assert status(Program(peer=LAN), path=f"/api/jobs?token={text}") == 403


def test_a_token_is_good_for_what_it_was_made_for(owner: User) -> None:
    read, ask = (Program(peer=LAN, token=token(owner.pk, may)) for may in ("read", "ask"))
    assert (status(read), status(ask)) == (200, 200)
    assert status(read, "POST", body=draft()) == 403
    assert status(read, "POST", "/api/jobs/1/cancel") == 403
    assert status(ask, "POST", body={"graph": graph()}) == 403
    assert status(ask, "POST", body={"job": {"graph": graph()}}, path="/api/job-groups") == 403
    assert not Job.objects.exists()
    everything = Program(peer=LAN, token=token(owner.pk, "graphs"))
    everything.post("jobs", {"graph": graph(), "parameters": {"checkpoint": ""}})


def test_a_token_ends_with_its_owner(owner: User) -> None:
    user = User.objects.create_user("guest")
    program = Program(peer=LAN, token=token(user.pk))
    assert status(program) == 200
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert status(program) == 403


def test_the_same_key_of_two_owners_is_two_jobs(owner: User) -> None:
    user = User.objects.create_user("guest")
    posted = draft(idempotency_key="k")
    first = Program(token=token(owner.pk)).post("jobs", posted)
    second = Program(token=token(user.pk)).post("jobs", posted)
    assert first["id"] != second["id"]


def test_only_a_hash_is_kept_and_the_last_use_is_noted_to_the_minute(owner: User) -> None:
    text = token(owner.pk)
    row = ApiToken.objects.get()
    secret = text.split("_", 2)[2]
    assert secret not in str(ApiToken.objects.values().get())
    assert row.last_used is None
    assert status(Program(token=text)) == 200
    row.refresh_from_db()
    first = row.last_used
    assert first is not None
    assert status(Program(token=text)) == 200
    row.refresh_from_db()
    assert row.last_used == first


def test_there_are_not_more_tokens_than_anybody_needs(owner: User) -> None:
    rows = [
        ApiToken(name="x", prefix=f"{place:012x}", digest="x", owner=owner)
        for place in range(MOST_LIVE)
    ]
    ApiToken.objects.bulk_create(rows)
    with pytest.raises(TooManyTokens):
        token(owner.pk)
    rows[0].revoke()
    token(owner.pk)
