"""Sessions in the admin: to look at, rename and bring back. They begin at the table, and their pictures outlive them.

Beside them what the studio knows: presets and terms, to be added and edited, and shots that were looked at.
"""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from farm_app.who import actor_of
from sessions_app import own_cinema, seeding, takes
from sessions_app.models import CinemaPreset, CinemaTerm, RecentShot, WorkSession
from sessions_app.models.cinema import TERM_HELP

_TIMES = ("deleted_at", "created", "updated")


@admin.register(WorkSession)
class WorkSessionAdmin(admin.ModelAdmin[WorkSession]):
    """Sessions."""

    list_display = ("title", "slug", "flow", "owner", "is_archived", "deleted_at", "updated")
    list_filter = ("flow", "is_archived", ("deleted_at", admin.EmptyFieldListFilter))
    search_fields = ("title", "slug")
    fields = ("title", "slug", "flow", "owner", "is_archived", "config", *_TIMES)
    readonly_fields = ("slug", "flow", "config", *_TIMES)
    actions = ("bring_back",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: one begins at the table, which gives it its address."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: WorkSession | None = None) -> bool:
        """Nobody: its rounds would go with it, while its jobs render on."""
        return False

    @admin.action(description="Bring back the selected deleted sessions")
    def bring_back(self, request: HttpRequest, sessions: QuerySet[WorkSession]) -> None:
        """Undo their deletion, as Undo at the table does."""
        deleted = list(sessions.filter(deleted_at__isnull=False))
        for session in deleted:
            takes.undelete(session, actor=actor_of(request))
        many = "session is" if len(deleted) == 1 else "sessions are"
        self.message_user(request, f"{len(deleted)} {many} back.")


class _Spaced(json.JSONEncoder):
    """JSON as people edit it: one value a line, letters as they are."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**{**told, "indent": 2, "ensure_ascii": False})


def _json_field(name: str, **told: Any) -> forms.JSONField:
    return forms.JSONField(
        encoder=_Spaced,
        widget=forms.Textarea(attrs={"rows": 24, "cols": 100, "spellcheck": "false"}),
        error_messages={
            "invalid": f"This {name} is no JSON: look for a lost comma, quote or brace."
        },
        **told,
    )


class CinemaPresetForm(forms.ModelForm[CinemaPreset]):
    """A preset whose JSON can be read."""

    entry = _json_field(
        "entry",
        required=False,
        help_text=(
            "The film as films.yaml writes it, or the look as looks.yaml does, in JSON. What is wrong is said here "
            "when you save. Eliot never writes over what you changed."
        ),
    )
    choices = _json_field(
        "configuration",
        required=False,
        help_text=(
            'What was chosen in the studio, by field: {"body": "alexa_mini", "moods": ["tense"]}. '
            "Leave it empty for a film or a look."
        ),
    )

    def clean_entry(self) -> Any:
        """Take an empty field as nothing, but not where a film or look was.

        Raises:
            ValidationError: There was one.
        """
        own_cinema.bring_up_to_date()  # it may name words that another process saved
        found = self.cleaned_data["entry"] or {}
        if self.instance.entry and not found:
            said = "It cannot be empty. To be rid of the preset, delete it from the list."
            raise forms.ValidationError(said)
        return found

    def clean_choices(self) -> Any:
        """Take an empty field as nothing."""
        return self.cleaned_data["choices"] or {}


class IsEdited(admin.SimpleListFilter):
    """Shipped presets that somebody changed."""

    title = "edited"
    parameter_name = "edited"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """Offer them alone."""
        return [("yes", "Edited by hand")]

    def queryset(
        self, request: HttpRequest, presets: QuerySet[CinemaPreset]
    ) -> QuerySet[CinemaPreset]:
        """Compare a hundred rows with what was loaded: no database computes that."""
        if self.value() != "yes":
            return presets
        shipped = presets.filter(is_shipped=True)
        return presets.filter(pk__in=[one.pk for one in shipped if one.is_edited])


@admin.register(CinemaPreset)
class CinemaPresetAdmin(admin.ModelAdmin[CinemaPreset]):
    """Films, looks and what was kept in the studio."""

    form = CinemaPresetForm
    list_display = ("title", "key", "kind", "origin", "edited", "owner", "deleted_at", "updated")
    list_filter = ("kind", "is_shipped", IsEdited, ("deleted_at", admin.EmptyFieldListFilter))
    list_select_related = ("owner",)
    search_fields = ("title", "key", "scene")
    fields = (
        "title",
        "key",
        "kind",
        "entry",
        "choices",
        "scene",
        "query",
        "owner",
        "origin",
        "edited",
        *_TIMES,
    )
    readonly_fields = ("origin", "edited", *_TIMES)
    actions = ("put_back", "delete_softly", "bring_back")

    @admin.display(description="from", ordering="is_shipped")
    def origin(self, preset: CinemaPreset) -> str:
        """Say who wrote it."""
        return "shipped" if preset.is_shipped else "your own"

    @admin.display(description="edited", boolean=True)
    def edited(self, preset: CinemaPreset) -> bool:
        """Tell whether a shipped one was changed."""
        return preset.is_edited

    def get_fields(self, request: HttpRequest, obj: CinemaPreset | None = None) -> Any:
        """Ask of a film or look what its entry cannot say, and of a kept one no entry."""
        has_entry = obj is not None and bool(obj.entry or obj.is_shipped)
        unneeded: tuple[str, ...] = ("choices", "scene", "query") if has_entry else ("entry",)
        if obj is None:
            unneeded = ("query", "origin", "edited", *_TIMES)
        return [name for name in self.fields if name not in unneeded]

    def get_readonly_fields(self, request: HttpRequest, obj: CinemaPreset | None = None) -> Any:
        """Keep the id, which programs and pictures remember; and a title that the entry gives."""
        if obj is None:
            return self.readonly_fields
        return (*self.readonly_fields, "key", "kind", *(("title",) if obj.entry else ()))

    def has_delete_permission(self, request: HttpRequest, obj: CinemaPreset | None = None) -> bool:
        """Nobody for good: what is deleted can be brought back."""
        return False

    @admin.action(description="Put the shipped words back")
    def put_back(self, request: HttpRequest, presets: QuerySet[CinemaPreset]) -> None:
        """Undo what was edited."""
        edited = [one for one in presets if one.is_edited]
        done = sum(seeding.put_back(one) for one in edited)
        self.message_user(request, _counted(done, "as it was shipped"), messages.SUCCESS)
        if gone := len(edited) - done:
            self.message_user(request, _counted(gone, "not shipped any more"), messages.WARNING)

    @admin.action(description="Delete the selected presets; they can be brought back")
    def delete_softly(self, request: HttpRequest, presets: QuerySet[CinemaPreset]) -> None:
        """Offer them no more."""
        there = list(presets.filter(deleted_at__isnull=True))
        for one in there:
            one.delete_softly()
        self.message_user(request, _counted(len(there), "deleted"), messages.SUCCESS)

    @admin.action(description="Bring back the selected deleted presets")
    def bring_back(self, request: HttpRequest, presets: QuerySet[CinemaPreset]) -> None:
        """Undo their deletion."""
        deleted = list(presets.filter(deleted_at__isnull=False))
        for one in deleted:
            one.undelete()
        self.message_user(request, _counted(len(deleted), "back"), messages.SUCCESS)


def _counted(number: int, how: str) -> str:
    return f"{number} {'preset is' if number == 1 else 'presets are'} {how}."


class CinemaTermForm(forms.ModelForm[CinemaTerm]):
    """A term whose JSON can be read."""

    entry = _json_field("entry", help_text=TERM_HELP)

    def clean_entry(self) -> Any:
        """Know first what other processes saved: no two terms have one name."""
        own_cinema.bring_up_to_date()
        return self.cleaned_data["entry"]


@admin.register(CinemaTerm)
class CinemaTermAdmin(admin.ModelAdmin[CinemaTerm]):
    """Words of your own in the studio's lists."""

    form = CinemaTermForm
    list_display = ("__str__", "key", "vocabulary", "updated")
    list_filter = ("vocabulary",)
    search_fields = ("key", "entry")
    fields = ("vocabulary", "key", "entry")

    def get_readonly_fields(self, request: HttpRequest, obj: CinemaTerm | None = None) -> Any:
        """Keep what pictures remember it by."""
        return ("vocabulary", "key") if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with what every term has."""
        asked: dict[str, Any] = super().get_changeform_initial_data(request)
        return {"entry": dict.fromkeys(("label", "line", "prose", "tag"), ""), **asked}


@admin.register(RecentShot)
class RecentShotAdmin(admin.ModelAdmin[RecentShot]):
    """What was looked at in the studio, to read or to forget."""

    list_display = ("title", "summary", "owner", "at")
    list_filter = ("owner",)
    list_select_related = ("owner",)
    search_fields = ("title", "summary")
    ordering = ("-at",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The studio notes them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: RecentShot | None = None) -> bool:
        """Nobody changes what was."""
        return False
