"""The wall as a Django app: the room above the table, still empty."""

from django.apps import AppConfig


class StoryboardConfig(AppConfig):
    """Projects, boards, panels and shots."""

    name = "storyboard_app"
    verbose_name = "Storyboards"
