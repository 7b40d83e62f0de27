"""Rows of the studio: presets that were shipped or kept, people's own terms, and what was looked at last."""

import hashlib
import json
from collections.abc import Mapping
from itertools import count
from typing import Any, ClassVar, Final, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.text import slugify

from eliot.writing import written
from sessions_app.cinema.config import BadValue, plain_value
from sessions_app.cinema.films import Film
from sessions_app.cinema.looks import Look
from sessions_app.cinema.own import check_choices, check_film, check_look
from sessions_app.cinema.own_presets import base_of
from sessions_app.cinema.own_rows import LONGEST_ID, require_id
from sessions_app.cinema.own_terms import LABELS, own_term, shipped_term
from sessions_app.cinema.presets import named, shipped_preset
from sessions_app.cinema.vocabulary import vocabularies

PRESET_TITLE_LENGTH: Final = 80
MOST_RECENT: Final = 30
"""So many shots of one person are remembered."""

TERM_HELP: Final = (
    "In JSON. label is what menus show, line one sentence about it, prose its words in sentences, tag its words in "
    "tags; without these two, the label is them. Some lists need more, and say so. "
    'A mood: {"label": "Dreamy haze", "line": "Soft and far away.", "group": "positive"}'
)


def digest_of(entry: Any) -> str:
    """Return what two entries share only if they say the same."""
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()[:32]


def _somebody(owner: Any) -> Any:
    """Return an owner that a row can have: whoever has no row of their own is nobody."""
    return owner if getattr(owner, "pk", None) else None


class CinemaPresetQuerySet(models.QuerySet["CinemaPreset"]):
    """Verbs on presets."""

    def there(self) -> Self:
        """Leave out the deleted ones."""
        return self.filter(deleted_at__isnull=True)

    def own(self) -> Self:
        """Return what people made, latest first."""
        return self.filter(is_shipped=False).order_by("-updated")

    def shipped(self) -> Self:
        """Return what came with Eliot."""
        return self.filter(is_shipped=True)


