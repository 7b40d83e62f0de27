r"""Weights in a prompt, read and written as ComfyUI does: `(word:1.2)`, `((word))`, `\(text\)`.

Source: `token_weights` and `escape_important` in ComfyUI's `comfy/sd1_clip.py`. A text between the
two is *hidden*: its escaped parentheses are two control characters, so that they are plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Final

OPEN: Final = "\x01"
CLOSE: Final = "\x02"

_PER_PARENTHESIS: Final = 1.1
_DEEPEST: Final = 64
"""Groups within groups, beyond which parentheses are dropped; 64 of them already weigh 446."""
_HEAVIEST: Final = 100.0
_ESCAPED: Final = re.compile(r"(?<!\\)\\+([()])")
_TELLING: Final = re.compile(r"(\([^()]*:\s*[-+]?\d*\.?\d+\s*\)|(?<!\()\({2,}[^()]*\){2,})")
_BRACKETED: Final = re.compile(r"(?<![\\\[])(\[+)([^\[\]():|<>\\]+)(\]+)")


@dataclass(frozen=True)
class Span:
    """A piece of a prompt that has one weight."""

    text: str
    """Hidden: parentheses that are text are `OPEN` and `CLOSE`."""
    weight: float = 1.0
    """To two decimals; 1 is neutral."""


def hide(text: str) -> str:
    """Hides escaped parentheses; more than one backslash means no more than one."""
    return _ESCAPED.sub(lambda found: OPEN if found[1] == "(" else CLOSE, text)


def show(text: str, *, escaped: bool) -> str:
    """Shows hidden parentheses, with a backslash before them where the reader wants one."""
    before = "\\" if escaped else ""
    return text.replace(OPEN, f"{before}(").replace(CLOSE, f"{before})")


def hide_asides(text: str) -> str:
    """Hides the parentheses of prose, which are text unless doubled or around a number."""
    parts = _TELLING.split(text)
    return "".join(
        part if index % 2 else part.replace("(", OPEN).replace(")", CLOSE)
        for index, part in enumerate(parts)
    )


def unbracketed(text: str) -> str:
    """Writes `[word]`, which other programs read as less and ComfyUI as text, as a weight."""
    return _BRACKETED.sub(_lighter, text)


def _lighter(found: re.Match[str]) -> str:
    opened, text, closed = found.groups()
    if len(opened) != len(closed) or not text.strip():
        return found[0]
    return f"({text}:{weight_text(_rounded(_PER_PARENTHESIS ** -len(opened)))})"


def spans(hidden: str) -> list[Span]:
    """Reads the weights of a hidden text, in order; a parenthesis without a partner is text.

    A group multiplies by 1.1 what is around it; a number after its last colon replaces that.
    """
    return _merged(_read(hidden, 1.0, 0))


def _read(text: str, weight: float, depth: int) -> Iterator[Span]:
    if depth > _DEEPEST:
        yield Span(text.replace("(", "").replace(")", ""), _rounded(weight))
        return
    for piece in _pieces(text):
        if len(piece) > 1 and piece[0] == "(" and piece[-1] == ")":
            yield from _read(*_group(piece[1:-1], weight), depth + 1)
        else:
            yield Span(piece.replace("(", OPEN).replace(")", CLOSE), _rounded(weight))


def _pieces(text: str) -> list[str]:
    """Splits off the outermost groups, by counting parentheses as ComfyUI does."""
    pieces: list[str] = []
    start = level = 0
    for found in re.finditer(r"[()]", text):
        if found[0] == "(":
            if level == 0:
                pieces.append(text[start : found.start()])
                start = found.start()
            level += 1
        else:
            level -= 1
            if level == 0:
                pieces.append(text[start : found.end()])
                start = found.end()
    return [piece for piece in (*pieces, text[start:]) if piece]


def _group(content: str, around: float) -> tuple[str, float]:
    colon = content.rfind(":")
    if colon > 0:
        try:
            return content[:colon], float(content[colon + 1 :])
        except ValueError:
            pass
    return content, around * _PER_PARENTHESIS


def _rounded(weight: float) -> float:
    if not isfinite(weight):
        return 1.0
    return round(max(-_HEAVIEST, min(weight, _HEAVIEST)), 2) + 0.0


def _merged(found: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in found:
        if merged and merged[-1].weight == span.weight:
            merged[-1] = Span(merged[-1].text + span.text, span.weight)
        elif span.text:
            merged.append(span)
    return merged


def weight_text(weight: float) -> str:
    """A weight as it is written: 1.2, 0.85, 2."""
    return f"{weight:.2f}".rstrip("0").rstrip(".")


def written(parts: Iterable[Span]) -> str:
    """Writes spans in ComfyUI's syntax, parentheses that are text escaped."""
    return " ".join("".join(map(_written, parts)).split())


def _written(span: Span) -> str:
    core = span.text.strip()
    if span.weight == 1 or not core:
        return show(span.text, escaped=True)
    before, after = span.text.split(core, 1)
    return f"{before}({show(core, escaped=True)}:{weight_text(span.weight)}){after}"
