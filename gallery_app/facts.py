"""Reading the facts off a file, so that they may be dropped at any time."""

import os

from eliot.statements import insert
from gallery_app import recipe
from gallery_app.containment import open_regular, sha256_of
from gallery_app.failures import storage_errors
from gallery_app.models import MediaFacts, MediaFile
from gallery_app.pictures import verify_stream

# all but the thumbnail's, which only drawing one changes
_READ_OFF = (
    "sha256_file",
    "sha256_node",
    "size_bytes",
    "mime",
    "width",
    "height",
    "recipe",
    "recipe_source",
)


def rebuild_facts(media_file: MediaFile) -> MediaFacts:
    """Read the facts off the file in the library and keep them, and what a node's hash was.

    Raises:
        IntakeError: The file is not there, not a picture, or damaged.
    """
    known = media_file.known_facts
    facts = read_facts(media_file, sha256_node=known.sha256_node if known else "")
    save_facts(facts)
    return facts


def read_facts(media_file: MediaFile, *, sha256_node: str) -> MediaFacts:
    """Return unsaved facts; see ``rebuild_facts``."""
    with (
        storage_errors(media_file.library.label),
        open_regular(media_file.library.root_path, media_file.path) as stream,
    ):
        looked = verify_stream(stream)
        record = recipe.read_stream(stream)
        size_bytes = os.fstat(stream.fileno()).st_size
        stream.seek(0)
        sha256_file = sha256_of(stream)
    source = MediaFacts.RecipeSource
    return MediaFacts(
        media_file=media_file,
        sha256_file=sha256_file,
        sha256_node=sha256_node,
        size_bytes=size_bytes,
        mime=looked.mime,
        width=looked.width,
        height=looked.height,
        recipe=record.as_dict() if record else {},
        recipe_source=source.ELIOT if record else source.NONE,
    )


def save_facts(facts: MediaFacts) -> None:
    """Insert or update in one statement: two that read the same file do not collide."""
    insert(facts, over=_READ_OFF)
