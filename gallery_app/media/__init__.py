"""Serving thumbnails and originals in front of Django, by id, as data that no browser runs."""

from gallery_app.media.app import media_app

__all__ = ["media_app"]
