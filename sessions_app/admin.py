"""Sessions in the admin: to look at, rename and bring back."""

from django.contrib import admin

from sessions_app.models import WorkSession


@admin.register(WorkSession)
class WorkSessionAdmin(admin.ModelAdmin[WorkSession]):
    """Sessions."""

    list_display = ("title", "slug", "flow", "owner", "is_archived", "deleted_at", "updated")
    list_filter = ("flow", "is_archived")
    search_fields = ("title", "slug")
    readonly_fields = ("slug", "created", "updated")
