"""docs/api.md as somebody reads it: every line is run against a real Eliot with demo nodes."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import websockets
from django.conf import settings
from PIL import Image

from tests.house.household import Household

TEXT = (settings.BASE_DIR / "docs" / "api.md").read_text(encoding="utf-8")
USUAL = "http://127.0.0.1:8000"
PROXIED = {"X-Forwarded-For": "203.0.113.5"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    with Household(tmp_path_factory.mktemp("api") / "data") as found:
        yield found.start("--demo", "4", "--demo-speed", "10")


def here(text: str, house: Household) -> str:
    """Return a line of the document for where Eliot is now."""
    address = house.address.rstrip("/")
    return text.replace(USUAL, address).replace("ws://127.0.0.1:8000", f"ws{address[4:]}")


def test_every_shell_line_works_in_order(house: Household, tmp_path: Path) -> None:
    first, *lines = blocks("sh")
    assert len(lines) > 15
    for line in lines:
        script = f"set -euo pipefail\n{here(first, house)}{line}"
        ran = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert ran.returncode == 0, (line, ran.stdout, ran.stderr, house.said()[-2000:])
        if ran.stdout.strip():
            assert json.loads(ran.stdout), line
    with Image.open(tmp_path / "first.png") as picture:
        assert picture.size == (512, 512)


def test_the_python_of_the_document_follows_a_job_to_its_end(house: Household) -> None:
    (script,) = blocks("python")
    posted = {"template": "sd15_txt2img", "parameters": {"prompt": "x", "steps": 5}}
    job = httpx.post(f"{house.address}/api/jobs", json=posted, trust_env=False).json()["id"]
    script = here(script, house).replace("follow(1)", f"follow({job})")
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1].startswith("completed Done on gpu-")


def test_the_fields_of_the_document_are_the_apis(house: Household) -> None:
    found = httpx.get(f"{house.address}/api/openapi.json", trust_env=False).json()
    fields = set(found["components"]["schemas"]["JobPosted"]["properties"])
    told = set(re.findall(r"^\| `(\w+)` \|", TEXT.partition("## A graph")[0], re.MULTILINE))
    assert told == fields


def test_a_token_from_the_command_line_opens_the_api_through_a_proxy_until_it_is_revoked(
    house: Household,
) -> None:
    made = house.run("api_token", "create", "render-script", "--may", "read")
    token = made.stdout.strip()
    assert re.fullmatch(r"eliot_[0-9a-f]{12}_[\w-]{43}", token), made.stderr
    told = {**PROXIED, "Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=house.address, trust_env=False) as visitor:
        assert visitor.get("/api/nodes", headers=PROXIED).status_code == 403
        assert visitor.get("/api/nodes", headers=told).status_code == 200
        for path in ("/", "/admin/"):
            assert visitor.get(path, headers=told).status_code == 403
        moved = {**told, "Daphne-Root-Path": "/api"}
        assert visitor.get("/api/admin/", headers=moved).status_code == 403
        listed = house.run("api_token", "list").stdout
        assert "live  read" in listed
        assert token.split("_", 2)[2] not in listed
        assert house.run("api_token", "revoke", token[:18]).returncode == 0
        assert visitor.get("/api/nodes", headers=told).status_code == 403
    assert "revoked" in house.run("api_token", "list").stdout


def test_a_socket_on_the_real_server_keeps_to_the_door(house: Household) -> None:
    posted = {"template": "sd15_txt2img", "parameters": {"prompt": "x", "steps": 1}}
    job = httpx.post(f"{house.address}/api/jobs", json=posted, trust_env=False).json()["id"]
    address = f"ws{house.address[4:]}/api/ws/jobs/{job}/"
    token = house.run("api_token", "create", "listener", "--may", "read").stdout.strip()

    async def first(origin: str | None, headers: dict[str, str]) -> str:
        try:
            async with websockets.connect(
                address,
                origin=origin,  # type: ignore[arg-type]
                additional_headers=headers,
                proxy=None,
            ) as page:
                return str(json.loads(await page.recv())["event"])
        except websockets.InvalidStatus as fault:
            return str(fault.response.status_code)

    bearer = {**PROXIED, "Authorization": f"Bearer {token}"}
    assert asyncio.run(first(house.address.rstrip("/"), {})) == "state"
    assert asyncio.run(first("http://evil.com", {})) == "403"
    assert asyncio.run(first(None, {})) == "403"
    assert asyncio.run(first(None, bearer)) == "state"
    assert asyncio.run(first(None, {**bearer, "Daphne-Root-Path": "/x"})) == "403"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("create", ""), 2),
        (("create", "x" * 81), 2),
        (("create", "x", "--days", "0"), 2),
        (("revoke", "000000000000"), 2),
    ],
)
def test_a_wrong_token_command_says_so(house: Household, words: tuple[str, ...], code: int) -> None:
    ran = house.run("api_token", *words)
    assert ran.returncode == code
    assert "Error" in ran.stderr
