from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client

from gallery_app.intake import reserve
from gallery_app.models import Library, MediaFile
from tests.gallery.making import taken_in


@pytest.fixture
def visitor(db: None, settings: LazySettings) -> Client:
    """The owner at this machine, whom the door lets in without a login."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    return Client(headers={"host": "localhost"})


def test_files_are_listed_with_their_thumbnails(
    visitor: Client, library: Library, spool: Path, django_assert_max_num_queries
) -> None:
    taken = [taken_in(library, spool) for _ in range(3)]
    reserve(library, "reserved.png")
    visitor.get("/admin/")  # the owner and the content types are looked up once
    with django_assert_max_num_queries(10):
        page = visitor.get("/admin/gallery_app/mediafile/").content.decode()
    assert all(f'src="{one.thumb_url}"' in page for one in taken)
    assert "name reserved" in page
    assert "style=" not in page.partition('id="result_list"')[2].partition("</table>")[0]


def test_only_the_verdict_of_a_file_can_be_changed(
    visitor: Client, library: Library, spool: Path
) -> None:
    taken = taken_in(library, spool)
    url = f"/admin/gallery_app/mediafile/{taken.pk}/change/"
    page = visitor.get(url).content.decode()
    assert 'name="flag"' in page
    assert 'name="path"' not in page
    assert "a lighthouse keeper" in page
    sent = visitor.post(url, {"flag": "keep", "stars": "5", "path": "x", **no_inlines()})
    assert sent.status_code == 302
    changed = MediaFile.objects.get()
    assert (changed.flag, changed.stars, changed.path) == ("keep", 5, "a/0001.png")


def no_inlines() -> dict[str, str]:
    return {
        f"{name}-{count}_FORMS": "0"
        for name in ("facts", "parentages")
        for count in ("TOTAL", "INITIAL")
    }


def test_a_reserved_name_has_no_verdict_to_change(visitor: Client, library: Library) -> None:
    url = f"/admin/gallery_app/mediafile/{reserve(library, 'r.png').pk}/change/"
    assert 'name="flag"' not in visitor.get(url).content.decode()


def test_libraries_say_whether_they_are_online(visitor: Client, library: Library) -> None:
    assert "icon-yes" in visitor.get("/admin/gallery_app/library/").content.decode()
    (library.root_path / ".gallery" / "root.json").unlink()
    assert "icon-no" in visitor.get("/admin/gallery_app/library/").content.decode()


@pytest.mark.parametrize("model", ["library", "mediafile"])
def test_nothing_is_added_or_deleted_here(
    visitor: Client, library: Library, spool: Path, model: str
) -> None:
    taken = taken_in(library, spool)
    pk = library.pk if model == "library" else taken.pk
    for action in ("add/", f"{pk}/delete/"):
        assert visitor.get(f"/admin/gallery_app/{model}/{action}").status_code == 403
