"""What people are called in sentences: whoever sits at this machine is simply you."""

from typing import Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

YOU: Final = "you"
_LOCAL: Final = ("local", "You")


def spelled(actor: str) -> str:
    """Return how an actor of an event is called, as it was written down then."""
    return YOU if actor in _LOCAL else actor


def name_of(user: AbstractBaseUser | AnonymousUser) -> str:
    """Return what an event calls this user."""
    return spelled(getattr(user, "first_name", "") or user.get_username())


def actor_of(request: HttpRequest) -> str:
    """Return what an event calls whoever asks."""
    return name_of(request.user)
