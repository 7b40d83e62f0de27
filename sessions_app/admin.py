"""Sessions in the admin: to look at, rename and bring back. They begin at the table, and their pictures outlive them."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from farm_app.who import actor_of
from sessions_app import takes
from sessions_app.models import WorkSession

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
