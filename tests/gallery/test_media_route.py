import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client

from gallery_app.containment import open_regular
from gallery_app.intake import reserve
from gallery_app.media import app, look, rows
from gallery_app.media.pools import DeadlinePool, PoolBusy
from gallery_app.models import Library, MediaFile
from gallery_app.thumbnails import thumbnail_path
from tests.gallery.asking import Reply, ask, collect, scope_of
from tests.gallery.making import picture, taken_in

# Rows are looked up on other threads, which see only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def library(data: Path, transactional_db: None) -> Library:
    return Library.default()


@pytest.fixture
def taken(library: Library, spool: Path) -> MediaFile:
    return taken_in(library, spool, wanted_path="s/a picture.png")


@pytest.fixture
def original(taken: MediaFile) -> bytes:
    return taken.absolute_path.read_bytes()


def assert_harmless(reply: Reply) -> None:
    assert reply.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"
    assert reply.headers["referrer-policy"] == "same-origin"


async def test_it_serves_a_thumbnail_for_good(taken: MediaFile) -> None:
    reply = await ask(taken.thumb_url)
    assert (reply.status, reply.headers["content-type"]) == (200, "image/webp")
    assert reply.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert reply.headers["content-length"] == str(len(reply.body))
    assert reply.body[8:12] == b"WEBP"
    assert_harmless(reply)


async def test_it_serves_an_original_byte_for_byte(taken: MediaFile, original: bytes) -> None:
    reply = await ask(taken.url)
    assert (reply.status, reply.headers["content-type"]) == (200, "image/png")
    assert reply.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert reply.headers["etag"] == f'"{taken.facts.sha256_file}"'
    assert reply.headers["content-disposition"] == 'inline; filename="a picture.png"'
    assert reply.body == original
    assert_harmless(reply)


