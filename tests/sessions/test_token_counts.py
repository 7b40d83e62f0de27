"""The tokens of a prompt, counted as ComfyUI counts them.

token_counts.json holds counts and chunks for a window of 75 that two independent tokenizers (the
CLIP tokenizers of transformers 4.57 and 5.23, behind ComfyUI's prompt syntax) agree on.
"""

import json
import math
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sessions_app.cinema import tokens
from sessions_app.cinema.tokens import TokenCount, count_tokens

KNOWN = json.loads(Path(__file__).with_name("token_counts.json").read_text(encoding="utf-8"))

anything = st.text(st.characters(exclude_categories=()))
syntax = st.text("()\\:1.2, abe\n\0\1\2")
prompts = st.lists(
    st.sampled_from(
        ["(", ")", "\\(", ":1.2)", "embedding:", "cat", " ", ",", "é", "夜", "<|", "&amp;"]
    )
    | anything
).map("".join)
any_prompt = anything | syntax | prompts
plain_prompt = any_prompt.map(lambda text: text.translate({ord("("): " ", ord(")"): ","}))


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: ascii(known["text"][:30]))
def test_it_counts_what_the_reference_counts(known):
    counted = count_tokens(known["text"], 75)
    assert (counted.count, counted.chunks) == (known["count"], known["chunks"])
    assert counted.is_exact is ("embedding:" not in known["text"] or "xembedding:" in known["text"])


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("東京タワー", 7),  # older libraries set Han characters apart
        ("sun\x0bset", 2),  # they drop control characters that the newest take for space
        ("don’t", 4),  # ftfy, where installed, straightens the apostrophe
        ("rock &amp; roll", 5),  # and resolves entities
    ],
)
def test_it_says_about_where_nodes_count_differently(text, count):
    counted = count_tokens(text, 75)
    assert (counted.count, counted.is_exact) == (count, False)


@pytest.mark.parametrize(
    "text", ["Amélie, café noir", "夜", "em–dash…", "tabs\tand\nlines", "👨‍👩‍👧", "salt & pepper"]
)
def test_it_is_exact_where_nodes_only_read_differently(text):
    assert count_tokens(text, 75).is_exact


def test_an_embedding_counts_one_and_is_never_exact():
    with_one = count_tokens("blurry, embedding:easynegative, noise", 75)
    assert with_one.count == count_tokens("blurry, x, noise", 75).count
    assert not with_one.is_exact
    assert count_tokens("embedding:", 75) == TokenCount(1, 75, 1, is_exact=False)


def test_one_token_more_than_the_window_is_over():
    assert not count_tokens("word " * 75, 75).over
    assert count_tokens("word " * 76, 75).over


def test_a_short_group_moves_to_the_next_chunk_whole():
    almost_two = "(word:1.1) " * 73 + "(one two three:1.1)" + "word " * 72
    assert count_tokens(almost_two, 75) == TokenCount(148, 75, 2, is_exact=True)
    assert count_tokens(almost_two.replace("two", "two two"), 75).chunks == 3
    assert count_tokens("(a b c:1.1)" * 5, 4) == TokenCount(15, 4, 5, is_exact=True)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("(" * 10_000 + "cat" + ")" * 10_000, 1),
        ("(" * 9_000 + "cat" + ":1.1)" * 9_000, 1),
        ("cat " * 5_000, 5_000),
        ("embedding:" + "," * 10_000 + " cat", None),
    ],
)
def test_it_survives_what_would_exhaust_a_recursion(text, count):
    counted = count_tokens(text, 75)
    assert count is None or counted.count == count


def test_a_word_of_thousands_of_letters_is_counted_and_not_kept():
    kept = tokens._cached_count.cache_info().currsize
    assert count_tokens("a" * 20_000, 75).count == 2_501
    assert tokens._cached_count.cache_info().currsize == kept


def test_the_words_kept_are_bounded():
    letters = str.maketrans("0123456789", "ghijklmnop")
    words = [f"{number:x}".translate(letters) for number in range(10_000)]
    count_tokens(" ".join(words), 75)
    cache = tokens._cached_count.cache_info()
    assert cache.maxsize is not None
    assert cache.currsize <= cache.maxsize < len(words)


@example("\x1f", 1, "t5")
@given(any_prompt, st.integers(1, 600), st.sampled_from(["clip", "t5"]))
def test_it_counts_any_text_within_bounds(text, window, encoder):
    counted = count_tokens(text, window, encoder=encoder)
    letters = unicodedata.normalize("NFC", text).lower()
    assert 0 <= counted.count <= 2 * len(letters.encode("utf-8", "surrogatepass"))
    assert counted.over is (counted.count > window)
    if not text.strip():
        assert counted.count == 0


@given(any_prompt, st.integers(8, 100))
def test_chunks_are_enough_and_nearly_full(text, window):
    counted = count_tokens(text, window)
    assert counted.chunks >= max(1, math.ceil(counted.count / window))
    assert counted.chunks <= 1 + counted.count // (window - 6)


@given(plain_prompt, plain_prompt)
def test_two_texts_joined_by_a_space_count_no_more_than_both(first, second):
    both = count_tokens(f"{first} {second}", 75).count
    apart = count_tokens(first, 75).count + count_tokens(second, 75).count
    assert both <= apart
    if "embedding:" not in f"{first} {second}":
        assert both == apart


@given(st.text("abcdefgh, .", min_size=1), st.floats(0.1, 2).map(lambda weight: f"{weight:.2f}"))
def test_a_weight_changes_no_count(text, weight):
    bare = count_tokens(text, 75).count
    assert count_tokens(f"({text}:{weight})", 75).count == bare
    assert count_tokens(f"(({text}))", 75).count == bare
    assert count_tokens(f"x ({text}) x", 75).count == bare + 2


@given(st.text("abc, "))
def test_escaped_parentheses_are_text(text):
    assert count_tokens(f"\\( {text} \\)", 75).count == count_tokens(text, 75).count + 2


@given(st.text(st.characters(max_codepoint=127), max_size=40))
def test_case_and_kind_of_space_do_not_matter_to_clip(text):
    counted = count_tokens(text, 75)
    assert count_tokens(text.upper().replace(" ", "\n"), 75).count == counted.count


# Lengths of token lists printed in the documentation of T5, without the end mark.
@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("hello world", 2),
        ("Today is a fine", 5),
        ("Das Haus ist wunderbar.", 5),
        ("translate English to German: The house is wonderful.", 10),
        ("Studies have been shown that owning a dog is good for you", 14),
    ],
)
def test_the_estimate_for_t5_is_near_and_says_so(text, count):
    counted = count_tokens(text, 512, encoder="t5")
    assert counted.count == pytest.approx(count, abs=2)
    assert not counted.is_exact
    assert counted.chunks == 1


def test_t5_reads_weights_too_and_never_splits():
    assert count_tokens("(cat:1.2), (dog)", 512, encoder="t5").count == 3
    assert count_tokens("cat " * 600, 512, encoder="t5").chunks == 1
    assert count_tokens("cat " * 600, 512, encoder="t5").over


@pytest.mark.parametrize("window", [0, -75])
def test_a_window_without_room_is_refused(window):
    with pytest.raises(ValueError, match="at least 1"):
        count_tokens("cat", window)
