"""The cinema engine over HTTP: the same answers as the engine's own, typed, bounded, and refused in one shape."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from eliot.policy import local_owner
from sessions_app.cinema import engine
from sessions_app.cinema.config import read_config, write_config
from sessions_app.cinema.films import FILMS
from sessions_app.cinema.looks import LOOKS
from sessions_app.cinema.presets import apply_preset, presets
from sessions_app.cinema.targets import TARGETS
from tests.farm.api.program import Program, token

pytestmark = pytest.mark.usefixtures("served")

HERE = Program()
LAN = "192.168.0.7"
BROKEN = {"body": "arriflex_35bl", "lens": "cooke_s4", "stock": "kodak_vision3_500t", "year": 1979}
MOST = {"sources": 3, "moods": 3}
NESTED = {
    "project_type": "live_action",
    "camera": {"body": "arri_alexa_35", "aspect_ratio": "1.85:1"},
    "visual_grammar": {"mood": ["melancholic"], "shot_size": "ms"},
}


@pytest.fixture
def served(data: Path, transactional_db: None) -> User:
    return local_owner()


def get(path: str, status: int = 200) -> Any:
    return HERE.get(f"cinema/{path}", status)


def post(path: str, body: Any, status: int = 200) -> Any:
    return HERE.post(f"cinema/{path}", body, status)


def refused(path: str, body: Any) -> dict[str, str]:
    return HERE.refused(f"cinema/{path}", body)


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in found]


def with_choice(held: Any, value: Any, most: int) -> Any:
    """Return a field's value with one more, in the last one's place where it is full."""
    if most == 1:
        return value
    return held if value in held else [*held[: most - 1], value]


def test_every_vocabulary_is_listed_and_opens() -> None:
    for one in get("enums"):
        found = get(f"enums/{one['name']}")
        assert len(found) == one["count"]
        assert set(found[0]) == {"id", "label", "line"}


def test_a_vocabulary_is_found_by_the_name_of_its_field() -> None:
    assert get("enums/body") == get("enums/bodies")


def test_the_fields_of_both_kinds_name_their_vocabularies() -> None:
    kinds = get("fields")
    assert [one["kind"] for one in kinds] == ["live_action", "animation"]
    names = {one["name"] for one in get("enums")}
    fields = [field for kind in kinds for field in kind["fields"]]
    assert {field["enum"] for field in fields} - names == {""}
    assert {field["name"] for field in fields if field["many"]} == {"moods", "styles", "sources"}
    assert get("fields?kind=animation") == kinds[1:]


def test_options_say_what_does_not_fit_and_what_would_mend_it() -> None:
    config = {"body": "alexa_35"}
    found = post("options", {"config": config, "field": "stock"})
    barred = next(one for one in found if not one["allowed"])
    assert barred["reason"]
    assert barred["rule"]
    assert barred["repair"]["label"]
    mended = {**config, "stock": barred["value"], **barred["repair"]["changes"]}
    assert post("validate", {"config": mended})["status"] != "invalid"


@pytest.mark.parametrize("name", ["lens", "stock", "movement", "sources", "moods", "focal_mm"])
def test_options_and_validate_agree(name: str) -> None:
    config = write_config(apply_preset("blade_runner"))
    assert post("validate", {"config": config})["status"] != "invalid"
    for one in post("options", {"config": config, "field": name}):
        chosen = {**config, name: with_choice(config.get(name), one["value"], MOST.get(name, 1))}
        status = post("validate", {"config": chosen})["status"]
        assert (status != "invalid") == one["allowed"], one


def test_a_field_may_be_named_by_its_path_and_what_is_locked_stays() -> None:
    posted = {"config": {"body": "alexa_35"}, "field": "camera.film_stock"}
    free, locked = (post("options", {**posted, "locked": names}) for names in ([], ["camera.body"]))
    assert [one["value"] for one in free] == [one["value"] for one in locked]
    assert any(one["repair"] and "body" in one["repair"]["changes"] for one in free)
    assert not any(one["repair"] and "body" in one["repair"]["changes"] for one in locked)


def test_options_of_an_animation_need_no_more_than_its_kind() -> None:
    found = post("options", {"kind": "animation", "field": "medium"})
    assert {one["value"] for one in found} == set(ids(get("enums/mediums")))


def test_validate_tells_status_messages_and_ways_out() -> None:
    found = post("validate", {"config": BROKEN})
    assert found["status"] == "invalid"
    first = found["messages"][0]
    assert (first["severity"], bool(first["reason"]), bool(first["repairs"])) == (
        "hard",
        True,
        True,
    )
    way = first["repairs"][0]["changes"]
    rules = [one["rule"] for one in post("validate", {"config": {**BROKEN, **way}})["messages"]]
    assert first["rule"] not in rules


def test_validate_knows_what_a_still_cannot_show() -> None:
    config = {"movement": "track_in", "equipment": "dolly"}
    rules = {
        target: {one["rule"] for one in post("validate", posted)["messages"]}
        for target, posted in (
            (target, {"config": config, "target": target}) for target in ("flux.1", "veo")
        )
    }
    assert "IMAGE_MODEL_MOVEMENT" in rules["flux.1"] - rules["veo"]


def test_nothing_chosen_is_valid() -> None:
    assert post("validate", {"config": {}}) == {"status": "valid", "messages": []}


def test_a_nested_config_with_old_paths_and_aliases_is_read_like_a_flat_one() -> None:
    flat = {"body": "alexa_35", "ratio": "1.85:1", "moods": ["melancholic"], "size": "ms"}
    nested, plain = (
        post("generate-prompt", {"config": one, "target": "flux.1"}) for one in (NESTED, flat)
    )
    assert nested == plain
    assert nested["config"]["body"] == "alexa_35"


def test_what_a_program_claims_is_held_against_the_camera_and_taken_back_with_null() -> None:
    claims = {"camera.body": "alexa_35", "camera.sensor": "16 mm film"}
    found = post("validate", {"config": claims})
    assert "follows from the body" in found["messages"][0]["reason"]
    way = found["messages"][0]["repairs"][0]["changes"]
    assert way == {"camera.sensor": None}
    assert post("validate", {"config": {**claims, **way}})["status"] == "valid"


def test_repair_mends_and_tells_the_configuration_afterwards() -> None:
    found = post("repair", {"config": BROKEN})
    assert found["status"] != "invalid"
    assert found["repair"]["label"]
    assert found["config"] == {"kind": "live_action", **BROKEN, **found["repair"]["changes"]}


def test_repair_of_what_fits_changes_nothing() -> None:
    found = post("repair", {"config": {"body": "alexa_35"}})
    assert found["repair"] is None
    assert found["config"] == {"kind": "live_action", "body": "alexa_35"}


def test_repair_leaves_what_is_locked() -> None:
    fields = list(read_config(BROKEN).FIELDS)
    found = post("repair", {"config": BROKEN, "locked": fields})
    assert (found["repair"], found["status"]) == (None, "invalid")


def test_a_prompt_is_written_for_every_target_and_its_clauses_are_its_text() -> None:
    posted = {
        "preset": "blade_runner",
        "scene": "A woman waits in the rain.",
        "targets": list(TARGETS),
    }
    found = post("generate-prompt", posted)
    assert [one["target"] for one in found["prompts"]] == list(TARGETS)
    for one in found["prompts"]:
        assert "".join(clause["text"] for clause in one["clauses"]) == one["prompt"]
        assert 0 < one["words"] <= len(one["prompt"].split())


def test_a_prompt_leaves_out_and_keeps_out_what_is_said() -> None:
    posted = {"preset": "blade_runner", "scene": "rain", "target": "sdxl"}
    bare = post("generate-prompt", {**posted, "without": ["light", "visual_grammar.mood"]})
    clauses = bare["prompts"][0]["clauses"]
    assert not any(one["panel"] == "light" or "moods" in one["fields"] for one in clauses)
    kept_out = post("generate-prompt", {**posted, "negative": ["umbrellas"]})
    assert "umbrellas" in kept_out["prompts"][0]["negative"]


def test_overrides_change_the_preset() -> None:
    posted = {"preset": "blade_runner", "overrides": {"tone": None}, "target": "generic"}
    assert "tone" not in post("generate-prompt", posted)["config"]


def test_a_prompt_is_converted_with_notes() -> None:
    found = post("convert", {"text": "(red barn:1.3), snow", "from": "sdxl", "to": "flux.1"})
    assert "barn" in found["text"]
    assert "1.3" not in found["text"]
    assert found["notes"]


def test_targets_are_listed_and_each_opens_by_id_and_alias() -> None:
    assert ids(get("targets")) == list(TARGETS)
    for one in TARGETS.values():
        assert {get(f"targets/{name}")["id"] for name in (one.id, *one.aliases[:1])} == {one.id}


def test_every_preset_opens_with_its_whole_card() -> None:
    for one in presets():
        card = get(f"presets/{one.id}")
        assert (card["id"], len(card["palette"])) == (one.id, len(one.palette))
        technical = get(f"presets/{one.id}/technical")
        assert len(technical["cameras"]) == len(getattr(one, "cameras", ()))


def test_a_preset_is_found_by_alias_and_title() -> None:
    for name in ("dune", "Dune", "dune-2021"):
        assert get(f"presets/{name}")["id"] == "dune_2021"
    assert get("presets/evangelion")["id"] == "stark_mecha_psyche"


def test_a_film_of_little_certainty_is_in_its_style() -> None:
    card = get("presets/metropolis")
    assert card["certainty"] == "low"
    assert card["label"] == "In the style of Metropolis"
    assert card["director"] == ["Fritz Lang"]


def test_technical_tells_gear_with_years() -> None:
    found = get("presets/the_shawshank_redemption/technical")
    camera, lens, stock = found["cameras"][0], found["lenses"][0], found["stocks"][0]
    assert (camera["type"], camera["format"]) == ("film", "35 mm film")
    assert all(isinstance(year, int) for year in (camera["year"], lens["year"], stock["since"]))
    assert found["ratios"][0]["label"]


def test_presets_come_in_pages() -> None:
    total = len(FILMS) + len(LOOKS)
    first = get("presets")
    assert (len(first["items"]), first["total"], first["next"]) == (50, total, 50)
    last = get("presets?offset=100&limit=200")
    assert (len(last["items"]), last["next"]) == (total - 100, None)
    assert get("presets?offset=10000")["items"] == []


@pytest.mark.parametrize("kind", ["eras", "moods", "domains", "mediums"])
def test_what_presets_are_sorted_by_counts_what_the_filter_finds(kind: str) -> None:
    found = get(f"presets/{kind}")
    assert found
    for one in found:
        assert get(f"presets?{kind[:-1]}={one['id']}")["total"] == one["count"]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("kind=animation&q=evangelion", "stark_mecha_psyche"),
        ("q=deakins%20hope", ""),
        ("q=darabont", "the_shawshank_redemption"),
        ("era=1990&q=darabont", "the_shawshank_redemption"),
        ("kind=live_action&medium=2d", ""),
    ],
)
def test_presets_are_found_by_words_and_filters(asked: str, name: str) -> None:
    assert ids(get(f"presets?{asked}")["items"]) == ([name] if name else [])


def test_a_preset_applied_is_a_configuration_that_the_api_reads_again() -> None:
    for name in ("blade_runner", "stark_mecha_psyche"):
        found = post(f"presets/{name}/apply", {})
        assert found["config"] == write_config(apply_preset(name))
        checked = post("validate", {"config": found["config"]})
        assert (checked["status"], checked["messages"]) == (found["status"], found["messages"])


def test_overrides_of_an_applied_preset_are_checked_against_it() -> None:
    found = post("presets/star_wars_anh/apply", {"overrides": {"camera.body": "alexa_35"}})
    assert found["config"]["body"] == "alexa_35"
    assert found["status"] == "invalid"


def test_a_look_says_its_kind_where_the_config_does_not() -> None:
    found = post("repair", {"config": {"preset": "evangelion"}})
    assert found["config"] == {"kind": "animation", "preset": "stark_mecha_psyche"}


def test_cameras_are_listed_by_what_they_record_on() -> None:
    film, digital = get("cameras?type=film"), get("cameras?type=digital")
    assert {one["type"] for one in film} == {"film"}
    assert len(film) + len(digital) == len(get("cameras")) == len(get("enums/bodies"))
    assert get("cameras/arri_alexa_35")["id"] == "alexa_35"


def test_what_goes_with_a_camera_is_what_the_rules_allow() -> None:
    for name in ("alexa_35", "arriflex_35bl"):
        for path, field in (("lenses", "lens"), ("stocks", "stock"), ("ratios", "ratio")):
            fitting = set(ids(get(f"cameras/{name}/{path}")))
            allowed = {
                one.value
                for one in engine.options(field, read_config({"body": name}), with_repairs=False)
                if one.is_allowed
            }
            assert fitting == allowed, (name, path)


def test_a_lens_tells_the_mount_on_which_it_meets_the_camera() -> None:
    assert "PL" in {one["mount"] for one in get("cameras/arriflex_35bl/lenses")}


def test_there_are_144_angles_and_filters_narrow_them() -> None:
    found = get("angles")
    assert len(found) == len({one["id"] for one in found}) == 144
    one = found[50]
    asked = "&".join(f"{name}={one[name]}" for name in ("direction", "height", "distance"))
    assert get(f"angles?{asked}") == [one]
    known = get("angles?has_token=true")
    assert all(one["token"] for one in known)
    assert len(known) == 96


WRONG = [
    ("options", {"field": "hat"}, "field", "no field called hat. There are year"),
    ("options", {"field": "body", "locked": ["hat"]}, "locked.0", "no field called hat"),
    ("options", {"config": {}}, "field", "needed"),
    ("options", {"field": "year", "kind": "animation"}, "field", "no field called year"),
    ("validate", {}, "config", "needed"),
    ("validate", {"config": {"body": "alexa_36"}}, "config.body", "no body called alexa_36. Near:"),
    ("validate", {"config": {"camera": {"body": "x"}}}, "config.camera.body", "no body called x"),
    ("validate", {"config": {"hat": 1}}, "config.hat", "no field called hat"),
    ("validate", {"config": {"body": 5}}, "config.body", "no body called 5"),
    ("validate", {"config": {"body": True}}, "config.body", "no body called True"),
    ("validate", {"config": {"year": "soon"}}, "config.year", "is a number"),
    ("validate", {"config": {"year": 10**400}}, "config.year", "longer than"),
    ("validate", {"config": {"year": 10**190}}, "config.year", "lies between"),
    ("validate", {"config": {"year": "1e999"}}, "config.year", "lies between"),
    ("validate", {"config": {"focal_mm": "nan"}}, "config.focal_mm", "lies between"),
    ("validate", {"config": {"year": [1999]}}, "config.year", "is a number"),
    ("validate", {"config": {"moods": [["x"]]}}, "config.moods", "It must be text"),
    ("validate", {"config": {"moods": [{}]}}, "config.moods", "It must be text"),
    ("validate", {"config": {"moods": ["calm"] * 30}}, "config.moods", "too many"),
    ("validate", {"config": {"body": ["alexa_35", "red_one"]}}, "config.body", "at most 1"),
    ("validate", {"config": {"body": "x" * 5000}}, "config.body", "longer than 200"),
    ("validate", {"config": {"kind": "opera"}}, "config.kind", "live_action or animation"),
    ("validate", {"config": {"project_type": []}}, "config.project_type", "live_action or"),
    ("validate", {"config": {"preset": "blade"}}, "config.preset", "no preset called blade"),
    ("validate", {"config": {"preset": ["x"]}}, "config.preset", "no preset called"),
    (
        "validate",
        {"config": {"kind": "animation", "preset": "dune"}},
        "config.kind",
        "of the kind live_action",
    ),
    ("validate", {"config": {f"f{n}": 1 for n in range(90)}}, "config", "too many"),
    ("validate", {"config": {}, "target": "flux9"}, "target", "Did you mean"),
    ("validate", {"config": []}, "config", "It must be"),
    ("repair", {"config": {}, "locked": "body"}, "locked", "It must be a list"),
    ("generate-prompt", {}, "target", "Give a target"),
    ("generate-prompt", {"target": "sdxl", "targets": ["sdxl"]}, "target", "one of them"),
    ("generate-prompt", {"targets": []}, "targets", "at least 1"),
    ("generate-prompt", {"targets": ["sdxl"] * 31}, "targets", "at most 30"),
    ("generate-prompt", {"targets": ["sdxl", "hat"]}, "targets.1", "No target is called"),
    ("generate-prompt", {"target": "sdxl", "scene": "x" * 5001}, "scene", "at most 5000"),
    ("generate-prompt", {"target": "sdxl", "without": ["hat"]}, "without.0", "no panel or field"),
    ("generate-prompt", {"target": "sdxl", "preset": "hat"}, "preset", "no preset called hat"),
    ("generate-prompt", {"target": "sdxl", "preset": "dune", "config": {}}, "preset", "one of"),
    ("generate-prompt", {"target": "sdxl", "overrides": {"tone": "x"}}, "overrides", "preset"),
    (
        "generate-prompt",
        {"target": "sdxl", "preset": "dune", "overrides": {"tone": "x"}},
        "overrides.tone",
        "no color tone called x",
    ),
    ("convert", {"text": "x", "from": "sdxl", "to": "hat"}, "to", "No target is called"),
    ("convert", {"text": "x", "from": "hat", "to": "sdxl"}, "from", "No target is called"),
    ("convert", {"text": "x", "source": "sdxl", "to": "sdxl"}, "source", "no such field"),
    ("convert", {"text": "x" * 20_001, "from": "sdxl", "to": "sdxl"}, "text", "at most 20000"),
    ("presets/dune/apply", {"overrides": {"hat": 1}}, "overrides.hat", "no field called hat"),
    ("presets/dune/apply", {"overrides": {"kind": "x"}}, "overrides.kind", "no field called kind"),
]


@pytest.mark.parametrize(("path", "posted", "field", "said"), WRONG)
def test_what_is_wrong_is_told_at_its_field_in_the_engines_words(
    path: str, posted: dict[str, Any], field: str, said: str
) -> None:
    found = refused(path, posted)
    assert said in found.get(field, ""), found


def test_all_that_is_wrong_in_a_config_is_told_at_once() -> None:
    found = refused("validate", {"config": {"body": "x", "lens": "y", "hat": "z"}})
    assert set(found) == {"config.body", "config.lens", "config.hat"}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("enums/hats", 404, "not_found"),
        ("targets/flux9", 404, "not_found"),
        ("presets/blade", 404, "not_found"),
        ("presets/blade/technical", 404, "not_found"),
        ("cameras/brownie", 404, "not_found"),
        ("cameras/brownie/lenses", 404, "not_found"),
        ("cameras/brownie/stocks", 404, "not_found"),
        ("cameras/brownie/ratios", 404, "not_found"),
        ("hats", 404, "not_found"),
        (f"presets/{'x' * 3000}", 404, "not_found"),
        ("options", 405, "method"),
        ("presets/dune/apply", 405, "method"),
        ("presets?mood=grumpyish", 422, "invalid"),
        ("presets?era=1830s", 422, "invalid"),
        ("presets?domain=opera", 422, "invalid"),
        ("presets?medium=oil", 422, "invalid"),
        ("presets?kind=opera", 422, "invalid"),
        ("presets?limit=0", 422, "invalid"),
        ("presets?limit=201", 422, "invalid"),
        ("presets?offset=-1", 422, "invalid"),
        ("presets?hat=1", 422, "invalid"),
        ("cameras?type=pinhole", 422, "invalid"),
        ("angles?direction=up", 422, "invalid"),
        ("angles?roll=5", 422, "invalid"),
        ("fields?kind=opera", 422, "invalid"),
    ],
)
def test_every_no_has_the_apis_one_shape(path: str, status: int, code: str) -> None:
    error = get(path, status)["error"]
    assert (error["code"], set(error)) == (code, {"code", "message", "fields"})
    assert 0 < len(error["message"]) < 1500


def test_an_unknown_preset_of_an_address_that_is_posted_to_is_a_404() -> None:
    assert post("presets/blade/apply", {}, 404)["error"]["code"] == "not_found"


@pytest.mark.parametrize("raw", [b"{", b"[1]", b"", b"null", b'{"config": {"year": NaN}}'])
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    answer = HERE.send("POST", "/api/cinema/validate", raw=raw)
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]["message"]


def test_a_body_may_not_be_too_long_or_of_another_type() -> None:
    long = HERE.send("POST", "/api/cinema/convert", raw=b" " * 2_000_001)
    text = HERE.send("POST", "/api/cinema/convert", {}, headers={"Content-Type": "text/plain"})
    assert (long.status_code, text.status_code) == (413, 415)


def test_it_is_let_in_as_the_rest_of_the_api_is(served: User) -> None:
    reader = Program(peer=LAN, token=token(served.pk, "read"))
    body: dict[str, Any] = {"config": {}}
    assert reader.post("cinema/validate", body, 200)["status"] == "valid"
    assert Program(peer=LAN).send("GET", "/api/cinema/targets").status_code == 403
    assert Program(token="eliot_nothing").send("GET", "/api/cinema/targets").status_code == 401
    told = {"Origin": "http://evil.com"}
    assert HERE.send("POST", "/api/cinema/validate", body, headers=told).status_code == 403


def test_the_openapi_document_describes_every_answer() -> None:
    document = HERE.get("openapi.json")
    paths = {path: one for path, one in document["paths"].items() if "/cinema/" in path}
    assert len(paths) == 24
    for path, methods in paths.items():
        for method, told in methods.items():
            schema = told["responses"]["200"]["content"]["application/json"]["schema"]
            assert _is_typed(schema), (path, method)
            assert told["summary"]
            if method == "post":
                assert told["requestBody"]["content"]["application/json"]["schema"]["$ref"]


def _is_typed(schema: dict[str, Any]) -> bool:
    return "$ref" in schema or "anyOf" in schema or "$ref" in schema.get("items", {})


def _documented() -> list[tuple[str, str, Any]]:
    text = (settings.BASE_DIR / "docs" / "api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [_request(block) for block in blocks if "/api/cinema/" in block]


def _request(line: str) -> tuple[str, str, Any]:
    words = shlex.split(line.replace("$EL", ""))
    path = next(one for one in words if one.startswith("/api/"))
    if "-d" not in words:
        return "GET", path, None
    return "POST", path, json.loads(words[words.index("-d") + 1])


@pytest.mark.parametrize(("method", "path", "body"), _documented())
def test_every_line_of_the_document_works(method: str, path: str, body: Any) -> None:
    answer = HERE.send(method, path, body)
    assert answer.status_code == 200, answer.text
    assert answer.json()


def test_every_address_is_in_the_document() -> None:
    text = (settings.BASE_DIR / "docs" / "api.md").read_text(encoding="utf-8")
    for path in HERE.get("openapi.json")["paths"]:
        if "/cinema/" in path:
            assert f"`{path}`".replace("{name}", "<id>") in text, path
