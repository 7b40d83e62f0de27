"""`load_farm` and `dump_farm`: the seeds' gpus.yaml in and out, and a line for every mistake."""

from datetime import time
from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.utils import timezone

from farm_app.banner import banner
from farm_app.farm_file import BadFarm, dump_farm, load_farm
from farm_app.giving_way import note_wish
from farm_app.models import GpuNode, LearnedSpeed, NodeBlock
from farm_app.models.nodes import Health
from tests import factories
from tests.house.household import Household

pytestmark = pytest.mark.django_db

CARDS = """\
nodes:
  - id: gpu-premium
    name: "RTX 5060 Ti"
    vram_gb: 16
    tier: premium
    host: "192.168.0.20"
    port: 8188
    capabilities:
      - sd15
      - flux_fp8
      - upscale
      - faceid
    max_resolution: 1536
    max_batch: 4

  - id: gpu-draft
    name: "RTX 3050 Ti"
    vram_gb: 4
    tier: draft
    host: studio-3.lan
    port: 8189
    capabilities: [sd15]
    max_resolution: 512
    enabled: false
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gpus.yaml"
    path.write_text(CARDS, encoding="utf-8")
    return path


def test_it_reads_what_the_studio_has_written(file: Path) -> None:
    loaded = load_farm(file)
    assert loaded.added == ("gpu-premium", "gpu-draft")
    premium = GpuNode.objects.get(slug="gpu-premium")
    assert (premium.card, premium.vram_gb, premium.tier) == ("RTX 5060 Ti", 16, "premium")
    assert (premium.origin, premium.max_batch) == ("http://192.168.0.20:8188", 4)
    assert premium.families == {"sd15"}
    assert premium.tags == {"flux_fp8", "upscale", "faceid"}
    assert premium.is_enabled
    assert not GpuNode.objects.get(slug="gpu-draft").is_enabled


def test_what_is_dumped_loads_as_it_was(file: Path, tmp_path: Path) -> None:
    load_farm(file)
    before = list(
        GpuNode.objects.order_by("slug").values(
            "slug", "card", "host", "port", "vram_gb", "capabilities", "max_batch", "is_enabled"
        )
    )
    again = tmp_path / "again.yaml"
    again.write_text(dump_farm(), encoding="utf-8")
    GpuNode.objects.all().delete()
    load_farm(again)
    after = GpuNode.objects.order_by("slug").values(
        "slug", "card", "host", "port", "vram_gb", "capabilities", "max_batch", "is_enabled"
    )
    assert list(after) == before
    assert yaml.safe_load(dump_farm())["nodes"][1]["id"] == "gpu-premium"


def test_a_second_load_changes_what_is_said_and_keeps_the_rest(file: Path) -> None:
    load_farm(file)
    GpuNode.objects.filter(slug="gpu-draft").update(
        vram_gb=6, health=Health.READY, is_draining=True
    )
    file.write_text(
        "nodes: [{id: gpu-draft, host: studio-3.lan, name: RTX 3060}]", encoding="utf-8"
    )
    assert load_farm(file).changed == ("gpu-draft",)
    draft = GpuNode.objects.get(slug="gpu-draft")
    assert (draft.card, draft.vram_gb, draft.port, draft.is_draining) == ("RTX 3060", 6, 8189, True)
    assert draft.health == Health.READY
    assert GpuNode.objects.count() == 2


def test_a_node_at_another_address_is_looked_at_anew(file: Path) -> None:
    load_farm(file)
    GpuNode.objects.update(health=Health.READY)
    file.write_text(CARDS.replace("8189", "8200"), encoding="utf-8")
    load_farm(file)
    states = dict(GpuNode.objects.values_list("slug", "health"))
    assert states == {"gpu-premium": Health.READY, "gpu-draft": Health.UNKNOWN}


def test_two_nodes_may_change_places(file: Path) -> None:
    load_farm(file)
    file.write_text(
        "nodes: [{id: gpu-premium, host: studio-3.lan, port: 8189}, {id: gpu-draft, host: 192.168.0.20, port: 8188}]",
        encoding="utf-8",
    )
    load_farm(file)
    assert GpuNode.objects.get(slug="gpu-draft").origin == "http://192.168.0.20:8188"


def test_an_unquoted_number_is_a_fine_name(file: Path) -> None:
    file.write_text("nodes: [{id: 4090, name: 4090, host: 10.0.0.5}]", encoding="utf-8")
    load_farm(file)
    assert GpuNode.objects.get().card == GpuNode.objects.get().slug == "4090"


def demo_node(slug: str = "gpu-draft") -> GpuNode:
    """Make a demo node that has been looked at, has rendered and has failed."""
    node = factories.node(slug, is_demo=True, capabilities=["sd15"], max_resolution=512)
    LearnedSpeed.objects.create(node=node, template="sd15-txt2img", rate_s=0.1)
    NodeBlock.objects.create(node=node, template="sd15-txt2img", is_active=True)
    return node


def test_a_real_node_that_takes_a_demo_nodes_name_takes_nothing_else(file: Path) -> None:
    demo = demo_node()
    file.write_text("nodes: [{id: gpu-draft, host: studio-3.lan}]", encoding="utf-8")
    load_farm(file)
    node = GpuNode.objects.get(pk=demo.pk)
    assert (node.is_demo, node.port, node.capabilities) == (False, 8188, [])
    assert (node.max_resolution, node.vram_gb, node.tier) == (None, None, "standard")
    assert (node.health, node.inventory_at, node.seen_at) == (Health.UNKNOWN, None, None)
    assert (node.model_files.count(), node.speeds.count(), node.blocks.count()) == (0, 0, 0)


def test_a_file_that_is_refused_leaves_the_demo_node_as_it_was(file: Path) -> None:
    demo = demo_node()
    file.write_text("nodes: [{id: gpu-draft, host: 'a b'}]", encoding="utf-8")
    with pytest.raises(BadFarm):
        load_farm(file)
    demo.refresh_from_db()
    assert demo.is_demo
    assert demo.is_enabled
    assert (demo.model_files.count(), demo.speeds.count(), demo.blocks.count()) == (1, 1, 1)


def test_a_real_node_at_another_address_shows_its_files_anew_and_keeps_what_was_said_of_them(
    file: Path,
) -> None:
    load_farm(file)
    node = GpuNode.objects.get(slug="gpu-draft")
    factories.model_file(node, "mine.safetensors", family="sdxl", is_settled=True)
    NodeBlock.objects.create(node=node, template="sd15-txt2img", is_active=True)
    file.write_text(CARDS.replace("8189", "8200"), encoding="utf-8")
    load_farm(file)
    kept = node.model_files.get()
    assert (kept.is_present, kept.family, kept.is_settled) == (False, "sdxl", True)
    assert not node.blocks.exists()


def test_a_real_node_switches_the_demo_nodes_off(file: Path, data: Path) -> None:
    factories.node("gpu-standard", is_demo=True)
    out = StringIO()
    call_command("load_farm", str(file), stdout=out)
    assert out.getvalue().endswith("\n1 demo node switched off\n")
    assert not GpuNode.objects.get(slug="gpu-standard").is_enabled


def test_a_real_node_that_is_switched_off_leaves_them_on(file: Path, data: Path) -> None:
    factories.node("gpu-standard", is_demo=True)
    file.write_text("nodes: [{id: a, host: h, enabled: false}]", encoding="utf-8")
    load_farm(file)
    assert GpuNode.objects.get(slug="gpu-standard").is_enabled


def test_demo_nodes_that_were_asked_for_stay_and_the_banner_says_so(file: Path, data: Path) -> None:
    note_wish(is_asked_for=True)
    factories.node("gpu-standard", is_demo=True)
    load_farm(file)
    note_wish(is_asked_for=False)
    assert GpuNode.objects.get(slug="gpu-standard").is_enabled
    shown = banner()
    assert shown is not None
    assert shown["text"] == "One pretend node draws labelled pictures beside your own nodes."
    assert shown["action_url"] == f"/farm/#card-{GpuNode.objects.get(slug='gpu-standard').pk}"


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{one}: &{one} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, one in zip("abcdef", "bcdefg", strict=True)
)
LOOP = "nodes: &loop\n  - *loop\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "needs `nodes:`"),
        ("nodes:\n", 1, "needs `nodes:`"),
        ("gpus: []\n", 1, "needs `nodes:`"),
        ("nodes:\n  gpu-a: {}\n", 2, "needs `nodes:`"),
        ("nodes:\n  - id: a\n    host: h\n  - gpu-b\n", 4, "a node is a table"),
        ("nodes:\n  - id: a\n    host: [h\n", 4, "expected ',' or ']'"),
        ("nodes:\n  - id: a\n\thost: h\n", 3, "\\t"),
        ("nodes:\n  - id: a\n    host: h\n    host: i\n", 4, "'host' stands twice"),
        ("nodes:\n  - id: a\n    host: h\n    ports: 1\n", 4, "ports is no field"),
        ("nodes:\n  - id: a\n    host: h\n    tier: ultra\n", 4, "tier: Value 'ultra'"),
        ("nodes:\n  - id: a\n    host: h\n    port: '8188'\n", 4, "port must be"),
        ("nodes:\n  - id: a\n    host: h\n    port: 70000\n", 4, "port: Ensure"),
        ("nodes:\n  - id: a\n    host: h\n    port: true\n", 4, "port must be"),
        ("nodes:\n  - id: a\n    host: h\n    vram_gb: .nan\n", 4, "vram_gb must be"),
        ("nodes:\n  - id: a\n    host: h\n    vram_gb: -4\n", 4, "vram_gb must be"),
        ("nodes:\n  - id: a\n    host: h\n    max_batch: 0\n", 4, "max_batch must be"),
        ("nodes:\n  - id: a\n    host: h\n    enabled: maybe\n", 4, "enabled must be"),
        ("nodes:\n  - id: a\n    host: h\n    capabilities: sd15\n", 4, "capabilities must be"),
        ("nodes:\n  - id: a\n    host: h\n    capabilities: [1]\n", 4, "capabilities: A list"),
        ("nodes:\n  - id: a\n    host: http://h/\n", 3, "host: A host name"),
        ("nodes:\n  - id: a b\n    host: h\n", 2, "id: Enter a valid"),
        ("nodes:\n  - host: h\n", 2, "id is missing"),
        ("nodes:\n  - id: a\n    port: 1\n", 2, "host is missing"),
        ("nodes:\n  - {id: a, host: h}\n  - {id: a, host: i}\n", 3, "a stands twice"),
        ("nodes:\n  - {id: a, host: h}\n  - {id: b, host: H}\n", 3, "already has this address"),
        ("nodes:\n  - id: a\n    ? [x]\n    : y\n", 3, "a key must be a plain word"),
        ("nodes:\n  - id: !!python/object:os.system a\n    host: h\n", 2, "could not determine a constructor"),
        ("nodes:\n  - id: a\x07\n", 2, "a character that YAML does not allow"),
        ("nodes:\n  - id: a\n    host: h\n    port: !!int ''\n", 4, "'' is no int"),
        ("nodes:\n  - id: a\n    host: h\n    vram_gb: !!float ''\n", 4, "'' is no float"),
        ("nodes:\n  - id: a\n    host: h\n    name: !!timestamp x\n", 4, "'x' is no timestamp"),
        ("nodes:\n  - id: a\n    host: h\n    name: 2026-02-30\n", 4, "'2026-02-30' is no timestamp"),
        ("nodes:\n  - id: a\n    host: h\n    enabled: !!bool x\n", 4, "'x' is no bool"),
        (f"nodes:\n  - id: a\n    host: h\n    vram_gb: {'9' * 400}\n", 4, "vram_gb must be"),
        (f"nodes:\n  - id: a\n    host: h\n    vram_gb: {'9' * 5000}\n", 4, "is no int"),
        ('nodes:\n  - id: a\n    host: h\n    name: "\\ud800"\n', 4, "a character that YAML"),
        ('nodes:\n  - id: a\n    host: h\n    name: "\\0"\n', 4, "a character that YAML"),
        ('nodes:\n  - id: a\n    host: "h\\n"\n', 3, "host: A host name"),
        ("nodes:\n  - id: a\n    host: 169.254.169.254\n", 3, "host: No node can be at the link-local"),
        (BOMB, 1, "its aliases multiply too much"),
        (LOOP, 1, "its aliases multiply too much"),
        ("nodes: " + "[" * 30, 1, "nested too deep"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line_and_nothing_is_placed(
    file: Path, text: str, line: int, said: str
) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadFarm) as caught:
        load_farm(file)
    assert f"{file}, line {line}: " in str(caught.value)
    assert said in str(caught.value)
    assert not GpuNode.objects.exists()


def test_no_more_is_read_than_may_be() -> None:
    with pytest.raises(BadFarm, match="/dev/zero: larger than 1,000,000 bytes"):
        load_farm(Path("/dev/zero"))


def test_text_that_is_not_utf8_is_named_with_its_line(file: Path) -> None:
    file.write_bytes(b"nodes:\n  - id: caf\xe9\n")
    with pytest.raises(BadFarm, match="line 2: not UTF-8"):
        load_farm(file)


def test_all_mistakes_are_named_at_once(file: Path) -> None:
    file.write_text("nodes:\n" + "  - {id: a b, host: h, tier: x}\n" * 30, encoding="utf-8")
    with pytest.raises(BadFarm) as caught:
        load_farm(file)
    shown = str(caught.value).splitlines()
    assert len(shown) == 21
    assert shown[-1] == f"… and {len(caught.value.faults) - 20} more."


def test_one_bad_node_places_none_and_changes_none(file: Path) -> None:
    load_farm(file)
    file.write_text(
        CARDS.replace("8188", "9000").replace("port: 8189", "port: no"), encoding="utf-8"
    )
    with pytest.raises(BadFarm, match="line 21: port must be"):
        load_farm(file)
    assert GpuNode.objects.get(slug="gpu-premium").port == 8188


def test_anchors_and_merges_are_fine(file: Path) -> None:
    file.write_text(
        "base: &base {tier: draft, vram_gb: 4}\nnodes:\n  - {<<: *base, id: a, host: h}\n",
        encoding="utf-8",
    )
    load_farm(file)
    assert GpuNode.objects.get().tier == "draft"


def test_the_commands_say_what_they_did(file: Path, tmp_path: Path) -> None:
    out = StringIO()
    call_command("load_farm", str(file), stdout=out)
    assert out.getvalue() == "2 added: gpu-premium, gpu-draft\n"
    target = tmp_path / "out.yaml"
    call_command("dump_farm", str(target))
    assert yaml.safe_load(target.read_text())["nodes"][0]["id"] == "gpu-draft"
    with pytest.raises(CommandError, match="nothing was overwritten"):
        call_command("dump_farm", str(target))
    with pytest.raises(CommandError, match="No such file") as caught:
        call_command("load_farm", str(tmp_path / "none.yaml"))
    assert caught.value.returncode == 2


def test_a_path_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"gpus\.yaml: No such file") as caught:
        call_command("dump_farm", str(tmp_path / "none" / "gpus.yaml"))
    assert caught.value.returncode == 2


@pytest.mark.drill
def test_before_the_first_start_there_is_nothing_to_dump(tmp_path: Path) -> None:
    ended = Household(tmp_path / "data").run("dump_farm")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "nodes: []\n", "")


CARED = """\
nodes:
  - id: desk
    host: desk.lan
    own_days: [Mon, tuesday]
    own_from: "09:00"
    own_until: 18:00
    mac: 3c:7c:3f:12:ab:9e
    wakes_for_jobs: true
    idle_minutes: 30
