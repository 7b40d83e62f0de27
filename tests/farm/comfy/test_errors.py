from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm_app.comfy import errors
from farm_app.comfy.errors import Busy, ComfyError, Rejected, Unreachable, escaped


@given(st.text() | st.binary())
def test_evidence_is_short_and_safe_to_log(evidence: str | bytes) -> None:
    shown = escaped(evidence)
    assert len(shown) <= 200
    assert shown.isascii()
    assert not any(ord(character) < 32 or ord(character) == 127 for character in shown)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_failure_is_a_comfy_error_with_a_sentence(name: str) -> None:
    kind = getattr(errors, name)
    if name == "GraphProblem":
        return
    error = kind("It broke.", evidence=b"<html>\n")
    assert isinstance(error, ComfyError)
    assert (error.sentence, str(error), error.evidence) == ("It broke.", "It broke.", "<html>\\n")
    assert error.ambiguous is False


def test_failures_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(Unreachable("Gone.", refused=True, ambiguous=True)))  # noqa: S301
    assert (error.sentence, error.refused, error.ambiguous) == ("Gone.", True, True)
    assert pickle.loads(pickle.dumps(Busy("Wait.", retry_after_s=3.0))).retry_after_s == 3.0  # noqa: S301
    assert pickle.loads(pickle.dumps(Rejected("No.", missing=("a",)))).missing == ("a",)  # noqa: S301
