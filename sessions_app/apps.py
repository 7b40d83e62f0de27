"""The table as a Django app."""

from django.apps import AppConfig


class SessionsConfig(AppConfig):
    """Sessions: from an idea to a stack of pictures."""

    name = "sessions_app"
    verbose_name = "Sessions"
