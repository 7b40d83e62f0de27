"""The table as a Django app."""

from django.apps import AppConfig


class SessionsConfig(AppConfig):
    """Sessions: from an idea to a stack of pictures."""

    name = "sessions_app"
    verbose_name = "Sessions"

    def ready(self) -> None:
        """Let the cinema engine know of people's own words as soon as they are saved."""
        from sessions_app import own_cinema

        own_cinema.watch_rows()
