"""Words of people's own in the engine's lists."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from sessions_app import own_cinema
from sessions_app.cinema import engine
from sessions_app.cinema.config import KINDS, LiveAction
from sessions_app.cinema.fitting import bodies_for, lenses_for
from sessions_app.cinema.own import use_own
from sessions_app.cinema.presets import apply_preset
from sessions_app.cinema.prompt import compile_prompt
from sessions_app.cinema.targets import find_target
from sessions_app.cinema.vocabulary import FILES, read_file, shipped, vocabularies
from sessions_app.models import CinemaTerm

HAZE = {"id": "dreamy_haze", "label": "Dreamy haze", "group": "positive"}
LENS = next(one for one in read_file("lenses")["lenses"] if one["id"] == "cooke_s4")
OURS = {**LENS, "id": "our_lens", "label": "Our lens", "aliases": [], "prose": "Our lens"}
BODY = next(one for one in read_file("cameras")["cameras"] if one["id"] == "alexa_mini")


def term(**told: Any) -> CinemaTerm:
    return CinemaTerm(**{"vocabulary": "moods", "key": "dreamy_haze", "entry": {**HAZE}, **told})


def refusal(**told: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as refused:
        term(**told).clean()
    return refused.value.message_dict


@pytest.mark.django_db
def test_an_own_term_is_offered_and_stands_in_the_prompt() -> None:
    term().save()
    own_cinema.bring_up_to_date()
    config = apply_preset("blade_runner", {"moods": ["Dreamy haze"]})
    offered = {one.value: one for one in engine.options("moods", config)}
    assert offered["dreamy_haze"].is_allowed
    assert "dreamy haze" in compile_prompt(find_target("flux.1"), config, "A man.").text
    assert list(vocabularies().moods)[-1] == "dreamy_haze"


def test_own_gear_goes_with_what_it_fits() -> None:
    before = lenses_for("alexa_mini")
    use_own(terms={"lenses": [OURS], "bodies": [{**BODY, "id": "our_body", "aliases": []}]})
    assert [one.id for one in lenses_for("alexa_mini")][-1] == "our_lens"
    assert "our_body" in bodies_for("cooke_s4")
    assert engine.is_valid(LiveAction(body="our_body", lens="our_lens"))
    use_own()
    assert lenses_for("alexa_mini") == before
    assert vocabularies() is shipped()


@pytest.mark.parametrize("name", FILES)
def test_an_own_term_of_every_list_can_be_chosen_and_written(name: str) -> None:
    _, file, key, _ = FILES[name]
    row = {**read_file(file)[key][1], "id": "our_own", "aliases": [], "label": "Our own"}
    use_own(terms={name: [row]})
    assert "our_own" in getattr(vocabularies(), name)
    for kind in KINDS.values():
        for field in kind.FIELDS.values():
            if field.terms == name:
                config = kind().with_told({field.name: "Our own"})
                assert getattr(config, field.name) in ("our_own", ("our_own",))
                assert engine.options(field.name, config)[-1].is_chosen
                engine.validate(config)
                compile_prompt(find_target("sdxl"), config, "A man.")


def test_an_own_term_with_a_shipped_id_takes_its_place() -> None:
    names = list(vocabularies().moods)
    use_own(terms={"moods": [{**HAZE, "id": "tense", "label": "On edge"}]})
    assert vocabularies().moods["tense"].label == "On edge"
    assert list(vocabularies().moods) == names


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"terms": {"smells": [HAZE]}}, "no vocabulary called smells"),
        ({"terms": {"moods": [{**HAZE, "id": "Dreamy Haze"}]}}, "An id is made of"),
        ({"terms": {"moods": [{"id": "x", "group": "dark"}]}}, "It lacks label"),
        ({"terms": {"moods": [HAZE, HAZE]}}, "Two terms have the id dreamy_haze"),
        ({"terms": {"moods": [{**HAZE, "aliases": ["tense"]}]}}, "is both"),
        ({"terms": {"bodies": [{**BODY, "format": "betamax"}]}}, "format is one of"),
        ({"terms": {"bodies": [{**BODY, "image_area_mm": [1]}]}}, "a list of 2 numbers"),
        ({"films": [{"id": "mine"}]}, "It lacks title, year"),
        ({"films": ["mine"]}, "An object is wanted"),
        ({"presets": [{"id": "alien", "label": "Mine", "kind": "live_action"}]}, "Two presets"),
    ],
)
def test_bad_rows_are_refused_in_a_sentence_and_change_nothing(
    told: dict[str, Any], said: str
) -> None:
    use_own(terms={"moods": [HAZE]})
    held = vocabularies()
    with pytest.raises(ValueError, match=said):
        use_own(**told)
    assert vocabularies() is held


def test_what_was_shipped_passes_for_somebodys_own() -> None:
    films, looks = read_file("films")["films"], read_file("looks")["looks"]
    before = apply_preset("blade_runner")
    use_own(films=films, looks=looks)
    assert apply_preset("blade_runner") == before


@pytest.mark.parametrize(
    ("told", "field", "said"),
    [
        ({"entry": {"line": "No name."}}, "entry", "It lacks label and group."),
        ({"entry": {**HAZE, "id": "other"}}, "entry", "Its id is dreamy_haze"),
        ({"entry": {**HAZE, "scent": "pine"}}, "entry", "scent: nothing reads that."),
        ({"entry": {**HAZE, "prose": "dreamy_haze"}}, "entry", "have no underscore"),
        ({"entry": {**HAZE, "aliases": ["tense"]}}, "entry", "“tense” means Tense already"),
        ({"key": "tense", "entry": {}}, "key", "“tense” means Tense already"),
        ({"key": "Dreamy haze"}, "key", "An id is made of"),
        ({"entry": ["haze"]}, "entry", "An object is wanted"),
    ],
)
def test_the_row_says_at_the_field_what_the_engine_would_not_take(
    told: dict[str, Any], field: str, said: str
) -> None:
    assert said in refusal(**told)[field][0]


def test_a_good_term_is_taken_and_holds_its_id() -> None:
    one = term(entry={"label": "Dreamy haze", "group": "positive"})
    one.clean()
    assert one.entry["id"] == "dreamy_haze"
    assert str(one) == "Dreamy haze"
