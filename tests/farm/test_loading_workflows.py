"""`load_workflows`: as often as one likes, all or none, and never over what somebody changed by hand."""

import json
import shutil
from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command

from farm_app.models import TemplateVersion, WorkflowTemplate
from farm_app.seeding import SEEDED, BadWorkflow, seed_workflows

pytestmark = pytest.mark.django_db
SLUG = "sd15_txt2img"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SEEDED, tmp_path / "workflows"))


def change(folder: Path, **facts: object) -> None:
    """Change the first entry of the manifest."""
    path = folder / "manifest.yaml"
    manifest = yaml.safe_load(path.read_text("utf-8"))
    manifest["templates"][0] |= facts
    path.write_text(yaml.safe_dump(manifest), encoding="utf-8")


def test_loading_twice_is_loading_once() -> None:
    first = seed_workflows()
    assert len(first.added) == 7
    versions = TemplateVersion.objects.count()
    second = seed_workflows()
    assert (len(second.same), second.added, second.changed) == (7, [], [])
    assert TemplateVersion.objects.count() == versions


def test_a_changed_file_makes_a_new_version_and_keeps_the_old(folder: Path) -> None:
    seed_workflows(folder)
    path = folder / f"{SLUG}.json"
    graph = json.loads(path.read_text("utf-8"))
    graph["3"]["inputs"]["cfg"] = 5.5
    path.write_text(json.dumps(graph), encoding="utf-8")
    assert seed_workflows(folder).changed == [SLUG]
    template = WorkflowTemplate.objects.get(slug=SLUG)
    assert template.current is not None
    assert template.current.number == 2
    assert template.versions.count() == 2


def test_what_was_edited_by_hand_is_left_alone(folder: Path) -> None:
    seed_workflows(folder)
    WorkflowTemplate.objects.filter(slug=SLUG).update(description="Ours.")
    change(folder, description="Theirs.")
    assert seed_workflows(folder).kept == [SLUG]
    assert WorkflowTemplate.objects.get(slug=SLUG).description == "Ours."


def test_a_version_added_by_hand_stays_current(folder: Path) -> None:
    seed_workflows(folder)
    template = WorkflowTemplate.objects.get(slug=SLUG)
    assert template.current is not None
    graph = {**template.current.graph}
    graph["3"] = {**graph["3"], "inputs": {**graph["3"]["inputs"], "cfg": 1.0}}
    template.add_version(graph, template.current.parameters)
    change(folder, description="Theirs.")
    assert seed_workflows(folder).kept == [SLUG]
    template.refresh_from_db()
    assert template.current.number == 2


def test_a_template_that_somebody_made_is_never_taken_over(folder: Path) -> None:
    WorkflowTemplate.objects.create(slug=SLUG, description="Mine.")
    assert seed_workflows(folder).kept == [SLUG]


def test_switching_one_off_is_no_edit(folder: Path) -> None:
    seed_workflows(folder)
    WorkflowTemplate.objects.filter(slug=SLUG).update(is_enabled=False)
    change(folder, description="Theirs.")
    assert seed_workflows(folder).changed == [SLUG]
    assert not WorkflowTemplate.objects.get(slug=SLUG).is_enabled


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"name": "not a slug"}, "each have a name"),
        ({"name": "sdxl_txt2img"}, "stands twice"),
        ({"file": "missing.json"}, "No such file"),
        ({"file": "../../etc/passwd"}, "passwd"),
        ({"work": "gardening"}, "work is one of"),
        ({"max_loras": "many"}, "max_loras is a number"),
        ({"model_families": "sd15"}, "model_families a list"),
        ({"parameters": {"seed": {"kind": "seed", "targets": [["99", "seed"]]}}, "default_params": {}}, "not in the workflow"),
        ({"parameters": {"seed": {"kind": "dice", "targets": [["3", "seed"]]}}, "default_params": {}}, "no kind that Eliot knows"),
    ],
)  # fmt: skip
def test_one_bad_template_loads_none(folder: Path, facts: dict[str, object], said: str) -> None:
    change(folder, **facts)
    with pytest.raises(BadWorkflow, match=said):
        seed_workflows(folder)
    assert not WorkflowTemplate.objects.exists()


@pytest.mark.parametrize("text", ["[]", "templates: {}", "templates: [{", "templates: [1]"])
def test_a_broken_manifest_is_refused(folder: Path, text: str) -> None:
    (folder / "manifest.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(BadWorkflow, match=r"manifest\.yaml"):
        seed_workflows(folder)


def test_the_command_says_what_it_did(folder: Path) -> None:
    out = StringIO()
    call_command("load_workflows", str(folder), stdout=out)
    assert out.getvalue() == "7 added\n"
    with pytest.raises(CommandError) as caught:
        call_command("load_workflows", str(folder / "none"))
    assert caught.value.returncode == 2


def chosen(family: str = "sd15") -> str:
    found = WorkflowTemplate.objects.for_family(family, from_picture=False)
    return found.slug if found else ""


def test_what_somebody_loads_draws_in_place_of_the_shipped_one(folder: Path) -> None:
    seed_workflows()
    assert chosen() == SLUG
    for name in ("ours", "ours-too"):
        change(folder, name=name, file=f"{SLUG}.json")
        seed_workflows(folder)
    assert (chosen(), chosen("sdxl")) == ("ours-too", "sdxl_txt2img")
    WorkflowTemplate.objects.filter(slug="ours-too").update(is_preferred=False)
    seed_workflows(folder)
    seed_workflows()
    assert chosen() == "ours"
    WorkflowTemplate.objects.filter(slug="ours").update(is_enabled=False)
    assert chosen() == SLUG


def test_a_template_for_any_family_draws_with_every_one(folder: Path) -> None:
    seed_workflows()
    change(folder, name="ours", file=f"{SLUG}.json", model_families=["any"])
    seed_workflows(folder)
    assert {chosen(family) for family in ("sd15", "sdxl", "flux")} == {"ours"}


def test_time_limits_come_from_the_manifest_and_go_with_it(folder: Path) -> None:
    seed_workflows(folder)
    change(folder, stall_s=60, cap_s=7200)
    assert seed_workflows(folder).changed == [SLUG]
    template = WorkflowTemplate.objects.get(slug=SLUG)
    assert (template.stall_s, template.cap_s) == (60, 7200)
    assert seed_workflows(folder).changed == []
    change(folder, stall_s=None, cap_s=None)
    assert seed_workflows(folder).changed == [SLUG]
    template.refresh_from_db()
    assert (template.stall_s, template.cap_s) == (None, None)


def test_a_time_limit_set_by_hand_is_an_edit(folder: Path) -> None:
    seed_workflows(folder)
    WorkflowTemplate.objects.filter(slug=SLUG).update(cap_s=900)
    change(folder, description="Theirs.")
    assert seed_workflows(folder).kept == [SLUG]


@pytest.mark.parametrize("seconds", [0, 9, -60, "long", 3.5, True])
def test_a_time_limit_is_ten_seconds_or_more(folder: Path, seconds: object) -> None:
    change(folder, cap_s=seconds)
    with pytest.raises(BadWorkflow, match="cap_s is a whole number of seconds"):
        seed_workflows(folder)
