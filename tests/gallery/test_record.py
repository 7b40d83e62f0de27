import json
from dataclasses import fields, replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery_app.recipe import EliotRecord, Lora, RecordError
from gallery_app.recipe.record import MAX_RECORD_BYTES, MAX_SEED

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
REAL = st.none() | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6)
COUNT = st.none() | st.integers(0, 2**40)
REF = st.none() | st.integers(-(2**63), 2**63) | TEXT
RECORDS = st.builds(
    EliotRecord,
    uid=st.just("") | st.uuids().map(str),
    prompt=TEXT,
    negative=TEXT,
    seed=st.just("") | st.integers(0, MAX_SEED).map(str),
    steps=COUNT,
    cfg=REAL,
    denoise=REAL,
    model=TEXT,
    loras=st.lists(st.builds(Lora, name=TEXT, strength=st.floats(-9, 9)), max_size=3).map(tuple),
    session=REF,
    panel=REF,
    parents=st.lists(st.uuids().map(str), max_size=3).map(tuple),
    created=st.just("") | st.datetimes().map(lambda moment: moment.isoformat()),
)

KEYS = (
    "v uid prompt negative seed steps cfg sampler scheduler denoise width height family model "
    "loras template template_version session round generation parents project panel job attempt "
    "node seconds created"
)


@given(RECORDS)
def test_it_reads_back_what_it_wrote(record: EliotRecord) -> None:
    assert EliotRecord.from_json(record.to_json()) == record
    assert EliotRecord.from_dict(json.loads(json.dumps(record.as_dict()))) == record


def test_it_has_the_keys_of_version_1_in_their_order() -> None:
    assert list(EliotRecord().as_dict()) == KEYS.split()
    assert [field.name for field in fields(EliotRecord)] == KEYS.split()


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": "\ud800"},
        {"prompt": "a\0b"},
        {"prompt": 7},
        {"seed": 7},
        {"seed": "-1"},
        {"seed": "٣"},
        {"seed": str(MAX_SEED + 1)},
        {"steps": True},
        {"steps": 2.5},
        {"steps": -1},
        {"cfg": "7"},
        {"cfg": float("nan")},
        {"cfg": 10**400},
        {"uid": "not-a-uuid"},
        {"uid": str(uuid4()).upper()},
        {"job": 1.5},
        {"parents": ("x",)},
        {"loras": ({"name": "a", "strength": 1},)},
        {"loras": (Lora(name="a", strength=float("inf")),)},
        {"v": 0},
        {"created": "yesterday"},
    ],
)
def test_it_refuses_a_wrong_type(wrong: dict[str, object]) -> None:
    with pytest.raises(RecordError, match=next(iter(wrong))):
        EliotRecord(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "[]",
        "null",
        '{"cfg": NaN}',
        '{"cfg": 1e999}',
        '{"loras": {}}',
        '{"loras": [{"name": "a"}]}',
        '{"prompt": "\\ud800"}',
        "[" * 100_000,
        '{"steps": ' + "9" * 5000 + "}",
        '"' + "x" * MAX_RECORD_BYTES + '"',
        b"\xff\xfe",
    ],
)
def test_it_refuses_junk(junk: str | bytes) -> None:
    with pytest.raises(RecordError):
        EliotRecord.from_json(junk)


def test_it_takes_absent_and_unknown_keys() -> None:
    found = EliotRecord.from_json('{"v": 2, "prompt": "x", "from_the_future": {"deep": [1]}}')
    assert found == replace(EliotRecord(), v=2, prompt="x")


def test_it_refuses_a_record_that_fits_no_file() -> None:
    with pytest.raises(RecordError, match="bytes"):
        EliotRecord(prompt="é" * MAX_RECORD_BYTES).to_json()


def test_it_keeps_the_largest_seed_as_text() -> None:
    assert f'"seed":"{MAX_SEED}"' in EliotRecord(seed=str(MAX_SEED), uid=str(UUID(int=1))).to_json()
