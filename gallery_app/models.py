"""Libraries, the identity of each file in them, and what can be derived from a file."""

from pathlib import Path, PurePosixPath
from typing import Self
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from gallery_app.failures import LibraryOffline, NoPicture
from gallery_app.marker import found_marker, read_marker

DEFAULT_SLUG = "pictures"


class Library(models.Model):
    """A root folder that Eliot may show and write into.

    The root is absolute, or relative to ``ELIOT_DATA`` so that the data folder can be moved whole.
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    root = models.TextField(help_text="A folder; a relative one lies in Eliot's data folder.")
    marker = models.UUIDField(
        unique=True, editable=False, help_text="The UUID in .gallery/root.json of the root."
    )
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("name",)
        verbose_name_plural = "libraries"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def default(cls) -> Self:
        """Return the library in ``ELIOT_DATA/pictures``; found it at the first call."""
        existing = cls.objects.filter(slug=DEFAULT_SLUG).first()
        return existing or cls.found(slug=DEFAULT_SLUG, name="Pictures", root=DEFAULT_SLUG)

    @classmethod
    def found(cls, *, slug: str, name: str, root: str) -> Self:
        """Make a library of a folder: adopt its marker or give it one.

        The marker is written before the row, so a row always had a marked root once. From then
        on a root without its marker is offline, and nothing is written into it.
        """
        marker = found_marker(Path(settings.ELIOT_DATA) / root)
        library, _ = cls.objects.get_or_create(
            slug=slug, defaults={"name": name, "root": root, "marker": marker}
        )
        return library

    @property
    def root_path(self) -> Path:
        """The absolute root on this machine."""
        return Path(settings.ELIOT_DATA) / self.root

    @property
    def label(self) -> str:
        """How sentences name this library."""
        return f"The library “{self.name}”"

    @property
    def online(self) -> bool:
        """Whether the root carries this library's own marker; asks the disk."""
        return self._offline_because() is None

    def require_online(self) -> Path:
        """Return the root for writing.

        Raises:
            LibraryOffline: The marker is missing, unreadable or another library's.
        """
        reason = self._offline_because()
        if reason is not None:
            raise LibraryOffline(f"{self.label} is offline: {reason}")
        return self.root_path

    def _offline_because(self) -> str | None:
        root = self.root_path
        try:
            found = read_marker(root)
        except (OSError, ValueError) as error:
            return f"its marker .gallery/root.json in {root} cannot be read ({error})."
        if found is None:
            return f"{root} has no marker .gallery/root.json. Is the disk mounted?"
        if found != self.marker:
            return f"{root} belongs to another library."
        return None


class MediaFileQuerySet(models.QuerySet["MediaFile"]):
    """Questions about files, to be chained."""

    def shown(self) -> Self:
        """Only pictures that a page may show: placed, and not in the trash."""
        return self.filter(placed_at__isnull=False, trashed_at__isnull=True)

    def flagged(self, flag: str) -> Self:
        """Only those with this verdict; '' are the undecided."""
        return self.filter(flag=flag)

    def with_facts(self) -> Self:
        """Fetch the facts along; ``url`` and ``thumb_url`` then cost no query."""
        return self.select_related("facts")


