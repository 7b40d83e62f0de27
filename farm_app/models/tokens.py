"""Tokens by which programs come in from elsewhere. The secret is shown once; only its hash is kept."""

import hashlib
import hmac
import logging
import re
import secrets
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import DatabaseError, models
from django.db.models import Q
from django.utils import timezone

from eliot.policy import Pass
from eliot.writing import in_turn

logger = logging.getLogger(__name__)

MOST_LIVE: Final = 200
# Last use is told to the minute: a write at each request would cost more than the request.
USED_EVERY: Final = timedelta(minutes=1)
_FORM: Final = re.compile(r"eliot_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NOBODY: Final = hashlib.sha256(b"").hexdigest()


class TooManyTokens(Exception):
    """Nobody needs so many: old ones are forgotten."""


class May(models.TextChoices):
    """What a token is good for; each includes the ones before it."""

    READ = "read", "Look only"
    ASK = "ask", "Ask for pictures with the farm's workflows, and cancel"
    GRAPHS = "graphs", "Send workflows of its own, too: these run as code on the nodes"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Verbs on tokens."""

    def live(self) -> "ApiTokenQuerySet":
        """Return those that open the door now."""
        still = Q(expires__isnull=True) | Q(expires__gt=timezone.now())
        return self.filter(still, revoked__isnull=True, owner__is_active=True)

    def issue(
        self, name: str, *, owner_id: int, may: str = May.ASK, expires: datetime | None = None
    ) -> "tuple[ApiToken, str]":
        """Make a token; return its row and, this once, the token itself.

        Raises:
            TooManyTokens: There are 200 live ones.
        """
        if self.live().count() >= MOST_LIVE:
            msg = f"There are {MOST_LIVE} live tokens. Revoke some first."
            raise TooManyTokens(msg)
        prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        row = self.create(
            name=name,
            prefix=prefix,
            digest=_digest(secret),
            may=may,
            owner_id=owner_id,
            expires=expires,
        )
        return row, f"eliot_{prefix}_{secret}"

    def read_pass(self, text: str) -> Pass | None:
        """Return what a token lets its holder do; None if it opens nothing. Notes that it was used."""
        match = _FORM.fullmatch(text)
        prefix, secret = (match[1], match[2]) if match else ("", "")
        row = self.live().filter(prefix=prefix).first() if match else None
        # Compared even where there is none, so that time does not tell which prefixes there are.
        is_right = hmac.compare_digest(_digest(secret), row.digest if row else _NOBODY)
        if row is None or not is_right:
            return None
        row.note_use()
        return Pass(token_id=row.pk, user_id=row.owner_id, may=row.may)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiToken(models.Model):
    """A program's way in. Its prefix is public and names it in lists."""

    name = models.CharField(max_length=80, help_text="Which program or machine uses it.")
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    may = models.CharField(max_length=6, choices=May.choices, default=May.ASK)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", editable=False
    )
    created = models.DateTimeField(default=timezone.now, editable=False)
    expires = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    last_used = models.DateTimeField(null=True, editable=False)
    revoked = models.DateTimeField(null=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        verbose_name = "API token"

    def __str__(self) -> str:
        """Name it."""
        return f"{self.name} ({self.prefix})"

    @property
    def standing(self) -> str:
        """Live, or why not."""
        if self.revoked is not None:
            return "revoked"
        if self.expires is not None and self.expires <= timezone.now():
            return "expired"
        return "live" if self.owner.is_active else "its owner is switched off"

    def revoke(self) -> None:
        """Let it open nothing any more; sockets that it opened close within seconds."""
        type(self).objects.filter(pk=self.pk, revoked__isnull=True).update(revoked=timezone.now())

    def note_use(self) -> None:
        """Write down that it was used, to the minute."""
        now = timezone.now()
        if self.last_used is not None and now - self.last_used < USED_EVERY:
            return
        try:
            with in_turn():
                type(self).objects.filter(pk=self.pk).update(last_used=now)
        except DatabaseError:  # worth less than the request
            logger.warning("the use of token %s could not be noted", self.prefix)
