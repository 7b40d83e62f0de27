"""What programs asked for: one row for each request that was accepted, so that the same one twice is the same work."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Kind(models.TextChoices):
    """What a request made."""

    JOB = "job", "One job"
    GROUP = "group", "A job group"


class JobRequest(models.Model):
    """One accepted POST. Its jobs hang on it by their groups: a job group has one for each node that it names."""

    kind = models.CharField(max_length=5, choices=Kind.choices)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    key = models.CharField(
        max_length=200, blank=True, help_text="The program's own name for it, to send it twice."
    )
    digest = models.CharField(max_length=64, help_text="Hash of what was posted.")
    asked = models.JSONField(help_text="What was posted.")
    metadata = models.JSONField(default=dict, help_text="The program's own; given back as it came.")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-pk",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "key"], condition=~Q(key=""), name="one_request_per_key"
            )
        ]

    def __str__(self) -> str:
        """Name it."""
        return f"{self.get_kind_display()} {self.pk}"
