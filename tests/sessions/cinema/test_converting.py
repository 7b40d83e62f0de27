"""Prompts taken from one model to another: what must survive, and what must be said."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions_app.cinema.categories import LISTS
from sessions_app.cinema.convert import convert
from sessions_app.cinema.sentences import COUNTS, category_of
from sessions_app.cinema.targets import TARGETS

TAG_TARGETS = [target for target in TARGETS.values() if target.form == "tags"]
PROSE_TARGETS = [target for target in TARGETS.values() if target.form != "tags"]
WORDS = """
    red blue long short wet old neon quiet hair dress coat street bridge forest rain night dusk light glow shot angle painting
    anime melancholic woman detective dog standing smiling lantern harbor window ribbon tattoo umbrella smoke
""".split()
words = st.sampled_from(WORDS)
plain_tags = st.lists(words, min_size=1, max_size=3, unique=True).map(" ".join)
tags = st.lists(plain_tags, min_size=1, max_size=8, unique=True)
weights = st.integers(30, 140).map(lambda hundredths: hundredths / 100)
tag_targets = st.sampled_from(TAG_TARGETS)
prose_targets = st.sampled_from(PROSE_TARGETS)
targets = st.sampled_from(list(TARGETS.values()))
soup = st.lists(
    st.sampled_from(
        [
            *r"( ) \( \) :1.2) ((x)) [y] , . ; BREAK score_9 masterpiece <lora:a:1> embedding:b".split(),
            *"a the and with _ ^_^ o_o long_hair 1girl woman is at".split(),
            *(" ", "\n", '"q, r"', "A woman walks at dusk.", "strongly red"),
        ]
    ),
    max_size=12,
).map("".join)


def converted(text, source, target):
    return convert(text, TARGETS[source], TARGETS[target])


def content(text):
    return set(re.findall(r"[a-z]+", text.lower()))


# --- Tags to tags --------------------------------------------------------------------------------


@given(tags, tag_targets, tag_targets)
def test_every_tag_survives_among_tag_models(tags, source, target):
    found = convert(", ".join(tags), source, target).text.split(", ")
    own = {*target.prefix, *target.suffix}
    assert [tag for tag in found if tag not in own] == tags


@given(plain_tags, weights, tag_targets, tag_targets)
def test_emphasis_survives_among_tag_models(tag, weight, source, target):
    found = convert(f"({tag}:{weight}), quay", source, target).text
    assert (f"({tag}:{weight:g})" if weight != 1 else tag) in found.split(", ")


@pytest.mark.parametrize(
    ("source", "target", "text", "expected"),
    [
        ("sd15", "sdxl", "long_hair,  ^_^ , o_o,, long hair", "long hair, ^_^, o_o"),
        (
            "sd15",
            "sdxl",
            "((rain)), [fog], (a, b:1.2)",
            "(rain:1.21), (fog:0.91), (a:1.2), (b:1.2)",
        ),
        ("sd15", "sdxl", "(rain:1.8)", "(rain:1.4)"),
        ("sd15", "sd15", "(rain:1.8)", "(rain:1.8)"),
        ("sdxl", "sdxl", "rain, (rain:1.2)", "(rain:1.2)"),
        ("sdxl", "sdxl", "a (red:1.2) car", "a (red:1.2) car"),
        ("sdxl", "sdxl", "saber_\\(fate\\), (x", "saber \\(fate\\), \\(x"),
        ("sdxl", "sd15", "cat BREAK dog, fox", "cat BREAK dog, fox"),
        ("pony", "sdxl", "score_9, score_8_up, source_anime, rating_safe, fox", "fox"),
        ("sdxl", "pony", "fox, 1girl", "score_9, score_8_up, score_7_up, 1girl, fox"),
        ("pony", "pony", "score_9, fox", "score_9, fox"),
        ("sdxl", "illustrious", "fox, 2girls", "2girls, fox, masterpiece, best quality"),
    ],
)
def test_tags_are_put_in_the_other_models_order(source, target, text, expected):
    assert converted(text, source, target).text == expected


# --- Tags to prose -------------------------------------------------------------------------------


@given(tags, prose_targets)
def test_prose_has_every_word_of_the_tags(tags, target):
    assert content(" ".join(tags)) <= content(
        convert(", ".join(tags), TARGETS["sdxl"], target).text
    )


@given(tags, prose_targets)
def test_prose_is_sentences_without_syntax(tags, target):
    text = convert(", ".join(f"({tag}:1.3)" for tag in tags), TARGETS["sdxl"], target).text
    assert not re.search(r"[()\\_]|:\d", text)
    assert all(sentence[0].isupper() for sentence in text.split(". "))
    assert text.endswith(".")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "masterpiece, 1girl, solo, long hair, blue eyes, (red dress:1.3), standing, looking at viewer, "
            "bridge, night, rim light, close-up, from below, melancholic, oil painting",
            "A solo girl with long hair and blue eyes, wearing a prominent red dress, standing and looking "
            "at the viewer, on a bridge, at night. Lit by rim light. The shot is a close-up, from below. "
            "The mood is melancholic. The style is an oil painting.",
        ),
        ("(fog:1.1), rain", "In fog and rain."),
        ("rain, (fog:1.1)", "In fog and rain."),
        ("2girls, 1boy, saber \\(fate\\)", "Two girls and a boy, saber \\(fate\\)."),
        ("1girl, woman in red coat", "A woman in red coat."),
        ("hat, (beard:0.5)", "A barely visible beard, wearing a hat."),
        ("a very (red:1.4) car", "A very very strongly red car."),
        ("dog, <lora:fur (v2):0.8>, embedding:soft", "A dog. <lora:fur (v2):0.8> embedding:soft"),
        ("dog, shot on Kodak 2383", "A dog. Shot on Kodak 2383."),
        ("detective, wearing hat, in a bar", "A detective, wearing hat, in a bar."),
        (
            "portrait of an old fisherman, white beard, stormy sea, 85mm, shallow depth of field, photorealistic",
            "A portrait of an old fisherman with a white beard, in a stormy sea. The shot is with shallow "
            "depth of field. Shot with an 85mm lens. The picture is photorealistic.",
        ),
        (
            "city street, rain, neon signs, no humans, cyberpunk, wide angle lens, black and white",
            "On a city street, in rain. There are no humans. Lit by neon signs. Shot with a wide angle lens. "
            "The picture is black and white. The style is cyberpunk.",
        ),
        ("a man sitting at a bar, smoke", "A man sitting at a bar, in smoke."),
        ("wearing hat, (rim light:0.8)", "Wearing hat. Lit by subtle rim light."),
        ("Two people, walking, overcast", "Two people, walking. The weather is overcast."),
    ],
)
def test_tags_become_sentences_by_what_they_are_about(text, expected):
    assert converted(text, "sdxl", "flux1").text == expected


def test_sentences_in_a_tag_models_field_stay_sentences():
    text = "A woman waits under the clock, her coat still wet. Rain runs down the glass."
    assert converted(text, "sdxl", "flux1").text == text


# --- Prose to prose and to tags ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target", "text", "expected"),
    [
        ("flux1", "flux2", "A (red:1.3) car.\n\nIt waits.", "A strongly red car.\n\nIt waits."),
        ("flux1", "flux2", "(An old car:1.4) waits.", "A very prominent old car waits."),
        ("flux2", "flux1", "A man (the captain).", "A man \\(the captain\\)."),
        ("flux1", "flux2", "A man \\(the captain\\).", "A man (the captain)."),
        ("flux1", "ltx2", "One.\n\nTwo.", "One. Two."),
        ("sd35", "veo", "One BREAK two.", "One two."),
        (
            "sdxl",
            "flux1",
            "score_9, masterpiece, A fox waits by the old gate.",
            "A fox waits by the old gate.",
        ),
        ("flux1", "sdxl", "A fox [grey] by [one gate", "fox (grey:0.91) by [one gate"),
        ("flux1", "sdxl", "A sign reads “[one]”.", "sign reads “[one]”"),
        ("flux1", "sdxl", "A woman waits. The light is soft.", "woman waits, soft light"),
        ("flux1", "sdxl", "A strongly red car.", "(red car:1.2)"),
        ("flux1", "sdxl", "Black and white photo.", "black and white photo"),
        ("flux1", "sdxl", "The picture is black and white.", "black and white"),
        ("flux1", "sdxl", "The shot is with depth of field.", "depth of field"),
        ("flux1", "sdxl", "The camera pushes in slowly.", "camera pushes in slowly"),
        ("flux1", "sdxl", 'A sign reads "Open, late".', 'sign reads "Open, late"'),
        (
            "flux1",
            "illustrious",
            "Two women in the rain.",
            "2girls, two women in rain, masterpiece, best quality",
        ),
        (
            "flux1",
            "sdxl",
            "A woman in a red coat walks along a pier at dusk. Mr. Hill watches, f/1.4.",
            "woman in red coat walks, along pier, at dusk, Mr. Hill watches, f/1.4",
        ),
    ],
)
def test_prose_keeps_its_words(source, target, text, expected):
    assert converted(text, source, target).text.casefold() == expected.casefold()


@given(st.lists(words, min_size=1, max_size=14), prose_targets, tag_targets)
def test_tags_have_every_word_of_the_prose(words, source, target):
    text = f"A {' '.join(words)}."
    assert set(words) <= content(convert(text, source, target).text)


@given(tags)
def test_the_funnels_way_loses_no_word(tags):
    first = converted(", ".join(tags), "sd15", "sdxl").text
    last = converted(first, "sdxl", "flux1").text
    assert content(" ".join(tags)) <= content(last)
    assert converted(last, "flux1", "flux1").text == last


# --- Always --------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(soup, targets, targets)
def test_converting_once_more_changes_nothing(text, source, target):
    once = convert(text, source, target).text
    if target.form != "tags" and not target.escapes_parentheses and "(" in once:
        return  # a bare parenthesis cannot tell what it was before
    assert convert(once, target, target).text == once


@given(soup, targets, targets)
def test_the_result_is_clean(text, source, target):
    found = convert(text, source, target)
    assert found == convert(text, source, target)
    assert not re.search(r"[\x00-\x09\x0b-\x1f]|[\U000f0000-\U0010ffff]", found.text)
    assert target.id == "pony" or not re.search(r"\bscore_\d\b", found.text)
    assert all(note.endswith(".") and note[0].isupper() | (note[0] == "“") for note in found.notes)
    if target.form == "tags":
        assert ", ," not in found.text
        bare = re.sub(r"\\[()]", "", found.text)
        assert bare.count("(") == bare.count(")")


@given(
    st.lists(
        st.sampled_from(["<lora:Ä_b (v2):0.8>", "embedding:My_Emb-1", '"Open, 24_7"']), min_size=1
    ),
    targets,
    targets,
)
def test_tokens_and_quoted_text_stay_byte_by_byte(kept, source, target):
    text = ", ".join(["fox", *kept, "hen"])
    found = convert(text, source, target).text
    assert all(token in found for token in kept)


@pytest.mark.parametrize("text", ["", " \n", ",,", "\x00"])
@pytest.mark.parametrize("target", ["sdxl", "flux1"])
def test_nothing_stays_nothing(text, target):
    assert converted(text, "sd15", target).text == ""


@pytest.mark.parametrize(
    ("source", "target", "text", "told"),
    [
        ("sd15", "flux2", "(fox:1.3)", "FLUX.2 reads weights as text"),
        ("sd15", "flux1", "(fox:1.3)", "FLUX.1 hardly feels weights"),
        ("sd15", "veo", "(fox:1.3)", "Veo knows no weights"),
        ("sd15", "flux1", "fox, masterpiece", "left out: masterpiece"),
        ("sd15", "flux1", "fox, (hen:0)", "left out: hen"),
        ("pony", "sdxl", "score_9, fox", "Pony's alone"),
        ("sd15", "sdxl", "[fox]", "square brackets"),
        ("sd15", "sdxl", "(fox:1.9)", "Weights above 1.4 were lowered"),
        ("sd15", "flux1", "fox BREAK hen", "BREAK was left out"),
        ("sd15", "flux1", "fox, <lora:a:1>", "LoRA and embedding tokens"),
        ("flux1", "illustrious", "A girl.", "“1girl” was added"),
        ("flux1", "wan_i2v", "A girl.", "is given the picture"),
        ("flux1", "flux_kontext", "A girl.", "wants an instruction"),
    ],
)
def test_what_is_lost_is_said(source, target, text, told):
    assert any(told in note for note in converted(text, source, target).notes)


def test_nothing_is_said_when_nothing_is_lost():
    assert converted("A fox waits.", "flux1", "flux2").notes == ()
    assert converted("fox, (hen:1.2)", "sd15", "sdxl").notes == ()


@pytest.mark.parametrize(
    ("tag", "category"),
    [
        ("woman in red coat", "subject"),
        ("red coat", "wear"),
        ("holding umbrella", "action"),
        ("night sky", "place"),
        ("soft light", "light"),
        ("golden hour", "time"),
        ("from above", "camera"),
        ("by a painter", "style"),
        ("blue eyes", "trait"),
        *((count, "subject") for count in COUNTS),
    ],
)
def test_a_tag_is_about_something(tag, category):
    assert category_of(tag) == category


def test_the_word_lists_hold_small_words_and_no_truths():
    lists = [value for value in LISTS.values() if isinstance(value, list)]
    lists += [words for kind in LISTS["categories"].values() for words in kind.values()]
    words = [word for words in lists for word in words if not isinstance(word, dict)]
    assert [word for word in words if not isinstance(word, str) or word != word.lower()] == []


def test_an_idiom_says_all_words_of_its_tag():
    for tag, idiom in LISTS["says"].items():
        assert content(tag) <= content(idiom)


def test_a_quality_tag_in_parentheses_that_are_text_is_text_too():
    once = convert("(masterpiece\n(", TARGETS["sd15"], TARGETS["sd35"]).text
    assert once == "\\(masterpiece, \\(."
    assert convert(once, TARGETS["sd35"], TARGETS["sd35"]).text == once