class CinemaPreset(models.Model):
    """A film or look as our data write them, or a configuration that somebody kept under a name.

    A shipped one counts for the engine only when it was edited: until then its data files are read.
    """

    class Kind(models.TextChoices):
        """What its configuration is of."""

        LIVE_ACTION = "live_action", "Live action"
        ANIMATION = "animation", "Animation"

    key = models.CharField(
        "id",
        max_length=LONGEST_ID,
        unique=True,
        help_text="What programs call it: a–z, 0–9 and _. It stays.",
    )
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.LIVE_ACTION)
    title = models.CharField(
        max_length=PRESET_TITLE_LENGTH,
        blank=True,
        help_text="What menus show. A film or look has it in its entry.",
    )
    entry = models.JSONField(
        default=dict,
        blank=True,
        help_text=(
            "The film as films.yaml or the look as looks.yaml writes it. Empty for one that was kept in the studio."
        ),
    )
    choices = models.JSONField(
        default=dict,
        blank=True,
        help_text="What was chosen in the studio, by field; preset is what it began with.",
    )
    scene = models.TextField(blank=True, help_text="The words that were kept with it.")
    query = models.TextField(blank=True, help_text="The studio's address at the time, after the ?.")
    is_shipped = models.BooleanField("shipped", default=False)
    shipped_digest = models.CharField(
        max_length=32,
        blank=True,
        help_text="Of the entry that was loaded, to tell whether it was edited.",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    created = models.DateTimeField(default=timezone.now)
    updated = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = CinemaPresetQuerySet.as_manager()

    class Meta:
        verbose_name = "cinema preset"
        ordering = ("title",)

    def __str__(self) -> str:
        """Name it."""
        return self.title or self.key

    def clean(self) -> None:
        """Hold it against the engine, and name it as its entry does.

        Raises:
            ValidationError: The engine would not take it; says why, at the field.
        """
        if self._state.adding:
            _at("key", self._check_key)
        if self.entry:
            found: Film | Look = _at("entry", self._read_entry)
            title = found.title if isinstance(found, Film) else found.label
            self.title = title[:PRESET_TITLE_LENGTH]
        elif self.is_shipped:
            raise ValidationError({"entry": "A film or look needs its entry."})
        else:
            _at("title", lambda: _said(self.title))
            _at("choices", lambda: check_choices(self.kind, self.choices))

    def _check_key(self) -> None:
        require_id(self.key)
        if not self.is_shipped:
            self._require_free(self.key, "id")

    def _read_entry(self) -> Film | Look:
        row = _with_id(self.entry, self.key)
        found = check_film(row) if self.kind == self.Kind.LIVE_ACTION else check_look(row)
        for alias in found.aliases:
            self._require_free(alias, "alias")
        self.entry = row
        return found

    def _require_free(self, spelled: str, what: str) -> None:
        found = named(spelled) or shipped_preset(spelled)
        if found is not None and (what == "id" or found.id != self.key):
            msg = f"“{spelled}” means {found.label} already; choose another {what}."
            raise ValueError(msg)

    @property
    def is_edited(self) -> bool:
        """Whether somebody changed what was shipped."""
        return self.is_shipped and digest_of(self.entry) != self.shipped_digest

    @property
    def row(self) -> dict[str, Any]:
        """Itself, as the engine takes it."""
        if self.entry:
            return {**self.entry, "id": self.key}
        told = {"id": self.key, "label": self.title, "kind": self.kind}
        return {**told, "choices": self.choices, "line": self.scene[:200]}

    @classmethod
    def keep(
        cls,
        *,
        title: str,
        kind: str,
        choices: Mapping[str, Any],
        scene: str = "",
        query: str = "",
        owner: Any = None,
    ) -> "CinemaPreset":
        """Keep a configuration under a name. A second one of that name is another preset, with a number in its id.

        Args:
            choices: As `write_config` writes them; what they were begun with, under `preset`, is kept too.

        Raises:
            ValueError: There is no such kind, field or value, or the title is empty. A `BadValue` names the field.
        """
        try:
            said = _said(title)
        except ValueError as error:
            raise BadValue("title", str(error)) from error
        with written():
            return cls.objects.create(
                key=cls._free_key(said),
                kind=kind,
                title=said,
                choices=_kept_choices(kind, choices),
                scene=scene,
                query=query.removeprefix("?"),
                owner=_somebody(owner),
            )

    @classmethod
    def _free_key(cls, title: str) -> str:
        stem = slugify(title).replace("-", "_")[: LONGEST_ID - 6].strip("_") or "preset"
        spelled = (stem if number == 1 else f"{stem}_{number}" for number in count(1))
        return next(key for key in spelled if cls._is_free(key))

    @classmethod
    def _is_free(cls, key: str) -> bool:
        is_taken = named(key) or shipped_preset(key) or cls.objects.filter(key=key).exists()
        return not is_taken

    def touch(self, *fields: str) -> None:
        """Save some fields and the time of the change."""
        self.save(update_fields=[*fields, "updated"])

    def delete_softly(self) -> None:
        """Take it out of sight; `undelete` brings it back."""
        self.deleted_at = timezone.now()
        self.touch("deleted_at")

    def undelete(self) -> None:
        """Bring it back."""
        self.deleted_at = None
        self.touch("deleted_at")


def _kept_choices(kind: str, told: Mapping[str, Any]) -> dict[str, Any]:
    begun = str(told.get("preset") or "")
    found = {name: plain_value(one) for name, one in check_choices(kind, told).items()}
    # An own preset may be deleted; the film or look that it was begun with stays.
    return {**({"preset": base_of(begun) or begun} if begun else {}), **found}


def _said(title: str) -> str:
    if not title.strip():
        raise ValueError("Give it a name.")
    return " ".join(title.split())[:PRESET_TITLE_LENGTH]


def _with_id(entry: Any, key: str) -> dict[str, Any]:
    """Return an entry with its row's id in it.

    Raises:
        ValueError: It is no object, or says another id.
    """
    if not isinstance(entry, dict):
        raise ValueError('An object is wanted, such as {"label": "…"}.')
    if entry.get("id", key) != key:
        msg = f"Its id is {key}; leave “id” out here, or write that."
        raise ValueError(msg)
    return {"id": key, **entry}


def _at(field: str, check: Any) -> Any:
    """Return what a check returns.

    Raises:
        ValidationError: It raised a ValueError; its sentence is told at this field.
    """
    try:
        return check()
    except ValueError as error:
        raise ValidationError({field: str(error)}) from error


class CinemaTerm(models.Model):
    """A term of somebody's own in one of the engine's vocabularies."""

    vocabulary = models.CharField(
        max_length=20,
        choices=list(LABELS.items()),
        help_text="The list in which the studio offers it.",
    )
    key = models.CharField(
        "id",
        max_length=LONGEST_ID,
        help_text="What programs call it: a–z, 0–9 and _. It stays, as pictures remember it.",
    )
    entry = models.JSONField(help_text=TERM_HELP)
    created = models.DateTimeField(default=timezone.now)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "cinema term"
        ordering = ("vocabulary", "key")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["vocabulary", "key"],
                name="one_term_per_key",
                violation_error_message="There is a term with this id in this list already.",
            )
        ]

    def __str__(self) -> str:
        """Name it."""
        label = self.entry.get("label") if isinstance(self.entry, dict) else None
        return str(label or self.key)

    def clean(self) -> None:
        """Hold it against the engine.

        Raises:
            ValidationError: The engine would not take it, or a shipped term has its id or alias; says so at the field.
        """
        if self.vocabulary not in LABELS:
            return  # the field says so itself
        _at("key", lambda: require_id(self.key))
        _at("key", lambda: self._require_free(self.key, "id"))
        _at("entry", self._check_entry)

    def _check_entry(self) -> None:
        row = _with_id(self.entry, self.key)
        term = own_term(self.vocabulary, row)
        self.entry = row
        for alias in term.aliases:
            self._require_free(alias, "alias")

    def _require_free(self, spelled: str, what: str) -> None:
        found = shipped_term(self.vocabulary, spelled)
        if found is None:
            other = getattr(vocabularies(), self.vocabulary).named(spelled)
            found = other if other and other.id != self.key else None
        if found is not None:
            msg = f"“{spelled}” means {found.label} already; choose another {what}."
            raise ValueError(msg)

    @property
    def row(self) -> dict[str, Any]:
        """Itself, as the engine takes it."""
        return {**self.entry, "id": self.key}


