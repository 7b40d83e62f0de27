"""Libraries, files, their order of descent, and their facts."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Library",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("slug", models.SlugField(unique=True)),
                ("name", models.CharField(max_length=200)),
                (
                    "root",
                    models.TextField(
                        help_text="A folder; a relative one lies in Eliot's data folder."
                    ),
                ),
                (
                    "marker",
                    models.UUIDField(
                        editable=False,
                        help_text="The UUID in .gallery/root.json of the root.",
                        unique=True,
                    ),
                ),
                (
                    "created",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
            ],
            options={
                "verbose_name_plural": "libraries",
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="MediaFile",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("path", models.TextField()),
                ("path_key", models.TextField(editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("image", "image"), ("video", "video")],
                        default="image",
                        max_length=8,
                    ),
                ),
                ("stars", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "flag",
                    models.CharField(
                        blank=True,
                        choices=[("", "undecided"), ("keep", "kept"), ("drop", "dropped")],
                        default="",
                        max_length=4,
                    ),
                ),
                (
                    "created",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("placed_at", models.DateTimeField(editable=False, null=True)),
                ("missing_since", models.DateTimeField(editable=False, null=True)),
                ("trashed_at", models.DateTimeField(editable=False, null=True)),
                ("trashed_from", models.TextField(default="", editable=False)),
                ("moving_from", models.TextField(default="", editable=False)),
                (
                    "library",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="files",
                        to="gallery_app.library",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MediaFacts",
            fields=[
                (
                    "media_file",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="facts",
                        serialize=False,
                        to="gallery_app.mediafile",
                    ),
                ),
                ("sha256_file", models.CharField(max_length=64)),
                ("sha256_node", models.CharField(blank=True, default="", max_length=64)),
                ("size_bytes", models.PositiveBigIntegerField()),
                ("mime", models.CharField(max_length=40)),
                ("width", models.PositiveIntegerField()),
                ("height", models.PositiveIntegerField()),
                ("thumb_version", models.PositiveSmallIntegerField(default=0)),
                ("thumb_s", models.FloatField(null=True)),
                ("recipe", models.JSONField(blank=True, default=dict)),
                (
                    "recipe_source",
                    models.CharField(
                        blank=True,
                        choices=[("", "no recipe found"), ("eliot", "Eliot's own record")],
                        default="",
                        max_length=12,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "media facts",
            },
        ),
        migrations.CreateModel(
            name="Parentage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("place", models.PositiveSmallIntegerField()),
                (
                    "child",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parentages",
                        to="gallery_app.mediafile",
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="childships",
                        to="gallery_app.mediafile",
                    ),
                ),
            ],
            options={
                "ordering": ("place",),
            },
        ),
        migrations.AddField(
            model_name="mediafile",
            name="parents",
            field=models.ManyToManyField(
                related_name="children",
                through="gallery_app.Parentage",
                through_fields=("child", "parent"),
                to="gallery_app.mediafile",
            ),
        ),
        migrations.AddConstraint(
            model_name="parentage",
            constraint=models.UniqueConstraint(
                fields=("child", "place"), name="gallery_one_parent_per_place"
            ),
        ),
        migrations.AddConstraint(
            model_name="parentage",
            constraint=models.UniqueConstraint(
                fields=("child", "parent"), name="gallery_parent_named_once"
            ),
        ),
        migrations.AddIndex(
            model_name="mediafile",
            index=models.Index(
                condition=models.Q(("placed_at__isnull", False), ("trashed_at__isnull", True)),
                fields=["-created", "id"],
                name="gallery_shown_newest_first",
            ),
        ),
        migrations.AddIndex(
            model_name="mediafile",
            index=models.Index(
                condition=models.Q(("placed_at__isnull", False), ("trashed_at__isnull", True)),
                fields=["flag", "-created"],
                name="gallery_judged_newest_first",
            ),
        ),
        migrations.AddIndex(
            model_name="mediafile",
            index=models.Index(
                condition=models.Q(("trashed_at__isnull", False)),
                fields=["trashed_at"],
                name="gallery_trash_by_age",
            ),
        ),
        migrations.AddIndex(
            model_name="mediafile",
            index=models.Index(
                condition=models.Q(("moving_from", ""), _negated=True),
                fields=["id"],
                name="gallery_pending_moves",
            ),
        ),
        migrations.AddConstraint(
            model_name="mediafile",
            constraint=models.UniqueConstraint(
                fields=("library", "path_key"), name="gallery_one_file_per_path"
            ),
        ),
        migrations.AddConstraint(
            model_name="mediafile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("stars__isnull", True), ("stars__range", (0, 5)), _connector="OR"
                ),
                name="gallery_stars_0_to_5",
            ),
        ),
        migrations.AddConstraint(
            model_name="mediafile",
            constraint=models.CheckConstraint(
                condition=models.Q(("flag__in", ("", "keep", "drop"))),
                name="gallery_flag_keep_or_drop",
            ),
        ),
        migrations.AddConstraint(
            model_name="mediafile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("placed_at__isnull", False),
                    models.Q(("flag", ""), ("stars__isnull", True)),
                    _connector="OR",
                ),
                name="gallery_no_picture_no_verdict",
            ),
        ),
        migrations.AddConstraint(
            model_name="mediafile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("trashed_at__isnull", True), ("trashed_from", "")),
                    models.Q(
                        ("trashed_at__isnull", False), models.Q(("trashed_from", ""), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="gallery_trash_can_be_restored",
            ),
        ),
    ]
