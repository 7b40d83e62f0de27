"""Names that are legal on every system Eliot's files may end up on, Windows shares included."""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import PurePosixPath

MAX_NAME_BYTES = 180  # file systems allow 255; a version suffix and a sidecar's suffix must fit too
MAX_PATH_LENGTH = 220  # Windows Explorer gives up at 260 including the share's own name
MAX_DEPTH = 10
MAX_VERSIONS = 10_000

_FORBIDDEN_ON_WINDOWS = re.compile(r'[<>:"\\|?*]+')
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$)", re.I)
_VERSION = re.compile(r"(?P<stem>.*)-v(?P<number>\d{1,6})", re.DOTALL)
_EDGES = re.compile(r"\A[\s.]+|[\s.]+\Z")
_MEDIA_SUFFIX = re.compile(r"\.(a?png|jpe?g?|webp|gif|bmp|tiff?|avif|mp4|webm|mov|mkv)", re.I)
_DROPPED = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")  # part of words and of emoji; other format characters mislead


def legal_path(wanted: str) -> str:
    """Turn any text into a relative path that stays inside a root and is legal everywhere.

    Empty, ``.`` and ``..`` components vanish, leading dots too, so that nothing lands in
    ``.gallery``. The result has at least one component and is its own legal path.
    """
    names = [name for part in wanted.split("/") if (name := legal_name(part))]
    if len(names) > MAX_DEPTH:
        names = [*names[: MAX_DEPTH - 1], names[-1]]
    return "/".join(_fitted(names or ["untitled"]))


def legal_name(wanted: str) -> str:
    """Return one legal path component, or '' when nothing of ``wanted`` can be kept."""
    # Plain text, as nearly all of it is, has nothing to drop and nothing to compose.
    is_plain = wanted.isascii() and wanted.isprintable()
    name = wanted if is_plain else unicodedata.normalize("NFC", "".join(filter(_is_kept, wanted)))
    name = _FORBIDDEN_ON_WINDOWS.sub("-", name.replace("/", "-"))
    name = _shortened(_trimmed(name), MAX_NAME_BYTES)
    if _DEVICE.fullmatch(name.partition(".")[0].rstrip()):
        name = _shortened(f"_{name}", MAX_NAME_BYTES)
    return name


def path_key(path: str) -> str:
    """Return what two paths share that a case-blind, normalising share cannot tell apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def versions(path: str) -> Iterator[str]:
    """Yield the path itself, then the names its next versions would have: ``a-v2.png``."""
    yield path
    pure = PurePosixPath(path)
    match = _VERSION.fullmatch(pure.stem)
    stem, first = (match["stem"], int(match["number"]) + 1) if match else (pure.stem, 2)
    for number in range(first, first + MAX_VERSIONS):
        yield pure.with_name(f"{stem}-v{number}{pure.suffix}").as_posix()


def with_suffix(path: str, suffixes: tuple[str, ...]) -> str:
    """Return the path with a suffix that tells the truth; the first of ``suffixes`` is the norm."""
    pure = PurePosixPath(path)
    if pure.suffix.lower() in suffixes:
        return path
    stem = pure.stem if _MEDIA_SUFFIX.fullmatch(pure.suffix) else pure.name  # "shot 1.5" stays
    return pure.with_name(stem + suffixes[0]).as_posix()


def _is_kept(character: str) -> bool:
    category = unicodedata.category(character)
    return category not in _DROPPED and (category != "Cf" or character in _JOINERS)


def _trimmed(name: str) -> str:
    """Drop what Windows drops silently at the end, and what hides a file at the start."""
    return _EDGES.sub("", name)


def _shortened(name: str, limit_bytes: int) -> str:
    """Cut the stem, not the suffix, at a whole character."""
    if len(name.encode()) <= limit_bytes:
        return name
    pure = PurePosixPath(name)
    suffix = pure.suffix if len(pure.suffix.encode()) <= min(16, limit_bytes // 2) else ""
    stem = name.removesuffix(suffix).encode()[: limit_bytes - len(suffix.encode())]
    return _trimmed(stem.decode(errors="ignore")) + suffix


def _fitted(names: list[str]) -> list[str]:
    """Shorten the longest components until the whole path fits."""
    while (excess := len("/".join(names)) - MAX_PATH_LENGTH) > 0:
        longest = max(range(len(names)), key=lambda index: len(names[index].encode()))
        size = len(names[longest].encode())
        names[longest] = legal_name(_shortened(names[longest], max(size - excess, size // 2)))
    return names