class RecentShotQuerySet(models.QuerySet["RecentShot"]):
    """Verbs on recent shots."""

    def of(self, user: Any) -> Self:
        """Return somebody's, the latest first; those of nobody for nobody."""
        return self.filter(owner=_somebody(user)).order_by("-at", "-pk")


class RecentShot(models.Model):
    """A state of the studio that somebody looked at, to come back to."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True
    )
    title = models.CharField(max_length=PRESET_TITLE_LENGTH)
    query = models.TextField(blank=True, help_text="The studio's address, after the ?.")
    summary = models.CharField(max_length=200, blank=True)
    palette = models.JSONField(default=list, blank=True, help_text="Colors, as #rrggbb.")
    at = models.DateTimeField(default=timezone.now)

    objects = RecentShotQuerySet.as_manager()

    class Meta:
        verbose_name = "recent shot"
        indexes: ClassVar = [models.Index(fields=["owner", "-at"], name="shots_of_somebody")]

    def __str__(self) -> str:
        """Name it."""
        return self.title

    @classmethod
    def note(
        cls,
        *,
        owner: Any,
        title: str,
        query: str,
        summary: str = "",
        palette: list[str] | tuple[str, ...] = (),
    ) -> "RecentShot":
        """Remember a state of the studio; one that is remembered already comes to the top, and the oldest are let go."""
        values = {
            "title": title.strip()[:PRESET_TITLE_LENGTH],
            "summary": summary[:200],
            "palette": list(palette),
            "at": timezone.now(),
        }
        with written():
            theirs = cls.objects.of(owner)
            shot = theirs.filter(query=query.removeprefix("?")).first() or cls(
                owner=_somebody(owner), query=query.removeprefix("?")
            )
            for name, value in values.items():
                setattr(shot, name, value)
            shot.save()
            old = list(theirs.values_list("pk", flat=True)[MOST_RECENT:])
            cls.objects.filter(pk__in=old).delete()
        return shot