async def test_it_streams_a_long_file_in_chunks(
    taken: MediaFile, original: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "CHUNK_BYTES", 100)
    reply = await ask(taken.url)
    assert reply.body == original
    assert reply.chunks == -(-len(original) // 100)


@pytest.mark.parametrize("version", ["", "?v=", "?v=000000000000", "?w=1"])
async def test_an_address_of_another_version_is_asked_for_again(
    taken: MediaFile, version: str
) -> None:
    for kind in (f"/media/thumb/{taken.pk}.webp", f"/media/file/{taken.pk}"):
        assert (await ask(kind + version)).headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', '"x,y",{},"z"', "*"])
async def test_what_the_browser_has_is_not_sent(taken: MediaFile, form: str) -> None:
    for url in (taken.url, taken.thumb_url):
        tag = (await ask(url)).headers["etag"]
        reply = await ask(url, if_none_match=form.format(tag))
        assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", tag)
        assert_harmless(reply)
        assert (await ask(url, if_none_match='"other"')).status == 200


async def test_head_says_what_get_would(taken: MediaFile) -> None:
    for url in (taken.url, taken.thumb_url):
        whole, head = await ask(url), await ask(url, "HEAD")
        assert (head.status, head.headers, head.body) == (200, whole.headers, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
async def test_it_only_reads(taken: MediaFile, method: str) -> None:
    reply = await ask(taken.url, method)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")
    assert_harmless(reply)


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [("0-9", 0, 9), ("10-", 10, None), ("-5", -5, None), ("0-99999999", 0, None)],
)
async def test_it_serves_one_range(
    taken: MediaFile, original: bytes, wanted: str, first: int, last: int | None
) -> None:
    reply = await ask(taken.url, range=f"bytes={wanted}")
    part = original[first : None if last is None else last + 1]
    assert (reply.status, reply.body) == (206, part)
    start = original.index(part)
    said = f"bytes {start}-{start + len(part) - 1}/{len(original)}"
    assert reply.headers["content-range"] == said
    assert reply.headers["content-length"] == str(len(part))


@pytest.mark.parametrize("wanted", ["99999999-", "-0", "0-1,3-4", ",".join(["0-"] * 1000)])
async def test_it_refuses_a_range_it_cannot_serve(taken: MediaFile, wanted: str) -> None:
    reply = await ask(taken.url, range=f"bytes={wanted}")
    assert (reply.status, reply.body) == (416, b"")
    assert reply.headers["content-range"] == f"bytes */{taken.facts.size_bytes}"


@pytest.mark.parametrize("junk", ["bytes=", "bytes=-", "bytes=5-3", "bytes=x-y", "lines=0-1", "x"])
async def test_it_ignores_a_range_that_is_none(taken: MediaFile, junk: str) -> None:
    assert (await ask(taken.url, range=junk)).status == 200


async def test_a_range_of_an_older_version_is_the_whole(taken: MediaFile) -> None:
    assert (await ask(taken.url, range="bytes=0-1", if_range='"old"')).status == 200
    tag = f'"{taken.facts.sha256_file}"'
    assert (await ask(taken.url, range="bytes=0-1", if_range=tag)).status == 206


async def test_a_download_has_the_file_s_own_name(library: Library, spool: Path) -> None:
    name = 'Å "quoted" 🎬.png'
    taken = await asyncio.to_thread(committed, library, spool, name)
    reply = await ask(f"{taken.url}&download=1&filename=x%0d%0aSet-Cookie:a=b")
    kept = taken.name
    assert reply.headers["content-disposition"] == f"attachment; filename*=utf-8''{quote(kept)}"
    assert "set-cookie" not in str(reply.headers).lower()


def committed(library: Library, spool: Path, name: str) -> MediaFile:
    try:
        return taken_in(library, spool, wanted_path=name)
    finally:
        connection.close()


async def test_a_name_with_line_breaks_cannot_add_a_header(taken: MediaFile) -> None:
    await asyncio.to_thread(renamed_on_disk, taken, "s/a\r\nset-cookie: a=b\x7f.png")
    reply = await ask(f"/media/file/{taken.pk}?download=1")
    assert reply.status == 200
    assert "\r" not in reply.headers["content-disposition"]
    assert "\n" not in reply.headers["content-disposition"]


def renamed_on_disk(taken: MediaFile, path: str) -> None:
    taken.absolute_path.rename(taken.library.root_path / path)
    MediaFile.objects.update(path=path)
    rows.forget(taken.pk)
    connection.close()


async def test_what_is_no_picture_is_only_saved(taken: MediaFile) -> None:
    taken.absolute_path.write_bytes(b"<script>alert(1)</script>")
    reply = await ask(taken.url)
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["content-disposition"].startswith("attachment")
    assert_harmless(reply)


@pytest.mark.parametrize(
    "path",
    [
        "/media/file/../../etc/passwd",
        "/media/file/{id}/../x",
        "/media/file/{ID}",
        "/media/file/{{{id}}}",
        "/media/file/{id}.png",
        "/media/file/{id}\n",
        "/media/file/\0",
        "/media/thumb/{id}",
        "/media/thumb/{id}.webp/",
        "/media/thumb/256/{id}.webp",
        "/media/",
        "/etc/passwd",
    ],
)
async def test_only_the_two_canonical_addresses_exist(taken: MediaFile, path: str) -> None:
    url = path.format(id=taken.pk, ID=str(taken.pk).upper())
    assert (await ask("", scope=scope_of("") | {"path": url})).status == 404


async def test_all_refusals_look_alike(
    library: Library, spool: Path, taken: MediaFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    unseen = await asyncio.to_thread(addresses_of_the_unseen, library, spool)
    replies = [await ask(url) for url in unseen]
    monkeypatch.setattr(look, "may_see", lambda *_: False)
    replies += [await ask(taken.url), await ask(taken.thumb_url)]
    assert {reply.status for reply in replies} == {404}
    assert all(reply == replies[0] for reply in replies)


def addresses_of_the_unseen(library: Library, spool: Path) -> list[str]:
    try:
        trashed, gone = taken_in(library, spool), taken_in(library, spool)
        reserved = reserve(library, "r.png")
        trashed.trash()
        gone.absolute_path.unlink()
        urls = [gone.url, trashed.url, trashed.thumb_url, reserved.url, reserved.thumb_url]
        return [*urls, f"/media/file/{uuid4()}", "/media/nonsense"]
    finally:
        connection.close()


async def test_a_stranger_s_host_sees_nothing(taken: MediaFile) -> None:
    assert (await ask(taken.url, host="evil.example")).status == 404


async def test_the_trash_hides_at_once_what_was_just_seen(taken: MediaFile) -> None:
    url = taken.url
    assert (await ask(url)).status == 200
    await asyncio.to_thread(trashed_elsewhere, taken)
    assert (await ask(url)).status == 404


def trashed_elsewhere(taken: MediaFile) -> None:
    taken.trash()
    connection.close()


@pytest.mark.parametrize("trap", ["link", "folder link", "pipe", "folder"])
async def test_only_plain_files_below_the_root_are_opened(
    taken: MediaFile, tmp_path: Path, trap: str
) -> None:
    path = taken.absolute_path
    path.unlink()
    if trap == "link":
        path.symlink_to("/etc/passwd")
    elif trap == "pipe":
        os.mkfifo(path)
    elif trap == "folder":
        path.mkdir()
    else:
        path.parent.rmdir()
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / path.name).write_bytes(picture())
        path.parent.symlink_to(tmp_path / "outside")
    assert (await ask(taken.url)).status == 404


async def test_a_lost_thumbnail_is_drawn_again(taken: MediaFile) -> None:
    before = await ask(taken.thumb_url)
    thumbnail_path(taken.pk, taken.facts.sha256_file).unlink()
    assert await ask(taken.thumb_url) == before


async def test_a_picture_that_cannot_be_drawn_is_not_tried_at_every_view(
    taken: MediaFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    thumbnail_path(taken.pk, taken.facts.sha256_file).unlink()
    taken.absolute_path.write_bytes(b"junk")
    assert (await ask(taken.thumb_url)).status == 404
    monkeypatch.setattr(look, "ensure_thumbnail", None)
    assert (await ask(taken.thumb_url)).status == 404


async def test_a_hung_share_stops_neither_thumbnails_nor_other_libraries(
    taken: MediaFile, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    share_is_back = threading.Event()
    opened = open_regular

    def hang(root: Path, path: str):
        share_is_back.wait(60)
        return opened(root, path)

    monkeypatch.setattr(look, "open_regular", hang)
    monkeypatch.setattr(app, "LIBRARY_DEADLINE_S", 0.05)
    replies = await asyncio.gather(*(ask(taken.url) for _ in range(20)))
    assert {(reply.status, reply.headers["retry-after"]) for reply in replies} == {(503, "2")}
    assert (await ask(taken.thumb_url)).status == 200
    share_is_back.set()
    monkeypatch.setattr(app, "LIBRARY_DEADLINE_S", 60)
    assert (await ask(taken.url)).status == 200


async def test_a_disk_in_trouble_is_busy_not_gone(
    taken: MediaFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(look, "open_regular", broken)
    assert (await ask(taken.url)).status == 503


async def test_a_browser_that_leaves_lets_go_of_the_file(
    taken: MediaFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = [open_regular(taken.library.root_path, taken.path)]
    gone, reply = asyncio.Event(), Reply()
    monkeypatch.setattr(look, "open_regular", lambda *_: streams[0])
    monkeypatch.setattr(app, "CHUNK_BYTES", 10)

    async def receive():
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message) -> None:
        collect(reply, message)
        if reply.chunks == 2:
            gone.set()
            await asyncio.sleep(0)

    await asyncio.wait_for(app.media_app(scope_of(taken.url), receive, send), 30)
    assert not reply.finished
    assert len(reply.body) < 1000
    await until(lambda: streams[0].closed)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


async def test_a_file_that_shrinks_meanwhile_ends_the_reply(
    taken: MediaFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "CHUNK_BYTES", 10)
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, size, at: real(fd, size, at) if at < 50 else b"")
    reply = await ask(taken.url)
    assert (reply.finished, len(reply.body)) == (True, 50)


async def test_a_late_result_is_discarded() -> None:
    pool, release, discarded = DeadlinePool("test", 1), threading.Event(), []
    done = threading.Event()

    def discard(result: str) -> None:
        discarded.append(result)
        done.set()

    with pytest.raises(PoolBusy):
        await pool.run(lambda: "late" if release.wait(60) else "", deadline_s=0.01, discard=discard)
    release.set()
    assert await asyncio.to_thread(done.wait, 30)
    assert discarded == ["late"]


async def test_a_pool_refuses_more_than_it_will_ever_do() -> None:
    pool, release = DeadlinePool("test", 1, backlog=2), threading.Event()
    for _ in range(3):
        pool.submit(lambda: release.wait(60))
    with pytest.raises(PoolBusy):
        pool.submit(lambda: None)
    release.set()


def test_django_answers_alike_where_no_asgi_is_in_front(
    taken: MediaFile, original: bytes, settings: LazySettings
) -> None:
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    client = Client(headers={"host": "localhost"})
    whole = client.get(taken.url)
    assert b"".join(whole) == original
    assert whole["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert whole["Content-Type"] == "image/png"
    assert client.get(taken.thumb_url).content[8:12] == b"WEBP"
    part = client.get(taken.url, headers={"range": "bytes=1-3"})
    assert (part.status_code, b"".join(part)) == (206, b"PNG")
    assert client.get(taken.url, headers={"if-none-match": whole["ETag"]}).status_code == 304
    assert client.post(taken.url).status_code == 405
    assert client.get(f"/media/file/{uuid4()}").status_code == 404