class MediaFile(models.Model):
    """The identity of one file: what it is called and what people said about it.

    A row is made when a name is reserved and is never deleted by a scan or a rebuild. The id is
    also the ``uid`` of the record inside the file.
    """

    class Flag(models.TextChoices):
        """The one verdict, the same at the table and in the archive."""

        NONE = "", "undecided"
        KEEP = "keep", "kept"  # feeds the next round
        DROP = "drop", "dropped"  # out of sight, still on disk

    class Kind(models.TextChoices):
        """What a page must do to show the file."""

        IMAGE = "image", "image"
        VIDEO = "video", "video"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    library = models.ForeignKey(Library, on_delete=models.PROTECT, related_name="files")
    # Where the file is or, until it is placed, will be: relative to the root, POSIX separators.
    path = models.TextField()
    path_key = models.TextField(editable=False)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.IMAGE)
    stars = models.PositiveSmallIntegerField(null=True, blank=True)
    flag = models.CharField(max_length=4, choices=Flag, default=Flag.NONE, blank=True)
    parents = models.ManyToManyField(
        "self",
        through="Parentage",
        through_fields=("child", "parent"),
        symmetrical=False,
        related_name="children",
    )
    created = models.DateTimeField(default=timezone.now, editable=False)
    placed_at = models.DateTimeField(null=True, editable=False)  # null: the name is only reserved
    missing_since = models.DateTimeField(null=True, editable=False)
    trashed_at = models.DateTimeField(null=True, editable=False)
    trashed_from = models.TextField(default="", editable=False)  # the path to restore to
    moving_from = models.TextField(default="", editable=False)  # a move to ``path`` is under way

    objects = MediaFileQuerySet.as_manager()

    class Meta:
        constraints = (
            # The database hands out names, because no share can: whoever inserts first has it.
            models.UniqueConstraint(
                fields=("library", "path_key"), name="gallery_one_file_per_path"
            ),
            models.CheckConstraint(
                condition=Q(stars__isnull=True) | Q(stars__range=(0, 5)),
                name="gallery_stars_0_to_5",
            ),
            models.CheckConstraint(
                condition=Q(flag__in=("", "keep", "drop")), name="gallery_flag_keep_or_drop"
            ),
            models.CheckConstraint(
                condition=Q(placed_at__isnull=False) | Q(flag="", stars__isnull=True),
                name="gallery_no_picture_no_verdict",
            ),
            models.CheckConstraint(
                condition=Q(trashed_at__isnull=True, trashed_from="")
                | (Q(trashed_at__isnull=False) & ~Q(trashed_from="")),
                name="gallery_trash_can_be_restored",
            ),
        )
        indexes = (
            # shown(), newest first: the gallery's first page
            models.Index(
                fields=("-created", "id"),
                condition=Q(placed_at__isnull=False, trashed_at__isnull=True),
                name="gallery_shown_newest_first",
            ),
            # shown().flagged("keep"), newest first
            models.Index(
                fields=("flag", "-created"),
                condition=Q(placed_at__isnull=False, trashed_at__isnull=True),
                name="gallery_judged_newest_first",
            ),
            # the trash, oldest first, also for emptying what is overdue
            models.Index(
                fields=("trashed_at",),
                condition=Q(trashed_at__isnull=False),
                name="gallery_trash_by_age",
            ),
            # finish_pending_moves(): next to nothing, asked at every start
            models.Index(
                fields=("id",), condition=~Q(moving_from=""), name="gallery_pending_moves"
            ),
        )

    def __str__(self) -> str:
        return self.path

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return PurePosixPath(self.path).name

    @property
    def absolute_path(self) -> Path:
        """Where the file is on this machine. Open it with ``containment``, not directly."""
        return self.library.root_path / self.path

    @property
    def known_facts(self) -> "MediaFacts | None":
        """The facts, or None until they are (re)built."""
        try:
            return self.facts
        except MediaFacts.DoesNotExist:
            return None

    @property
    def thumb_url(self) -> str:
        """Address of the thumbnail; changes with the content, so browsers keep it for good."""
        return self._media_url("gallery:thumb")

    @property
    def url(self) -> str:
        """Address of the original; changes with the content, so browsers keep it for good."""
        return self._media_url("gallery:file")

    def keep(self) -> None:
        """Judge: this one feeds the next round."""
        self._judge(self.Flag.KEEP)

    def drop(self) -> None:
        """Judge: not this one. The file stays where it is."""
        self._judge(self.Flag.DROP)

    def clear_flag(self) -> None:
        """Take the verdict back."""
        self._judge(self.Flag.NONE)

    def trash(self) -> None:
        """Move the file into its library's trash; see ``gallery_app.trash``."""
        from gallery_app import trash  # here, for it imports this module

        trash.trash(self)

    def restore(self) -> None:
        """Move the file back, under a new name if the old one is taken meanwhile."""
        from gallery_app import trash  # here, for it imports this module

        trash.restore(self)

    def _judge(self, flag: "MediaFile.Flag") -> None:
        if self.placed_at is None:
            raise NoPicture("There is no picture here yet, so there is nothing to judge.")
        self.flag = flag
        self.save(update_fields=("flag",))

    def _media_url(self, name: str) -> str:
        facts = self.known_facts
        url = reverse(name, args=(self.pk,))
        return f"{url}?v={facts.version}" if facts else url


class Parentage(models.Model):
    """One picture that another was made from, in the order in which they were handed in."""

    child = models.ForeignKey(MediaFile, on_delete=models.CASCADE, related_name="parentages")
    parent = models.ForeignKey(MediaFile, on_delete=models.PROTECT, related_name="childships")
    place = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ("place",)
        constraints = (
            models.UniqueConstraint(fields=("child", "place"), name="gallery_one_parent_per_place"),
            models.UniqueConstraint(fields=("child", "parent"), name="gallery_parent_named_once"),
        )

    def __str__(self) -> str:
        return f"{self.child_id} from {self.parent_id}"


class MediaFacts(models.Model):
    """What can be read off a file. May be dropped and built again; nobody's words live here."""

    class RecipeSource(models.TextChoices):
        """Whose metadata the recipe was read from."""

        NONE = "", "no recipe found"
        ELIOT = "eliot", "Eliot's own record"

    media_file = models.OneToOneField(
        MediaFile, on_delete=models.CASCADE, primary_key=True, related_name="facts"
    )
    sha256_file = models.CharField(max_length=64)
    # Of the bytes as the node made them, before Eliot's record; '' for a file that came otherwise.
    sha256_node = models.CharField(max_length=64, default="", blank=True)
    size_bytes = models.PositiveBigIntegerField()
    mime = models.CharField(max_length=40)
    width = models.PositiveIntegerField()  # as shown, after the EXIF orientation
    height = models.PositiveIntegerField()
    thumb_version = models.PositiveSmallIntegerField(default=0)  # 0: none was made yet
    thumb_s = models.FloatField(null=True)  # what making it took, for the benches
    recipe = models.JSONField(default=dict, blank=True)  # the ``eliot`` record, {} without one
    recipe_source = models.CharField(
        max_length=12, choices=RecipeSource, default=RecipeSource.NONE, blank=True
    )

    class Meta:
        verbose_name_plural = "media facts"

    def __str__(self) -> str:
        return f"{self.mime} {self.width} x {self.height}"

    @property
    def version(self) -> str:
        """The part of the content's hash that stands in addresses and thumbnail names."""
        return self.sha256_file[:12]
