"""The archive in the admin: to look things up, not to edit files behind their libraries' back."""

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from gallery_app.models import Library, MediaFacts, MediaFile, Parentage

# The type parameters of admin classes exist in the stubs only.


@admin.register(Library)
class LibraryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Libraries; the root and its marker are shown, only the name is changed here."""

    list_display = ("name", "slug", "root", "file_count", "is_online")
    fields = ("name", "slug", "root", "marker", "created")
    readonly_fields = ("slug", "root", "marker", "created")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Library]:
        """Count the files in the same query."""
        libraries: QuerySet[Library] = super().get_queryset(request)
        return libraries.annotate(file_count=Count("files"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A library is found on a disk, not typed in."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Library | None = None) -> bool:
        """Its files would lose their names."""
        return False

    @admin.display(description="files", ordering="file_count")
    def file_count(self, library: Library) -> int:
        """Files and reserved names."""
        return int(getattr(library, "file_count", 0))

    @admin.display(description="online", boolean=True)
    def is_online(self, library: Library) -> bool:
        """Asks the disk."""
        return library.online


class FactsInline(admin.StackedInline):  # type: ignore[type-arg]
    """What was read off the file."""

    model = MediaFacts
    can_delete = False
    readonly_fields = tuple(
        field.name for field in MediaFacts._meta.get_fields() if field.name != "media_file"
    )


class ParentInline(admin.TabularInline):  # type: ignore[type-arg]
    """What the picture was made from."""

    model = Parentage
    fk_name = "child"
    fields = readonly_fields = ("place", "parent")
    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Parents are a fact."""
        return False


@admin.register(MediaFile)
class MediaFileAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Files; people's verdict can be changed, the rest only looked at."""

    list_display = ("thumbnail", "path", "library", "flag", "stars", "created", "state")
    list_display_links = ("thumbnail", "path")
    list_filter = ("library", "flag", "stars", "kind", ("trashed_at", admin.EmptyFieldListFilter))
    list_select_related = ("library", "facts")
    list_per_page = 50
    search_fields = ("path",)
    date_hierarchy = "created"
    ordering = ("-created", "id")
    show_full_result_count = False
    fields = ("thumbnail", "path", "library", "flag", "stars", "kind", "created", "state")
    readonly_fields = ("thumbnail", "path", "library", "kind", "created", "state")
    inlines = (FactsInline, ParentInline)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Files enter by intake only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: MediaFile | None = None) -> bool:
        """Files leave by the trash only."""
        return False

    def get_readonly_fields(
        self, request: HttpRequest, obj: MediaFile | None = None
    ) -> tuple[str, ...]:
        """Without a picture there is no verdict."""
        judged = () if obj and obj.placed_at else ("flag", "stars")
        return (*self.readonly_fields, *judged)

    @admin.display(description="")
    def thumbnail(self, media_file: MediaFile) -> SafeString:
        """The picture, linked to the original."""
        if media_file.placed_at is None:
            return format_html("<span>{}</span>", "no picture yet")
        image = '<a href="{}"><img src="{}" alt="{}" width="96" loading="lazy"></a>'
        return format_html(image, media_file.url, media_file.thumb_url, media_file.name)

    @admin.display(description="state")
    def state(self, media_file: MediaFile) -> str:
        """Where the file is in its life."""
        if media_file.placed_at is None:
            return "name reserved"
        if media_file.moving_from:
            return "moving"
        if media_file.trashed_at:
            return "in the trash"
        return "missing" if media_file.missing_since else "in place"
