"""Every failpoint of the product is one that some drill comes by."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

PRODUCT = ("eliot", "farm_app", "gallery_app", "sessions_app", "storyboard_app")
CALLS = ("failpoint", "failpoint_on_commit")
ANY = re.escape("{}")


def called() -> Iterator[str]:
    """Yield the name of each failpoint in the product, with {} for what is put in there."""
    for room in PRODUCT:
        for path in (Path(settings.BASE_DIR) / room).rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") in CALLS:
                    yield template(call.args[0])


def template(name: ast.expr) -> str:
    """Return a text, or a text that is put together, with {} for its parts."""
    if isinstance(name, ast.Constant):
        return str(name.value)
    assert isinstance(name, ast.JoinedStr), "a failpoint is named where it is"
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "{}" for part in name.values
    )


def armed() -> set[str]:
    """Return every text in the drills that could name a failpoint, with {} likewise."""
    found: set[str] = set()
    for path in (Path(settings.BASE_DIR) / "tests" / "faults").glob("test_*.py"):
        if path.name == Path(__file__).name:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.add(template(node))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def is_armed(name: str, texts: set[str]) -> bool:
    """Say whether one of the texts is this failpoint.

    What the product puts into a name stands for a word; what a drill puts in, for what the product does, or a side.
    """
    asked = re.escape(name).replace(ANY, "[a-z]+")
    given = (re.escape(text).replace(ANY, r"(?:\{\}|before|after)") for text in texts)
    return any(re.fullmatch(asked, text) for text in texts) or any(
        re.fullmatch(one, name) for one in given
    )


def test_every_failpoint_is_armed_by_a_drill() -> None:
    names, texts = set(called()), armed()
    assert len(names) > 20
    exact = {name for name in names if "{}" not in name}
    idle = {name for name in names - exact if not is_armed(name, texts - exact)}
    assert sorted(idle | {name for name in exact if not is_armed(name, texts)}) == []
