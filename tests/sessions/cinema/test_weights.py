"""Weights as ComfyUI reads them, checked against its own algorithm written out anew."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.cinema.weights import Span, hide, hide_asides, show, spans, unbracketed, written

syntax = st.text("()\\:1.2, ab\n[]", max_size=40)


def groups(text):
    """ComfyUI's `parse_parentheses`."""
    result: list[str] = []
    item, level = "", 0
    for char in text:
        if char == "(":
            if level == 0:
                result, item = [*result, *filter(None, [item])], ""
            item, level = item + char, level + 1
        elif char == ")":
            item, level = item + char, level - 1
            if level == 0:
                result, item = [*result, item], ""
        else:
            item += char
    return [*result, *filter(None, [item])]


def weights(text, around=1.0):
    """ComfyUI's `token_weights`: every character that is no syntax, with its weight."""
    found = []
    for group in groups(text):
        if len(group) < 2 or (group[0], group[-1]) != ("(", ")"):
            found += [(char, around) for char in group]
            continue
        content, weight = group[1:-1], around * 1.1
        colon = content.rfind(":")
        if colon > 0:
            try:
                weight = float(content[colon + 1 :])
                content = content[:colon]
            except ValueError:
                pass
        found += weights(content, weight)
    return found


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a (b) c", [("a ", 1), ("b", 1.1), (" c", 1)]),
        ("((b))", [("b", 1.21)]),
        ("(a (b:1.5) c:0.5)", [("a ", 0.5), ("b", 1.5), (" c", 0.5)]),
        ("((a) b:2)", [("a", 2.2), (" b", 2)]),
        ("saber \\(fate\\)", [("saber \x01fate\x02", 1)]),
        ("(saber \\(fate\\):1.3)", [("saber \x01fate\x02", 1.3)]),
        ("a (b", [("a \x01b", 1)]),
        ("a) b", [("a\x02 b", 1)]),
        ("(a:b)", [("a:b", 1.1)]),
        ("(a:-1)", [("a", -1)]),
        ("(a:nan)", [("a", 1)]),
    ],
)
def test_weights_are_read(text, read):
    assert [(span.text, span.weight) for span in spans(hide(text))] == read


@given(syntax)
def test_they_are_read_as_comfyui_reads_them(text):
    hidden = hide(text)
    found = [
        (show(char, escaped=False), span.weight) for span in spans(hidden) for char in span.text
    ]
    expected = [(show(char, escaped=False), weight) for char, weight in weights(hidden)]
    assert [char for char, _ in found] == [char for char, _ in expected]
    for (_, one), (_, other) in zip(found, expected, strict=True):
        assert math.isclose(one, max(-100, min(other, 100)), abs_tol=0.006)


@given(syntax)
def test_what_is_written_is_read_back(text):
    once = written(spans(hide(text)))
    assert written(spans(hide(once))) == once


def test_thousands_of_parentheses_are_harmless():
    assert spans("(" * 3000 + "a" + ")" * 3000) == [Span("a", 100.0)]


def test_square_brackets_weigh_less():
    assert (
        unbracketed("[a], [[b]], \\[c], [d:e:0.5], []")
        == "(a:0.91), (b:0.83), \\[c], [d:e:0.5], []"
    )


def test_an_aside_in_prose_is_text():
    assert hide_asides("a man (the captain), (red:1.2) and ((blue))") == (
        "a man \x01the captain\x02, (red:1.2) and ((blue))"
    )
