"""The folders of one node on disk, and the names by which clients reach into them."""

import hashlib
import os
import re
import shutil
from pathlib import Path

BASES = ("input", "output", "temp")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tiff")
ANNOTATION = re.compile(r"^(?P<name>.*) \[(?P<base>input|output|temp)\]$")


class Escape(ValueError):
    """A name leads out of its folder."""


class Folders:
    """``input``, ``output`` and ``temp`` below one root; only ``temp`` is emptied at a start."""

    def __init__(self, root: Path) -> None:
        """Make the folders, and empty ``temp``."""
        self.root = root.resolve()
        shutil.rmtree(self.root / "temp", ignore_errors=True)
        for name in (*BASES, "models"):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    def base(self, name: str) -> Path | None:
        """Return the folder of that name; None if there is no such type."""
        return self.root / name if name in BASES else None

    def inside(self, base: str, *parts: str) -> Path:
        """Join parts to a base folder.

        Raises:
            Escape: the result lies outside the folder.
        """
        folder = self.root / base
        path = Path(_normal(folder.joinpath(*parts)))
        if path != folder and folder not in path.parents:
            raise Escape(str(path))
        return path

    def annotated(self, name: str, default: str = "input") -> Path:
        """Return the path of ``name``, ``name [temp]``, ``name [output]`` or ``name [input]``.

        Raises:
            Escape: the name leads out of its folder.
        """
        bare, base = split_annotation(name)
        return self.inside(base or default, bare)

    def file_problem(self, name: str) -> str | None:
        """Say what is wrong with the file of a LoadImage; None if it is there."""
        try:
            found = self.annotated(name).is_file()
        except (Escape, ValueError):
            found = False
        return None if found else f"Invalid image file: {name}"

    def file_hash(self, name: str) -> str:
        """Return a digest of an input's bytes; empty if it is not there."""
        try:
            return hashlib.sha256(self.annotated(name).read_bytes()).hexdigest()
        except (OSError, ValueError):
            return ""

    def input_images(self) -> list[str]:
        """Return the pictures directly in ``input``, as LoadImage lists them."""
        with os.scandir(self.root / "input") as entries:
            names = [entry.name for entry in entries if entry.is_file()]
        return sorted(name for name in names if name.lower().endswith(IMAGE_SUFFIXES))


def split_annotation(name: str) -> tuple[str, str | None]:
    """Split ``"up.png [temp]"`` into name and folder type."""
    match = ANNOTATION.match(name)
    return (match["name"], match["base"]) if match else (name, None)


def _normal(path: Path) -> str:
    """Resolve ``..`` by text alone: a link inside the folder may lead anywhere its owner wants."""
    return os.path.normpath(path)
