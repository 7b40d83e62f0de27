"""From a request for a file to its answer: headers, conditions and ranges by RFC 9110."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, Literal
from urllib.parse import parse_qs
from uuid import UUID

from django.utils.http import content_disposition_header

from gallery_app.media.rows import MediaRow
from gallery_app.pictures import SUFFIXES
from gallery_app.thumbnails import THUMBNAIL_VERSION

Header = tuple[bytes, bytes]

# Whatever a file contains, a browser shows it as a picture or saves it; it never runs it.
SAFETY: Final[tuple[Header, ...]] = (
    (b"content-security-policy", b"sandbox; default-src 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
)
FOR_GOOD: Final = b"private, max-age=31536000, immutable"
ASK_AGAIN: Final = b"private, no-cache"
NEVER: Final = b"no-store"

_ADDRESS = re.compile(
    r"/media/(?:(?P<thumb>thumb)/(?P<of>[0-9a-f-]{36})\.webp|file/(?P<id>[0-9a-f-]{36}))"
)
_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE)
_ETAG = re.compile(r'(?:W/)?("[^"]*")')


@dataclass(frozen=True, slots=True)
class Ask:
    """One request; ``headers`` are lower-case, ``version`` is the ``v`` of the query."""

    kind: Literal["thumb", "file"]
    media_id: UUID
    method: str
    headers: Mapping[str, str]
    version: str
    download: bool


@dataclass(slots=True)
class Answer:
    """What goes back: ``body``, or ``length`` bytes of ``stream`` from ``start``."""

    status: int
    headers: list[Header] = field(default_factory=list)
    body: bytes = b""
    stream: BinaryIO | None = None
    start: int = 0
    length: int = 0

    def close(self) -> None:
        """Let go of the file."""
        if self.stream is not None:
            self.stream.close()


class RangeRefused(Exception):
    """Several ranges, or one that lies behind the end."""


def ask_from_scope(scope: Mapping[str, Any]) -> Ask | None:
    """Read an ASGI request; None for any address but the two canonical ones."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    match = _ADDRESS.fullmatch(path)
    media_id = _uuid((match["of"] or match["id"]) if match else "")
    if match is None or media_id is None:
        return None
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return Ask(
        kind="thumb" if match["thumb"] else "file",
        media_id=media_id,
        method=scope["method"],
        headers=_texts(scope.get("headers", ())),
        version=query.get("v", [""])[0],
        download=query.get("download", [""])[0] == "1",
    )


def plain(status: int, *headers: Header) -> Answer:
    """Return an answer without content, kept by no cache; all refusals look alike."""
    return Answer(status, [*SAFETY, (b"cache-control", NEVER), *headers, (b"content-length", b"0")])


def not_found() -> Answer:
    """Unknown, trashed, forbidden and gone are one answer: ids must not be probed."""
    return plain(404)


def busy(after_s: int = 2) -> Answer:
    """The disk does not answer in time; the browser may come back."""
    return plain(503, (b"retry-after", b"%d" % after_s))


def unchanged(ask: Ask, row: MediaRow) -> Answer | None:
    """Return 304 if the browser has this content."""
    tag = etag(ask, row)
    wanted = ask.headers.get("if-none-match", "")
    if not tag or not (wanted.strip() == "*" or tag in _ETAG.findall(wanted)):
        return None
    return Answer(304, [*SAFETY, *_validators(ask, row)])


def thumbnail_answer(ask: Ask, row: MediaRow, body: bytes) -> Answer:
    """Return 200 with a thumbnail, which is short and our own: no ranges, no name."""
    head = [(b"content-type", b"image/webp"), *SAFETY, *_validators(ask, row)]
    return Answer(200, [*head, _length(len(body))], body=body)


def file_answer(ask: Ask, row: MediaRow, stream: BinaryIO, size: int, mime: str) -> Answer:
    """Return 200, 206 or 416 for an opened original of ``size`` bytes."""
    head = [*SAFETY, *_validators(ask, row), (b"accept-ranges", b"bytes")]
    head += [(b"content-type", mime.encode()), _disposition(ask, row, mime)]
    try:
        part = _wanted_range(ask, row, size)
    except RangeRefused:
        stream.close()
        return plain(416, (b"content-range", b"bytes */%d" % size))
    if part is None:
        return Answer(200, [*head, _length(size)], stream=stream, length=size)
    first, last = part
    head += [(b"content-range", b"bytes %d-%d/%d" % (first, last, size))]
    length = last - first + 1
    return Answer(206, [*head, _length(length)], stream=stream, start=first, length=length)


def etag(ask: Ask, row: MediaRow) -> str:
    """Return the strong tag of the content; '' where no hash is known."""
    if not row.sha256:
        return ""
    return f'"{row.version}-t{THUMBNAIL_VERSION}"' if ask.kind == "thumb" else f'"{row.sha256}"'


def _validators(ask: Ask, row: MediaRow) -> list[Header]:
    tag = etag(ask, row)
    if not tag:
        return [(b"cache-control", NEVER)]
    lasting = FOR_GOOD if ask.version == row.version else ASK_AGAIN
    return [(b"etag", tag.encode()), (b"cache-control", lasting)]


def _length(length: int) -> Header:
    return (b"content-length", b"%d" % length)


def _disposition(ask: Ask, row: MediaRow, mime: str) -> Header:
    """Pictures show in the browser unless a download is asked for; all else is only saved."""
    name = PurePosixPath(row.path).name
    name = "".join(letter for letter in name if unicodedata.category(letter) not in ("Cc", "Cs"))
    header = content_disposition_header(ask.download or mime not in SUFFIXES, name or "file")
    return (b"content-disposition", (header or "inline").encode("ascii", "ignore"))


def _wanted_range(ask: Ask, row: MediaRow, size: int) -> tuple[int, int] | None:
    """Return first and last byte, or None for the whole; junk is ignored as the RFC allows."""
    header = ask.headers.get("range", "")
    condition = ask.headers.get("if-range")
    if not header.lower().startswith("bytes=") or (condition and condition != etag(ask, row)):
        return None
    if "," in header:
        raise RangeRefused
    match = _RANGE.fullmatch(header)
    if match is None or not (match[1] or match[2]):
        return None
    first = int(match[1]) if match[1] else max(0, size - int(match[2]))
    last = min(int(match[2]), size - 1) if match[1] and match[2] else size - 1
    if match[1] and match[2] and int(match[2]) < first:
        return None
    if first > last:
        raise RangeRefused
    return first, last


def _texts(headers: Iterable[Header]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _uuid(text: str) -> UUID | None:
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None
