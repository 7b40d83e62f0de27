"""What people are called in sentences: whoever sits at this machine is simply you."""

from typing import Final

from django.http import HttpRequest

YOU: Final = "you"
_LOCAL: Final = ("local", "You")


def spelled(actor: str) -> str:
    """Return how an actor of an event is called, as it was written down then."""
    return YOU if actor in _LOCAL else actor


def actor_of(request: HttpRequest) -> str:
    """Return what an event calls whoever asks."""
    return spelled(getattr(request.user, "first_name", "") or request.user.get_username())