"""


def test_hours_and_sleep_are_loaded_and_dumped(file: Path) -> None:
    file.write_text(CARED, encoding="utf-8")
    load_farm(file)
    node = GpuNode.objects.get()
    assert (node.own_days, node.own_from, node.own_until) == ([0, 1], time(9), time(18))
    assert (node.mac, node.wakes_for_jobs, node.idle_minutes) == ("3c:7c:3f:12:ab:9e", True, 30)
    dumped = dump_farm()
    (entry,) = yaml.safe_load(dumped)["nodes"]
    assert (entry["own_days"], entry["own_until"]) == (["Mon", "Tue"], "18:00")
    assert entry["idle_minutes"] == 30
    file.write_text(dumped, encoding="utf-8")
    assert load_farm(file).unchanged == ("desk",)


def test_what_a_dump_says_changes_nothing_and_keeps_health(file: Path) -> None:
    load_farm(file)
    GpuNode.objects.update(health=Health.READY, health_checked_at=timezone.now())
    before = list(GpuNode.objects.order_by("slug").values())
    file.write_text(dump_farm(), encoding="utf-8")
    loaded = load_farm(file)
    assert (loaded.added, loaded.changed) == ((), ())
    assert set(loaded.unchanged) == {"gpu-draft", "gpu-premium"}
    assert list(GpuNode.objects.order_by("slug").values()) == before


def test_all_that_is_wrong_with_a_node_is_said_at_once(file: Path) -> None:
    file.write_text(
        "nodes:\n  - id: a\n    host: 'http://x'\n    vram_gb: lots\n    tier: huge\n    mac: x\n",
        encoding="utf-8",
    )
    with pytest.raises(BadFarm) as caught:
        load_farm(file)
    said = str(caught.value)
    for line, words in ((3, "host:"), (4, "vram_gb must be"), (5, "tier:"), (6, "mac: Six pairs")):
        assert f"line {line}: {words}" in said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("own_days: [Mon]", "needs own_from"),
        ('own_from: "09:00"', "need own_days"),
        ("own_days: [Someday]", "a list of weekdays"),
        ("own_from: 25:00", "a time such as"),
        ("wakes_for_jobs: true", "needs the mac"),
        ("idle_minutes: 5", "only for a machine"),
    ],
)
def test_hours_and_sleep_that_make_no_sense_are_refused(file: Path, fields: str, said: str) -> None:
    file.write_text(f"nodes:\n  - id: a\n    host: h\n    {fields}\n", encoding="utf-8")
    with pytest.raises(BadFarm, match=f"line 4: .*{said}"):
        load_farm(file)
    assert not GpuNode.objects.exists()


def test_a_mistyped_family_is_loaded_and_warned_of(file: Path) -> None:
    file.write_text(
        "nodes:\n  - id: a\n    host: h\n    capabilities: [sd16, upscale, faceid, flux_fp8]\n",
        encoding="utf-8",
    )
    loaded = load_farm(file)
    (warning,) = loaded.warnings
    assert "line 4: sd16 is taken for a free tag." in warning
    assert "write sd15" in warning
    err = StringIO()
    call_command("load_farm", str(file), stdout=StringIO(), stderr=err)
    assert "sd16" in err.getvalue()
