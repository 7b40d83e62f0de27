"""The archive's place among the installed apps."""

from django.apps import AppConfig


class GalleryConfig(AppConfig):
    """Registers the archive's system checks."""

    name = "gallery_app"
    verbose_name = "Gallery"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let ``manage.py check`` see the checks."""
        from gallery_app import checks  # noqa: F401 - registered by being imported
