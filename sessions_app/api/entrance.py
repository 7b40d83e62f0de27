"""The API's entrance, behind which the engine knows what people added to it."""

from django.http import HttpRequest

from farm_app.api import entrance
from farm_app.api.entrance import Caller
from sessions_app import own_cinema


class Entrance(entrance.Entrance):
    """Lets in whom the API lets in; the document of the API names the one and the other alike."""

    def __call__(self, request: HttpRequest) -> Caller:
        """Return who asks, with the body read.

        Raises:
            Refused: They may not, or their body is not what the API takes.
        """
        caller = super().__call__(request)
        own_cinema.bring_up_to_date()
        return caller
